"""In which order alerts leave: the worst first, and among equals every subject in turn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Final, NamedTuple

from detector.domain.alerts import Alert
from detector.domain.findings import SEVERITIES

RANKS: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}
"""Severity to its place in rising order."""

_MOST_SUBJECTS: Final = 10_000


class SubjectKey(NamedTuple):
    """Whom alerts are about, whatever it is called."""

    tenant: str
    kind: str
    id: str


def subject_of(alert: Alert) -> SubjectKey:
    """The subject of an alert."""
    return SubjectKey(alert.subject.tenant or "", alert.subject.kind, alert.subject.id)


class Turns:
    """Whose turn it is: remembers which subjects were served last, so that starting over favours nobody."""

    def __init__(self) -> None:
        self._served: OrderedDict[SubjectKey, int] = OrderedDict()
        self._turn = 0

    def order(self, alerts: Iterable[Alert]) -> Iterator[Alert]:
        """The alerts in the order in which they should leave."""
        ranks: dict[int, dict[SubjectKey, list[Alert]]] = {}
        for alert in alerts:
            ranks.setdefault(RANKS[alert.severity], {}).setdefault(subject_of(alert), []).append(alert)
        for rank in sorted(ranks, reverse=True):
            queues = ranks[rank]
            turns = sorted(queues, key=lambda subject: self._served.get(subject, 0))
            for row in zip_longest(*(queues[subject] for subject in turns)):
                yield from (alert for alert in row if alert is not None)

    def served(self, alert: Alert) -> None:
        """Notes that an alert of a subject has left, so that the others come first."""
        self._turn += 1
        subject = subject_of(alert)
        self._served[subject] = self._turn
        self._served.move_to_end(subject)
        if len(self._served) > _MOST_SUBJECTS:
            self._served.popitem(last=False)
