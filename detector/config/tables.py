"""The tables that are data, not code: read once, when they are first asked for."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from detector.config.document import Data, parse
from detector.config.resources import text_of

OTHER_FAILURE: Final = "other_failure"
"""Class of an error code that no table lists."""

IGNORED: Final = "ignored"
"""Kind that takes an activity out of the table."""

_UNLISTED: Final = frozenset({"credential_added", "federated_credential_changed", "user_updated"})
"""Kinds that are not in the table: two that `detector.features.changes` makes, and one that is too noisy for it."""


class ErrorCodes(NamedTuple):
    """`error_codes.yaml`."""

    classes: dict[int, str]
    transient: frozenset[str]
    guesses: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """Every class there is."""
        return frozenset(self.classes.values()) | {OTHER_FAILURE}


class Tier0(NamedTuple):
    """`tier0.yaml`: ids by name."""

    app_roles: dict[str, str]
    directory_roles: dict[str, str]


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
def platform_actors() -> tuple[str, ...]:
    """Display names of Microsoft's own actors."""
    return tuple(_read("platform_actors.yaml"))


def _read(name: str) -> Data:
    return parse(text_of(name), name).data
