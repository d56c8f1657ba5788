"""How many alerts one subject may send in an hour, so that a noisy agent cannot bury what another one does."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from detector.domain.alerts import SCHEMA, Alert, Attack, Entity, Evidence, alert_id
from detector.domain.findings import SEVERITIES
from detector.sinks.fairness import RANKS, SubjectKey, subject_of

HELD_BACK: Final = "alerts_held_back"
"""What a roll-up has in the place of a detector."""

_MOST_HOURS: Final = 5_000
_HOUR_CHARS: Final = len("2026-10-05T07")


class HourKey(NamedTuple):
    """A subject's hour of event time."""

    subject: SubjectKey
    hour: str
    """RFC 3339 up to the hour, e.g. `2026-10-05T07`."""


class _Hour:
    __slots__ = ("admitted", "held", "worst")

    def __init__(self) -> None:
        self.admitted: tuple[set[str], ...] = tuple(set() for _ in SEVERITIES)
        self.held = 0
        self.worst = 0


def hour_of(alert: Alert) -> HourKey:
    """Against which allowance an alert counts."""
    return HourKey(subject_of(alert), alert.time[:_HOUR_CHARS])


class Allowance:
    """Counts what a subject sends, per hour of event time, so that a replayed backlog is treated as it was.

    An alert is held back when `per_hour` alerts of the same *or a higher* severity of its subject were let through:
    a flood of small alerts never uses up the room of a grave one. Bounded: the hours looked at least recently are
    forgotten first, and a restart forgets them all.

    Args:
        per_hour: Alerts let through per subject, severity and hour; 0 for no limit.
    """

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._hours: OrderedDict[HourKey, _Hour] = OrderedDict()

    def admits(self, alert: Alert) -> bool:
        """Whether an alert may leave; the same answer however often it is asked about an alert that may."""
        if not self._per_hour or alert.detector == HELD_BACK:
            return True
        admitted = self._hour(hour_of(alert)).admitted
        rank = RANKS[alert.severity]
        if alert.id in admitted[rank]:
            return True
        if sum(len(ids) for ids in admitted[rank:]) >= self._per_hour:
            return False
        admitted[rank].add(alert.id)
        return True

    def resume(self, roll_up: Alert) -> None:
        """Goes on counting from a roll-up that still waits since before a restart."""
        hour = self._hour(hour_of(roll_up))
        hour.held = max(hour.held, int(roll_up.evidence.observed))
        hour.worst = max(hour.worst, RANKS[roll_up.severity])

    def roll_up(self, alerts: list[Alert]) -> Alert:
        """The one alert that stands for these, of one subject and hour, and for those counted before."""
        key = hour_of(alerts[0])
        hour = self._hour(key)
        worst = max(hour.worst, *(RANKS[alert.severity] for alert in alerts))
        return _roll_up(key, alerts[-1], hour.held + len(alerts), worst, self._per_hour)

    def count(self, alerts: list[Alert]) -> None:
        """Counts these as held back: the outbox has them so."""
        hour = self._hour(hour_of(alerts[0]))
        hour.held += len(alerts)
        hour.worst = max(hour.worst, *(RANKS[alert.severity] for alert in alerts))

    def _hour(self, key: HourKey) -> _Hour:
        hour = self._hours.get(key)
        if hour is None:
            hour = self._hours[key] = _Hour()
            if len(self._hours) > _MOST_HOURS:
                self._hours.popitem(last=False)
        self._hours.move_to_end(key)
        return hour


def _roll_up(key: HourKey, last: Alert, held: int, worst: int, per_hour: int) -> Alert:
    subject = last.subject
    called = subject.name or f"{subject.kind} {subject.id}"
    start = f"{key.hour}:00:00.000Z"
    noun = "alert" if held == 1 else "alerts"
    return Alert(
        id=alert_id(key.subject.tenant, HELD_BACK, subject.kind, subject.id, key.hour),
        schema=SCHEMA,
        time=start,
        detector=HELD_BACK,
        catalogue_ids=(),
        severity=SEVERITIES[worst],
        score=0.0,
        p_value=1.0,
        subject=subject,
        entities=(Entity(subject.kind, subject.id, subject.name),),
        title=f"{held:,} further {noun} held back for {called}",
        explanation=(
            f"{called} raised more than {per_hour} alerts between {key.hour[11:]}:00 and {key.hour[11:]}:59 UTC. "
            f"{held:,} further {noun} of that hour had been held back when this was sent, and so are all that follow "
            "in it. They are stored."
        ),
        evidence=Evidence(
            record_ids=(),
            first_seen=start,
            last_seen=last.time,
            observed=held,
            baseline=per_hour,
            unit="alerts held back",
            seen=0.0,
            details={"hour": start},
        ),
        attack=Attack(),
        innocent_explanations=("A detector whose thresholds do not fit this agent.",),
        next_steps=(
            "Read the stored alerts of this subject: agent-detector alerts list.",
            "Look for what the noise may hide: other subjects, and other severities of this one.",
            "If it is noise, tune the detector or suppress these alerts.",
        ),
        runbook=last.runbook,
    )
