"""How an identity gets its tokens: the types and ids of its credentials, and the flows of OAuth it goes through.

All of it is remembered in one dictionary of `detector.features.known`. Ids of keys are in lower case, so the tags of
the others begin with a capital letter and nothing can be taken for something else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

from detector.domain.events import Access
from detector.features.known import is_known
from detector.features.timeline import Horizon

CAPACITY: Final = 48
"""Types, key ids and flows remembered of an identity; those last seen a month ago make room."""

TOKEN_EXCHANGE: Final = frozenset({"fb60f99c-7a34-4190-8149-302f77469936"})
"""appId of the resource `api://AzureADTokenExchange`, whose tokens are merely the first step to another.

Source: the audience of such tokens (https://learn.microsoft.com/entra/workload-id/workload-identity-federation).
"""

_EXCHANGE_NAMES: Final = frozenset({"AAD Token Exchange Endpoint"})
_OF_USERS: Final = frozenset({"interactive_user", "non_interactive_user"})

Flow = Literal["app_only", "on_behalf_of", "agent_user"]

_FLOWS: Final[dict[Flow, str]] = {"app_only": "Fapp_only", "on_behalf_of": "Fon_behalf_of", "agent_user": "Fagent_user"}

SECRET: Final = "clientSecret"  # noqa: S105 - a type of credential, as sign-in logs spell it

_STRENGTHS: Final = {
    SECRET: 1,
    "clientAssertion": 2,
    "certificate": 2,
    "federatedIdentityCredential": 3,
    "managedIdentity": 4,
}
"""From what can be copied out of a file to what never leaves the platform. An assertion may be signed by either."""

Turn = Literal["weaker", "equal", "stronger", "unknown"]
"""A type of credential compared with the strongest one known."""


@lru_cache(maxsize=1_024)
def type_tag(name: str) -> str:
    """The name that a type of credential is remembered under: one shared object."""
    return "T" + name


def flow_tag(flow: Flow) -> str:
    """The name that a flow is remembered under."""
    return _FLOWS[flow]


def flow_of(access: Access) -> Flow | None:
    """The flow that a sign-in went through; `None` for the exchange that precedes another flow.

    A sign-in that belongs to a user is of a person unless it says that the user is an agent's.
    """
    if access.subject_role == "agent_user" or access.role == "agent_user":
        return "agent_user"
    if access.kind in _OF_USERS:
        return "on_behalf_of"
    return None if access.resource_id in TOKEN_EXCHANGE or access.resource_name in _EXCHANGE_NAMES else "app_only"


def known(values: dict[str, int], tag: str, hour: int, horizon: Horizon) -> tuple[str, ...]:
    """Types (`T`) or flows (`F`) known in `hour`, without their tag, in order."""
    return tuple(
        sorted(value[1:] for value in values if value.startswith(tag) and is_known(values, value, hour, horizon))
    )


def keys_known(values: dict[str, int], hour: int, horizon: Horizon) -> int:
    """How many ids of keys were known in `hour`."""
    return sum(1 for value in values if value[:1] not in {"T", "F"} and is_known(values, value, hour, horizon))


def turn(new: str, before: tuple[str, ...]) -> Turn:
    """How a type of credential compares with those known before."""
    strength, strongest = _STRENGTHS.get(new), max((_STRENGTHS.get(name, 0) for name in before), default=0)
    if strength is None or not strongest:
        return "unknown"
    return "weaker" if strength < strongest else "stronger" if strength > strongest else "equal"
