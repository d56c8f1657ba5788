"""In how many of its hours at work a key gets tokens for each of its resources.

Counts of requests are ruled by a key's busiest resource, retries and token caches; in *how many hours* a resource is
used is not. One that hardly ever is, and then is in nearly every hour, is work that the key did not do before, however
little of it there is.

Only hours with a granted token count, each once it is final. The newest of them are told apart, a bit each; those
before them have taught: of every resource how many there were since it was first used, and in how many of them it was.
So what is judged has not taught, and a resource is rare only by hours in which it could have been used: one that
siblings began to use together is not, from its first days on.

The tail is that of a beta-binomial count. Work comes in spells, so hours are worth little more than a day together,
however many there were.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from detector.features.tails import beta_binomial_tail

WINDOW: Final = 6
"""Hours at work that are judged."""
CAPACITY: Final = 16
"""Resources of one key that are remembered: those that it used first."""

_APART: Final = 8
"""Hours at work that are told apart and have not taught yet."""
_MOST: Final = 254
"""Hours after which what they taught is halved: all numbers are bytes."""
_WORTH: Final = 24.0
"""Hours that all of them are worth at most."""
_PRIOR: Final = 0.5
_WINDOW: Final = (1 << WINDOW) - 1
_NEWEST: Final = (1 << _APART) - 1
_FIELDS: Final = 3
"""Of each resource: its newest hours (a bit each, the last one lowest), the hours that taught, those with it."""


class MixMemory(msgspec.Struct, gc=False):
    """The resources of one key and its hours."""

    names: tuple[str, ...] = ()
    """Sorted."""
    hours: bytes = b""
    """Three numbers of each."""


class Shift(msgspec.Struct, frozen=True, gc=False):
    """A resource that is used in more hours than usual."""

    resource: str
    count: int
    """Hours of the newest `WINDOW` in which it was used."""
    usual: float
    p_value: float
    seen: int
    """Hours that the usual number was learned from."""


@lru_cache(maxsize=16_384)
def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    """The first of all equal tuples: siblings have the same resources."""
    return names


def is_mixed(values: dict[str, int], hour: int) -> bool:
    """Whether a key had used several of these `known.values` by the end of an hour: before that there is no mix."""
    return len(values) > 1 and sum(1 for state in values.values() if state > 0 or -state <= hour) > 1


def take_in(memory: MixMemory, used: list[str]) -> None:
    """Takes in the resources of an hour at work, later than those before."""
    now = set(used)
    if not now.issubset(memory.names):
        _add(memory, now)
    hours = bytearray(memory.hours)
    for place, name in enumerate(memory.names):
        at = place * _FIELDS
        bits, taught, with_it = hours[at : at + _FIELDS]
        gone = bits >> (_APART - 1)
        hours[at] = (bits << 1 | (name in now)) & _NEWEST
        if taught or gone:
            if taught == _MOST:
                taught, with_it = taught // 2, (with_it + 1) // 2
            hours[at + 1], hours[at + 2] = taught + 1, with_it + gone
    memory.hours = bytes(hours)


def _add(memory: MixMemory, used: set[str]) -> None:
    """Begins to remember resources; those that come in one hour beyond the capacity are taken by name."""
    fresh = sorted(used.difference(memory.names))[: CAPACITY - len(memory.names)]
    names = sorted((*memory.names, *fresh))
    at = {name: place * _FIELDS for place, name in enumerate(memory.names)}
    nothing = bytes(_FIELDS)
    parts = [memory.hours[at[name] : at[name] + _FIELDS] if name in at else nothing for name in names]
    memory.names, memory.hours = _names(tuple(names)), b"".join(parts)


def newest(memory: MixMemory, resource: str) -> int:
    """In how many of the newest hours at work a resource that is remembered was used."""
    return (memory.hours[memory.names.index(resource) * _FIELDS] & _WINDOW).bit_count()


def shifts(memory: MixMemory, floor: int, seen: float) -> list[Shift]:
    """The resources of the newest hour that were used in `floor` of the window's hours and twice as many as usual."""
    found: list[Shift] = []
    for place, name in enumerate(memory.names):
        bits, taught, with_it = memory.hours[place * _FIELDS : (place + 1) * _FIELDS]
        count = (bits & _WINDOW).bit_count()
        if bits & 1 and count >= floor and taught >= seen and count * taught > 2 * WINDOW * with_it:
            found.append(_shift(name, count, taught, with_it))
    return found


def _shift(name: str, count: int, taught: int, with_it: int) -> Shift:
    """The hour that made it known says nothing of how often it is used."""
    alpha, beta = with_it - 1 + _PRIOR, taught - with_it + _PRIOR
    worth = min(1.0, _WORTH / (alpha + beta))
    usual = WINDOW * with_it / taught
    return Shift(name, count, usual, beta_binomial_tail(count, WINDOW, alpha * worth, beta * worth), taught)
