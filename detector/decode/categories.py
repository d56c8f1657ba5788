"""The registry of diagnostic categories: which are read, into what; which are known and left out."""

from __future__ import annotations

import functools
import operator
from typing import Any, Final

import msgspec

from detector.decode import audit, deployment, graph, inventory, risk, signin
from detector.decode.signin import AccessStatus, AgentType, CredentialType

_SIGN_INS: Final[tuple[Any, ...]] = tuple(signin.SIGN_INS)
_OTHERS: Final[tuple[Any, ...]] = (
    *audit.CATEGORIES,
    *risk.CATEGORIES,
    graph.GraphRequest,
    inventory.InventoryRecord,
    deployment.DeploymentRecord,
)

NOT_READ: Final = (
    "ADFSSignInLogs",
    "B2CRequestLogs",
    "EnrichedOffice365AuditLogs",
    "GraphNotificationsActivityLogs",
    "MicrosoftGraphPolicyLogs",
    "NetworkAccessTrafficLogs",
    "PreAuthenticationDiscoveryLogs",
    "ProvisioningLogs",
    "RemoteNetworkHealthLogs",
    "RiskyUsers",
    "UserRiskEvents",
)
"""Categories of the same diagnostic settings that say nothing about agents; see `FilterReason`."""

SKIPPED: Final[tuple[Any, ...]] = tuple(
    msgspec.defstruct(name, [], tag_field="category", tag=name, gc=False, module=__name__) for name in NOT_READ
)
"""One empty structure for each, so that a batch which mixes categories stays on the fast path."""

STRICT: Final[Any] = functools.reduce(
    operator.or_, (*(each[AgentType, CredentialType, AccessStatus] for each in _SIGN_INS), *_OTHERS, *SKIPPED, None)
)
"""Type of a record whose enumerations have known members; `None` is the empty element of a heartbeat."""

LOOSE: Final[Any] = functools.reduce(
    operator.or_, (*(each[str, str, str] for each in _SIGN_INS), *_OTHERS, *SKIPPED, None)
)
"""The same with any string in the enumerations."""


def _tag(kind: Any) -> str:  # noqa: ANN401 -- a type form
    return str(kind.__struct_config__.tag)


BY_NAME: Final[dict[str, tuple[str, Any]]] = {
    _tag(kind).casefold(): (_tag(kind), form)
    for kind, form in (*((kind, kind[str, str, str]) for kind in _SIGN_INS), *zip(_OTHERS, _OTHERS, strict=True))
}
"""Categories that are read: by name in lower case, the name as documented and the structure."""

NOT_READ_NAMES: Final = frozenset(name.casefold() for name in NOT_READ)
