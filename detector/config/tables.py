"""The tables that are data, not code: read once, when they are first asked for."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from detector.config.document import Data, parse
from detector.config.resources import text_of
from detector.domain.findings import SEVERITIES
from detector.features.budget import place

OTHER_FAILURE: Final = "other_failure"
"""Class of an error code that no table lists."""

IGNORED: Final = "ignored"
"""Kind that takes an activity out of the table."""

_UNLISTED: Final = frozenset(
    {
        "agent_disabled",
        "agent_enabled",
        "credential_added",
        "federated_credential_changed",
        "federated_credential_removed",
        "inheritable_permissions_changed",
        "user_updated",
    }
)
"""Kinds that are not in the table: those that `detector.features.changes` makes, and one that is too noisy for it."""


class ErrorCodes(NamedTuple):
    """`error_codes.yaml`."""

    classes: dict[int, str]
    transient: frozenset[str]
    guesses: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """Every class there is."""
        return frozenset(self.classes.values()) | {OTHER_FAILURE}


class AgentSigns(NamedTuple):
    """`agent_signs.yaml`."""

    tags: tuple[str, ...]
    audiences: dict[str, str]
    """App ids by name."""
    names: frozenset[str]
    user_agents: tuple[str, ...]


class Tier0(NamedTuple):
    """`tier0.yaml`."""

    app_roles: dict[str, str]
    """Ids by name."""
    directory_roles: dict[str, str]
    """Template ids by name."""
    agent_roles: dict[str, str]
    """Template ids by name."""
    delegated_scopes: list[str]

    @property
    def permissions(self) -> frozenset[str]:
        """Names and ids of the app roles, case-folded."""
        return _folded(self.app_roles)

    @property
    def roles_over_agents(self) -> frozenset[str]:
        """Names and template ids of the roles that administer agents, case-folded."""
        return _folded(self.agent_roles)

    @property
    def administrators_of_agents(self) -> frozenset[str]:
        """The same of those that open the tenant too."""
        return self.roles_over_agents & _folded(self.directory_roles)


@cache
def error_codes() -> ErrorCodes:
    """Sign-in error codes and their classes."""
    table = _read("error_codes.yaml")
    classes = {int(code): name for code, name in table["classes"].items()}
    return ErrorCodes(classes, frozenset(table["transient"]), frozenset(table["guesses"]))


@cache
def activities() -> dict[str, str]:
    """Folded audit activities and their kinds of change."""
    table: dict[str, str] = _read("activities.yaml")
    return table


@cache
def kinds() -> frozenset[str]:
    """Every kind of change that a detector may be told of."""
    return (frozenset(activities().values()) - {"credentials_changed"}) | _UNLISTED


@cache
def tier0() -> Tier0:
    """Permissions and roles that open the tenant."""
    return Tier0(**_read("tier0.yaml"))


@cache
def resources() -> dict[str, str]:
    """App ids of the resources whose misuse is grave, by name."""
    table: dict[str, str] = _read("resources.yaml")
    return table


@cache
def public_issuers() -> dict[str, str]:
    """Hosts of issuers of federated credentials where anybody may have an account, and whose they are."""
    table: dict[str, str] = _read("issuers.yaml")
    return table


@cache
def agent_signs() -> AgentSigns:
    """What betrays an agent that is registered as an ordinary application; all text is in lower case."""
    table = _read("agent_signs.yaml")
    return AgentSigns(
        tuple(tag.casefold() for tag in table["tags"]),
        table["audiences"],
        frozenset(table["names"]),
        tuple(table["user_agents"]),
    )


@cache
def calibration() -> dict[str, tuple[tuple[int, float], ...]]:
    """How often alerts come without an attack: rising strengths, and rates of those at least as strong, by kind."""
    table = _read("calibration.yaml")
    return {
        kind: tuple((place(SEVERITIES.index(severity), own), rate) for severity, own, rate in steps)
        for kind, steps in table["kinds"].items()
    }


@cache
def platform_actors() -> tuple[str, ...]:
    """Display names of Microsoft's own actors."""
    return tuple(_read("platform_actors.yaml"))


def _folded(ids: dict[str, str]) -> frozenset[str]:
    return frozenset(part.casefold() for pair in ids.items() for part in pair)


@cache
def risk_events() -> dict[str, str]:
    """Types of risk detections, case-folded, and what each says in plain words."""
    table: dict[str, str] = _read("risk_events.yaml")
    return {name.casefold(): words for name, words in table.items()}


def _read(name: str) -> Data:
    return parse(text_of(name), name).data
