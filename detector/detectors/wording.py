"""Numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from detector.domain.signals import Fact

_SPANS = {600: "10 minutes", 3600: "1 hour", 21600: "6 hours"}


def amount(value: float) -> str:
    """A count or rate with as many digits as it deserves."""
    if value >= 9.95 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.1 else f"{value:.2g}"


def counted(number: float, thing: str) -> str:
    """A number of things, `1 resource` or `2 resources`."""
    shown = amount(number)
    return f"{shown} {thing}" if shown == "1" else f"{shown} {thing}s"


def duration(seconds: float) -> str:
    """A stretch of time to one number: `40 seconds`, `4 minutes`, `1.5 hours`."""
    if seconds < 60:
        return counted(max(1, round(seconds)), "second")
    if seconds < 3600:
        return counted(round(seconds / 60), "minute")
    return counted(round(seconds / 3600, 1), "hour")


def span(seconds: float) -> str:
    """A bucket length in words."""
    return _SPANS.get(int(seconds), f"{seconds:.0f} seconds")


def odds(p_value: float) -> str:
    """A tail probability, `p = 2e-09`; anything below 1e-12 is said to be that."""
    return "p < 1e-12" if p_value < 1e-12 else f"p = {p_value:.1g}"


def text(fact: Fact) -> str:
    """A fact for a sentence; a missing one is said to be unknown."""
    if fact is None or fact == "":
        return "unknown"
    return ", ".join(fact) if isinstance(fact, tuple) else str(fact)


def words(fact: Fact) -> str:
    """A name out of a table, `credential_invalid`, as words."""
    return text(fact).replace("_", " ")


def actor(facts: Mapping[str, Fact]) -> str:
    """Who made a change: the name, else the id."""
    named = facts.get("actor_name") or facts.get("actor_id")
    return text(named) if named else "somebody unknown"


def address(facts: Mapping[str, Fact]) -> str:
    """Where something came from."""
    return text(facts.get("address") or "an unknown address")


def number(fact: Fact) -> float:
    """A numeric fact; 0.0 when the signal does not carry it."""
    return float(fact) if isinstance(fact, int | float) else 0.0
