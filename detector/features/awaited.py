"""What is waited for: something happened, and by some later moment a record must have come that explains it.

Absence can only be told when nothing can arrive any more. So what happened is kept until the watermark has passed that
moment by the allowed lateness, and is judged then by what had been recorded until that moment: the same in any order.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

CAPACITY: Final = 2_000
"""Things of one tenant that are waited for at once."""

What = Literal["run", "record", "change", "handshake"]
"""A run of the pipeline that made a change; any deployment record for a credential; the change that a run promised; an
agent's passed handshake."""


class Awaited(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One thing that waits."""

    what: What
    due: float
    """Event time by which it must have been recorded, seconds since the epoch, UTC."""
    time: float
    """Event time of what happened."""
    id: str
    """Of the agent or blueprint, or the name of the run."""
    blueprint: bool = False
    """Whether it is a blueprint."""
    ids: tuple[str, ...] = ()
    """Every id that evidence may name it by."""
    kind: str = ""
    """Kind of change."""
    activity: str = ""
    occasion: str = ""
    record_id: str = ""
    actor_id: str | None = None
    actor_name: str | None = None
    address: str | None = None
    inside: bool = False
    """Whether it came from where and when a declared pipeline deploys."""
    platform: bool = False
    """Whether the actor is called like one of Microsoft's own."""


def wait_for(table: dict[str, Awaited], key: str, awaited: Awaited) -> tuple[bool, str | None]:
    """Adds one: (whether it is new and kept, what had to make room for it).

    The earliest of those with one name stays. When there are too many, the ones due last go.
    """
    known = table.get(key)
    if known is not None:
        if (known.due, known.time, known.record_id) <= (awaited.due, awaited.time, awaited.record_id):
            return False, None
        table[key] = awaited
        return True, None
    if len(table) < CAPACITY:
        table[key] = awaited
        return True, None
    last = max(table, key=lambda each: (table[each].due, each))
    if (awaited.due, key) >= (table[last].due, last):
        return False, key
    del table[last]
    table[key] = awaited
    return True, last


def due(table: dict[str, Awaited], before: float, *what: What) -> list[str]:
    """Names of those of some kinds whose moment is earlier than `before`, in order of their moments."""
    ripe = [key for key, each in table.items() if each.due < before and each.what in what]
    return sorted(ripe, key=lambda key: (table[key].due, key))
