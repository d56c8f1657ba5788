"""Alerts against labels: which incidents are attacks, which are none, and what the others fell into.

An incident is one subject and one detector within an hour of its first alert. It belongs to an attack when

- an alert rests on a record of the attack, or
- an alert rests on no record of any attack and is about a subject of this one while it lasts (and two hours more; a day
  more where the attack changes the directory, whose inventory is read daily), and the attack is short or expects such
  an alert.

For a week after an attack that left something behind (a permission, a key, an agent), alerts about the same subject
are its *aftermath*: neither found by the incident nor false. Nor is it false to say of a project that is over that it
is asleep.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from bench.quality.corpus import Truth, seconds
from bench.quality.running import Told
from detector.runtime.simulation import Label

_HOUR: Final = 3_600.0
_DAY: Final = 24 * _HOUR
_LASTING: Final = frozenset({"change", "credential", "lifecycle", "sequence", "declared"})
"""Families that leave the directory changed."""
_SHORT: Final = 12 * _HOUR
_PLAIN: Final = "plain background"
_WORLDWIDE: Final = ("late_delivery", "lost_delivery")
_ECHO: Final = {
    "autoscaling": 8.0,
    "decommissioning": 14 * 24.0,
    "emergency_stop": 14 * 24.0,
    "failover": 4.0,
    "outage": 8.0,
    "public_holiday": 8.0,
}
"""Hours after a benign story in which it still explains an alert; 24 for the others."""


class Window(msgspec.Struct, frozen=True):
    """A label with its times as numbers."""

    number: int
    label: Label
    start: float
    end: float
    subjects: frozenset[str]

    @property
    def grace(self) -> float:
        """Seconds after the end in which an alert is still about it."""
        return 26 * _HOUR if self.label.family in _LASTING else 2 * _HOUR


class Incident(msgspec.Struct):
    """One subject and kind within an hour, or one day of a key."""

    detector: str
    subject: str
    first: float
    told: list[Told]
    labels: set[int]
    """Attacks that it belongs to."""
    aftermath: bool = False
    cause: str = ""
    """What a false incident fell into."""

    @property
    def severity(self) -> int:
        """The highest of its alerts."""
        return max(each.severity for each in self.told)

    @property
    def score(self) -> float:
        """The strongest evidence of its alerts, -log10 of a p-value; 0 where no model speaks."""
        return max(each.score for each in self.told)

    @property
    def false(self) -> bool:
        """Whether it woke somebody for nothing."""
        return not self.labels and not self.aftermath


class Matcher:
    """Compares alerts with the truth of one tenant."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.windows = [self._attack(number, label) for number, label in enumerate(truth.labels)]
        self.benign = [_window(number, label) for number, label in enumerate(truth.benign)]
        self._by_record: dict[str, list[int]] = defaultdict(list)
        self._by_subject: dict[str, list[Window]] = defaultdict(list)
        for window in self.windows:
            for record_id in window.label.record_ids:
                self._by_record[record_id].append(window.number)
            for subject in window.subjects:
                self._by_subject[subject].append(window)

    def incidents(self, told: Iterable[Told]) -> list[Incident]:
        """One subject and detector within an hour."""
        newest: dict[tuple[str, str], Incident] = {}
        found: list[Incident] = []
        for each in sorted(told, key=lambda one: (one.time, one.id)):
            key = (each.subject, each.detector)
            incident = newest.get(key)
            if incident is None or each.time >= incident.first + _HOUR:
                incident = newest[key] = Incident(each.detector, each.subject, each.time, [], set())
                found.append(incident)
            incident.told.append(each)
        return [self._judged(incident) for incident in found]

    def grouped(self, told: Iterable[Told]) -> list[Incident]:
        """The product's own incidents: what `replay --incidents` shows."""
        groups: dict[str, list[Told]] = defaultdict(list)
        for each in told:
            groups[each.incident].append(each)
        found = [
            Incident("+".join(sorted({each.detector for each in group})), group[0].subject, group[0].time, group, set())
            for group in groups.values()
        ]
        return [self._judged(incident) for incident in found]

    def _attack(self, number: int, label: Label) -> Window:
        """The window of an attack; what one agent does too much of, its blueprint does too much of as well."""
        window = _window(number, label)
        if label.family != "volume":
            return window
        agents = window.subjects & self.truth.blueprint_of.keys()
        blueprints = {self.truth.blueprint_of[agent] for agent in agents}
        return msgspec.structs.replace(window, subjects=window.subjects | blueprints)

    def _judged(self, incident: Incident) -> Incident:
        for each in incident.told:
            incident.labels |= self.labels_of(each)
        if not incident.labels:
            incident.aftermath = all(self._aftermath(each) or self._right(each) for each in incident.told)
            incident.cause = self._cause(incident.told[0])
        return incident

    def labels_of(self, told: Told) -> set[int]:
        """The attacks that an alert is about."""
        found = {number for record_id in told.record_ids for number in self._by_record.get(record_id, ())}
        for subject in () if found else told.ids:
            for window in self._by_subject.get(subject, ()):
                if (
                    told.time >= window.start - 1.0
                    and told.since <= window.end + window.grace
                    and (
                        window.end - window.start <= _SHORT
                        or not set(told.catalogue_ids).isdisjoint(window.label.expected)
                    )
                ):
                    found.add(window.number)
        return found

    def _aftermath(self, told: Told) -> bool:
        return any(
            window.label.family in _LASTING and window.start <= told.time <= window.end + 7 * _DAY
            for subject in told.ids
            for window in self._by_subject.get(subject, ())
        )

    def _right(self, told: Told) -> bool:
        """Whether an alert says of a project that is asleep that it is."""
        return told.detector == "dormant_agent" and any(
            window.label.story == "asleep" and not told.ids.isdisjoint(window.subjects) for window in self.benign
        )

    def _cause(self, told: Told) -> str:
        """The benign story that an alert fell into, the most particular first."""
        near = {told.blueprint, *told.ids}
        fitting = []
        for window in self.benign:
            story = window.label.story
            echo = _ECHO.get(story, 24.0) * _HOUR
            if told.time >= window.start - 600 and told.since <= window.end + echo:
                if not near.isdisjoint(window.subjects):
                    fitting.append((story == "customer_growth", window.end - window.start, story))
                elif story in _WORLDWIDE and told.time <= window.end + 8 * _HOUR:
                    fitting.append((True, window.end - window.start, story))
        if fitting:
            return min(fitting)[2]
        for window in self.windows:
            if not near.isdisjoint(window.subjects) and window.start <= told.time <= window.end + 6 * _HOUR:
                return "beside an attack"
        return _PLAIN


def _window(number: int, label: Label) -> Window:
    return Window(number, label, seconds(label.start), seconds(label.end), frozenset(label.subject_ids))
