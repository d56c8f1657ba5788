"""Numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from detector.domain.signals import Fact

_DAY = 86_400

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


def clock(time: float) -> str:
    """A moment, seconds since the epoch, as date and minute in UTC: `2026-03-12 11:00`."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M}"


def moment(fact: Fact) -> str:
    """An event time to the minute, `2026-03-12 10:20 UTC`."""
    return f"{clock(number(fact))} UTC"


def by_hour(fact: Fact) -> str:
    """The end of the hour in which something was shown that memory knows to the hour, `2026-03-12 11:00 UTC`."""
    return moment(number(fact) + 1)


def lapse(seconds: float) -> str:
    """A stretch of time that may be days: `4 minutes`, `1.5 hours`, `9.5 days`."""
    return duration(seconds) if seconds < 2 * _DAY else counted(round(seconds / _DAY, 1), "day")


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


def step_actor(facts: Mapping[str, Fact], step: int) -> str:
    """Who made a step of a sequence: the name, else the id."""
    return text(facts.get(f"step_{step}_name") or facts.get(f"step_{step}_who") or "somebody unknown")


def step_address(facts: Mapping[str, Fact], step: int) -> str:
    """Where a step of a sequence came from."""
    return text(facts.get(f"step_{step}_address") or "an unknown address")


def address(facts: Mapping[str, Fact]) -> str:
    """Where something came from."""
    return text(facts.get("address") or "an unknown address")


def number(fact: Fact) -> float:
    """A numeric fact; 0.0 when the signal does not carry it."""
    return float(fact) if isinstance(fact, int | float) else 0.0


def inside(facts: Mapping[str, Fact]) -> bool:
    """Whether a declared pipeline made a change, from its addresses and in its hours."""
    return facts.get("pipeline") is not None and facts.get("deviation") is None


def several(fact: Fact) -> tuple[str, ...]:
    """A fact that is a list of texts; empty when the signal does not carry it."""
    return fact if isinstance(fact, tuple) else ()


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names for a sentence, `a`, `a and b`, `a, b, c and 4 more`; empty ones are unknown."""
    shown = [name or "unknown" for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def date(fact: Fact) -> str:
    """The day (UTC) of a time in seconds since the epoch."""
    return datetime.fromtimestamp(number(fact), UTC).date().isoformat()


def policy_of(name: Fact) -> str:
    """The policy that refused something, `by the policy Block agents`; a nameless one is said to be that."""
    return f"by the policy {text(name)}" if name else "by a policy that the record does not name"


def hours_later(first: float, second: float) -> str:
    """How a moment known to the hour lies to one before it: `in the same hour`, `2 hours later`."""
    hours = int(second // 3600) - int(first // 3600)
    return "in the same hour" if hours <= 0 else "in the next hour" if hours == 1 else f"{hours} hours later"


def factor_of_siblings(facts: Mapping[str, Fact]) -> str:
    """What siblings at the same hours explain, for a sentence; nothing when they were no busier than usual."""
    factor = number(facts.get("siblings_factor"))
    return f" and times {factor:.1f}, for its siblings are busier than usual too" if factor >= 1.05 else ""
