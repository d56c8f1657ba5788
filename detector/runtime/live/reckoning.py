"""What metrics may say of whom an alert is about: the environment, and whether it begins an incident. Never who."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from detector.domain.alerts import Alert
    from detector.features.declarations import Declarations

Belonging = Literal["production", "non_production", "undeclared"]

_MOST: Final = 10_000
"""Incidents that are remembered; the oldest gives way."""


class Reckoning:
    """Remembers which incidents have begun since the process started."""

    def __init__(self) -> None:
        self._begun: Final[dict[str, None]] = {}

    def begins(self, alert: Alert) -> bool:
        """Whether an alert is the first of its incident, since the start of the process at least."""
        if alert.incident is None or alert.incident in self._begun:
            return False
        if len(self._begun) >= _MOST:
            del self._begun[next(iter(self._begun))]
        self._begun[alert.incident] = None
        return True


def environment_of(alert: Alert, declarations: Declarations | None) -> Belonging:
    """Where the manifest says that the subject of an alert, or else its blueprint, belongs to."""
    if declarations is None:
        return "undeclared"
    declared = declarations.of(alert.subject.id, alert.subject.blueprint)
    return declarations.environment_of(declared) or "undeclared"
