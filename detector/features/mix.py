"""In how many of its hours at work a key gets tokens for each of its resources.

Counts of requests are ruled by a key's busiest resource, retries and token caches; in *how many hours* a resource is
used is not. One that hardly ever is, and then is in nearly every hour, is work that the key did not do before, however
little of it there is.

Only hours with a granted token count, each once it is final. The newest of them are told apart, a bit each; those
before them have taught: of every resource how many there were since it was first used, and in how many of them it was.
So what is judged has not taught, and a resource is rare only by hours in which it could have been used: one that
siblings began to use together is not, from its first days on.

What was learned of a resource is halved every few days of work. The tail is that of a beta-binomial count. Work comes
in spells, so hours are worth little more than a day together, however many there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from typing import Final

import msgspec

from detector.features.tails import beta_binomial_tail

WINDOW: Final = 6
"""Hours at work that are judged."""
CAPACITY: Final = 8
"""Resources of one key that are remembered."""

_APART: Final = 8
"""Hours at work that are told apart and have not taught yet."""
_WORTH: Final = 24.0
"""Hours that all of them are worth at most."""
_PRIOR: Final = 0.5
_WINDOW: Final = (1 << WINDOW) - 1

# Three numbers of eight bytes, and in each number a byte for each resource, so that an hour is a few operations
# whatever there is: the newest hours (a bit each, the last one lowest), all hours since the first use, and those of
# them that have taught and in which the resource was used.
_NUMBERS: Final = Struct("<QQQ")
_ONES: Final = 0x0101010101010101
_LOST: Final = 0xFEFEFEFEFEFEFEFE
_MOST: Final = 128
"""Hours after which what was learned of a resource is halved."""
_FULL: Final = _MOST * _ONES
_BYTE: Final = 0xFF


class MixMemory(msgspec.Struct, gc=False):
    """The resources of one key and its hours."""

    names: tuple[str, ...] = ()
    """Sorted: the place of a resource is that of its byte."""
    hours: bytes = bytes(_NUMBERS.size)


class Shift(msgspec.Struct, frozen=True, gc=False):
    """A resource that is used in more hours than usual."""

    resource: str
    count: int
    """Hours of the newest `WINDOW` in which it was used."""
    usual: float
    p_value: float
    seen: int
    """Hours that the usual number was learned from."""


class _Places(msgspec.Struct, frozen=True, gc=False):
    """Where the bytes of resources are."""

    names: tuple[str, ...]
    """The first of all equal tuples: siblings have the same resources."""
    shifts: dict[str, int]
    """Bits to the right of each."""
    ones: int
    """A one for each."""


@lru_cache(maxsize=16_384)
def _places(names: tuple[str, ...]) -> _Places:
    return _Places(names, {name: 8 * place for place, name in enumerate(names)}, _ONES & ((1 << 8 * len(names)) - 1))


@lru_cache(maxsize=16_384)
def _first(used: tuple[str, ...]) -> _Places:
    """Where the bytes are of a key that begins with these resources."""
    return _places(tuple(sorted(set(used))[:CAPACITY]))


def is_mixed(values: dict[str, int], hour: int) -> bool:
    """Whether a key had used several of these `known.values` by the end of an hour: before that there is no mix."""
    return len(values) > 1 and sum(1 for state in values.values() if state > 0 or -state <= hour) > 1


def take_in(memory: MixMemory, used: Sequence[str], floor: int, seen: float) -> list[Shift]:
    """Takes in the resources of an hour at work, later than those before.

    Returns:
        Those that were used in `floor` of the window's hours and twice as many as usual, learned from `seen` hours.
    """
    if memory.names:
        places = _places(memory.names)
        for name in used:
            if name not in places.shifts:
                _add(memory, used)
                places = _places(memory.names)
                break
    else:
        places = _first(tuple(used))
        memory.names = places.names
    known = places.shifts
    newest, since, with_it = _NUMBERS.unpack(memory.hours)
    gone = newest >> (_APART - 1) & _ONES
    newest = newest << 1 & _LOST
    since += places.ones
    with_it += gone
    found: list[Shift] = []
    for name in used:
        at = known.get(name)
        if at is not None:
            newest |= 1 << at
            count = (newest >> at & _WINDOW).bit_count()
            taught, taken = (since >> at & _BYTE) - _APART, with_it >> at & _BYTE
            if count >= floor and taught >= seen and count * taught > 2 * WINDOW * taken:
                found.append(_shift(name, count, taught, taken))
    memory.hours = _NUMBERS.pack(newest, since, with_it) if not since & _FULL else _halved(newest, since, with_it)
    return found


def newest(memory: MixMemory, resource: str) -> int:
    """In how many of the newest hours at work a resource that is remembered was used."""
    return (memory.hours[memory.names.index(resource)] & _WINDOW).bit_count()


def _halved(newest: int, since: int, with_it: int) -> bytes:
    """The same shares, of resources with the most hours learned from half as many."""
    hours, taken = bytearray(since.to_bytes(CAPACITY, "little")), bytearray(with_it.to_bytes(CAPACITY, "little"))
    for place, number in enumerate(hours):
        if number >= _MOST:
            hours[place], taken[place] = (number - _APART) // 2 + _APART, (taken[place] + 1) // 2
    return newest.to_bytes(CAPACITY, "little") + bytes(hours) + bytes(taken)


def _add(memory: MixMemory, used: Sequence[str]) -> None:
    """Begins to remember resources; those that are not at work and were used least make room."""
    columns = {name: memory.hours[place::CAPACITY] for place, name in enumerate(memory.names)}
    fresh = sorted(set(used).difference(columns))
    idle = sorted((hours[2], name) for name, hours in columns.items() if not hours[0] and name not in used)
    for _, name in idle[: max(0, len(columns) + len(fresh) - CAPACITY)]:
        del columns[name]
    columns |= dict.fromkeys(fresh[: CAPACITY - len(columns)], bytes(3))
    memory.names = _places(tuple(sorted(columns))).names
    rows = zip(*(columns[name] for name in memory.names), strict=True)
    memory.hours = b"".join(bytes(row).ljust(CAPACITY, b"\0") for row in rows)


def _shift(name: str, count: int, taught: int, taken: int) -> Shift:
    """The hour that made it known says nothing of how often it is used."""
    alpha, beta = taken - 1 + _PRIOR, taught - taken + _PRIOR
    worth = min(1.0, _WORTH / (alpha + beta))
    usual = WINDOW * taken / taught
    return Shift(name, count, usual, beta_binomial_tail(count, WINDOW, alpha * worth, beta * worth), taught)
