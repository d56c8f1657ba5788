"""What a risk record of Identity Protection amounts to.

43 of 44 recorded sign-ins of service principals say level `low` and state `none`, so a low level alone means nothing.
What counts is the state, or a level of at least medium. Members of both enumerations may be added at any time; what is
not known here raises nothing by itself.
"""

from __future__ import annotations

from typing import Final, Literal

from detector.domain.events import Risk

Grade = Literal["low", "medium", "high", "confirmed"]
"""`low`: at risk, and no level of weight is stated."""

_RAISED: Final = frozenset({"atrisk", "confirmedcompromised"})
_ENDED: Final = frozenset({"remediated", "dismissed", "confirmedsafe"})
_LEVELS: Final[dict[str, Grade]] = {"medium": "medium", "high": "high"}


def grade_of(risk: Risk) -> Grade | None:
    """How grave it is; `None` when nothing was raised."""
    state, level = _folded(risk.state), _folded(risk.level)
    if state in _ENDED:
        return None
    if state == "confirmedcompromised" or _folded(risk.event_type).startswith("adminconfirmed"):
        return "confirmed"
    return _LEVELS.get(level, "low" if state in _RAISED else None)


def ended(risk: Risk) -> bool:
    """Whether it says that a risk is over: remediated, dismissed or confirmed safe."""
    return _folded(risk.state) in _ENDED


def _folded(value: str | None) -> str:
    return (value or "").casefold()
