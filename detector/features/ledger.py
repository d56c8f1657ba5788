"""A ledger: what is worth remembering of one key for months, and the sequences that its entries form.

Sequences run over hours to months and over records of different categories, which arrive in any order: an audit record
often comes after the sign-in that it explains. So nothing is a state machine that steps when a record arrives. A ledger
is a *set* of entries, kept in order of event time, and a sequence is a pattern that is looked for among them whenever
one is added. Whatever comes last completes it, and what is found is the same in any order of arrival.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from operator import attrgetter
from typing import Final

import msgspec

from detector.features.timeline import DAY, STEP

KEPT: Final = 180 * DAY
"""Seconds of event time that an entry is kept behind the newest of its ledger."""

CAPACITY: Final = 32
"""Entries of one kind that a ledger keeps: the newest."""

NAMED: Final = "name:"
"""Before the case-folded name of a thing whose id is not known."""


class Entry(msgspec.Struct, frozen=True, gc=False, order=True):
    """One fact. Entries sort by time.

    What happened, to what, who did it and which record says so is what a fact is; the rest is told of it.
    """

    time: float
    """Event time, seconds since the epoch, UTC."""
    kind: str
    about: str = ""
    """What it is about besides the key: a key id, a resource, a policy, an agent of the blueprint; joins steps."""
    who: str = ""
    """Object id of who did it."""
    record_id: str = ""
    address: str = ""
    name: str = ""
    """For people: of who did it, or of what it is about."""
    detail: str = ""
    deed: str = ""
    """What all records of one deed share: the correlation id; `""` when it has one record."""
    by: str = ""
    """`pipeline` or `platform` when a declared pipeline (as declared) or one of Microsoft's own actors did it; of a
    refusal the name of the policy."""

    def same(self, other: Entry) -> bool:
        """Whether both are one fact, whatever else is told of it."""
        return (self.time, self.kind, self.about, self.who, self.record_id) == (
            other.time,
            other.kind,
            other.about,
            other.who,
            other.record_id,
        )

    def like(self, other: Entry) -> bool:
        """Whether both tell of the same thing at two moments."""
        return (self.kind, self.about, self.who, self.detail) == (other.kind, other.about, other.who, other.detail)


_time_of: Final = attrgetter("time")


class Ledger(msgspec.Struct, gc=False):
    """The entries of one key, rising."""

    entries: list[Entry] = []
    watches: dict[str, float] = {}
    """Causes for which granted tokens are noted, and the event time since which they are."""
    ends: dict[str, float] = {}
    """Causes that end by themselves, and the event time at which they do."""

    def add(self, entry: Entry) -> bool:
        """Remembers an entry; whether it is news that is kept. Of one fact what is told first is kept."""
        entries = self.entries
        place = bisect_left(entries, entry)
        if any(entry.same(each) for each in entries[max(0, place - 1) : place + 1]):
            return False
        if entries and entry.time < entries[-1].time - KEPT:
            return False
        entries.insert(place, entry)
        if entry is entries[-1]:
            limit = entry.time - KEPT
            while entries[0].time < limit:
                del entries[0]
        same = [each for each in entries if each.kind == entry.kind]
        if len(same) > CAPACITY:
            entries.remove(same[0])
            return same[0] is not entry
        return True

    def add_ends(self, entry: Entry) -> bool:
        """`add` for what comes in crowds: of entries alike within ten minutes the earliest and the latest are kept.

        So whether there is one before or after a moment does not depend on the order in which they came.
        """
        start = int(entry.time) // STEP * STEP
        first = bisect_left(self.entries, start, key=_time_of)
        near = takewhile(lambda each: each.time < start + STEP, islice(self.entries, first, None))
        alike = [each for each in near if each.like(entry)]
        if len(alike) > 1:
            if alike[0] <= entry <= alike[-1]:
                return False
            self.entries.remove(alike[0] if entry < alike[0] else alike[-1])
        return self.add(entry)

    def of(self, *kinds: str) -> list[Entry]:
        """The entries of these kinds, rising."""
        return [entry for entry in self.entries if entry.kind in kinds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a sequence."""

    kinds: frozenset[str]
    """Any of these makes the step."""
    within: float = KEPT
    """Seconds after the step before it, at most."""
    at_least: float = 0.0
    """Seconds after the step before it, at least."""
    same_about: int | None = None
    """Number of an earlier step whose `about` it shares, or by whose name it is called where the id is not known."""
    same_who: int | None = None
    """Number of an earlier step whose `who` it shares."""
    about_is_who: int | None = None
    """Number of an earlier step whose `who` this one is about."""
    who_is_about: int | None = None
    """Number of an earlier step that was about who made this one."""
    other_about: int | None = None
    """Number of an earlier step whose `about` it does not share."""
    other_who: int | None = None
    """Number of an earlier step whose `who` it does not share."""
    not_in_detail: int | None = None
    """Number of an earlier step among the words of whose `detail` what this one is about is not."""
    about_in: frozenset[str] | None = None
    """What it may be about; `None` for anything."""

    def fits(self, entry: Entry, made: tuple[Entry, ...]) -> bool:
        """Whether an entry can make this step, the steps before it being made."""
        return (
            entry.kind in self.kinds
            and (self.about_in is None or entry.about in self.about_in)
            and (not made or self.at_least <= entry.time - made[-1].time <= self.within)
            and (self.same_about is None or _same(made[self.same_about], entry))
            and (self.same_who is None or entry.who == made[self.same_who].who)
            and (self.about_is_who is None or entry.about == made[self.about_is_who].who)
            and (self.who_is_about is None or entry.who == made[self.who_is_about].about)
            and self._differs(entry, made)
        )

    def _differs(self, entry: Entry, made: tuple[Entry, ...]) -> bool:
        return (
            (self.other_about is None or entry.about != made[self.other_about].about)
            and (self.other_who is None or entry.who != made[self.other_who].who)
            and (self.not_in_detail is None or entry.about not in made[self.not_in_detail].detail.split())
        )


