"""Numbers as people read them."""

from __future__ import annotations

from detector.domain.signals import Fact

_SPANS = {600: "10 minutes", 3600: "1 hour", 21600: "6 hours"}


def amount(value: float) -> str:
    """A count or rate with as many digits as it deserves."""
    if value >= 10 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.1 else f"{value:.2g}"


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


def number(fact: Fact) -> float:
    """A numeric fact; 0.0 when the signal does not carry it."""
    return float(fact) if isinstance(fact, int | float) else 0.0