def _same(earlier: Entry, entry: Entry) -> bool:
    """Whether two entries are about the same thing. Nothing is not the same as nothing."""
    if not earlier.about:
        return False
    return earlier.about == entry.about or (bool(entry.name) and earlier.about == NAMED + entry.name.casefold())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Steps in order of event time, the first of which names the occasion.

    Steps at one instant may stand in any order: what is dated at the end of its hour is no later than its like.
    """

    name: str
    steps: tuple[Step, ...]
    broken_by: frozenset[str] = frozenset()
    """Kinds of entries that, between the first step and the last, end the matter. Such a sequence is told once nothing
    can come between any more: the lateness after its last step."""

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of entries that can make a step of it."""
        return frozenset().union(*(step.kinds for step in self.steps))

    def found(self, ledger: Ledger, new: Entry | None = None) -> Iterator[tuple[Entry, ...]]:
        """For each entry that can be the first step, an early way to complete the sequence, if there is one.

        With `new`, an entry just added: only what it is a step of, for everything else was found before.
        """
        for first in ledger.entries:
            if self.steps[0].fits(first, ()):
                made = self._complete((first,), self._later(ledger, first), new)
                if made is not None:
                    yield made

    def unbroken(self, ledger: Ledger, made: tuple[Entry, ...]) -> bool:
        """Whether nothing that a ledger knows comes between the first and the last of these steps."""
        return made[-1] in self._later(ledger, made[0], made[-1])

    def others(self, ledger: Ledger, made: tuple[Entry, ...]) -> list[Entry]:
        """The entries that could be the last step in its place, and the last step itself."""
        return [each for each in self._later(ledger, made[0], made[-1]) if self.steps[-1].fits(each, made[:-1])]

    def _later(self, ledger: Ledger, first: Entry, also: Entry | None = None) -> list[Entry]:
        """The entries from the instant of the first step on, until something ends the matter.

        `also` is one of them that a full ledger may have given up.
        """
        later: list[Entry] = []
        for entry in ledger.entries if also is None else sorted({*ledger.entries, also}):
            if entry.time >= first.time:
                if entry.kind in self.broken_by:
                    break
                later.append(entry)
        return later

    def _complete(self, made: tuple[Entry, ...], later: list[Entry], new: Entry | None) -> tuple[Entry, ...] | None:
        """The steps made so far and the earliest that complete them."""
        if new is not None and new not in made and (len(made) == len(self.steps) or new.time < made[-1].time):
            return None
        if len(made) == len(self.steps):
            return made
        step = self.steps[len(made)]
        for entry in later:
            if entry.time >= made[-1].time and entry not in made and step.fits(entry, made):
                done = self._complete((*made, entry), later, new)
                if done is not None:
                    return done
        return None
