"""How many alerts one subject may send in an hour and a day, so that a noisy agent cannot bury what others do."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from detector.domain.alerts import SCHEMA, Alert, Attack, Entity, Evidence, alert_id
from detector.domain.findings import SEVERITIES
from detector.sinks.fairness import RANKS, SubjectKey, subject_of

HELD_BACK: Final = "alerts_held_back"
"""What a roll-up has in the place of a detector."""

_MOST_SPANS: Final = 10_000
_HOUR_CHARS: Final = len("2026-10-05T07")
_DAY_CHARS: Final = len("2026-10-05")
_CRITICAL: Final = RANKS["critical"]


class _Limits(NamedTuple):
    per_hour: int
    per_day: int
    per_detector: int


class Span(NamedTuple):
    """A subject's hour, or day, of event time."""

    subject: SubjectKey
    start: str
    """RFC 3339 up to the hour, e.g. `2026-10-05T07`, or to the day."""

    @property
    def is_day(self) -> bool:
        """Whether it is a day."""
        return len(self.start) == _DAY_CHARS


class _Count:
    """What was let through and held back in a span."""

    __slots__ = ("admitted", "held", "worst")

    def __init__(self) -> None:
        self.admitted: tuple[dict[str, str], ...] = tuple({} for _ in SEVERITIES)
        """Id to detector, by rank of the severity."""
        self.held = 0
        self.worst = 0

    def room(self, limit: int, rank: int, detector: str | None = None) -> bool:
        """Whether fewer than `limit` alerts of this or a higher severity were let through."""
        if not limit:
            return True
        passed = self.admitted[rank:]
        if detector is None:
            return sum(map(len, passed)) < limit
        return sum(1 for alerts in passed for each in alerts.values() if each == detector) < limit


def hour_of(alert: Alert) -> Span:
    """The hour that an alert counts for."""
    return Span(subject_of(alert), alert.time[:_HOUR_CHARS])


def day_of(alert: Alert) -> Span:
    """The day that an alert counts for."""
    return Span(subject_of(alert), alert.time[:_DAY_CHARS])


class Allowance:
    """Counts what a subject sends, per hour and day of event time, so that a replayed backlog is treated as it was.

    An alert is held back when as many alerts of the same *or a higher* severity of its subject were let through as a
    limit allows: a flood of small alerts never uses up the room of a grave one. **A critical one is never held back**,
    and counts all the same. Bounded: the spans looked at least recently are forgotten first, and a restart forgets
    them all.

    Args:
        per_hour: Alerts let through per subject, severity and hour; 0 for no limit.
        per_day: The same in a day of event time, the span of an incident.
        per_detector: The same in a day, of one detector.
    """

    def __init__(self, per_hour: int, per_day: int = 0, per_detector: int = 0) -> None:
        self._limits = _Limits(per_hour, per_day, per_detector)
        self._counts: OrderedDict[Span, _Count] = OrderedDict()

    def admits(self, alert: Alert) -> bool:
        """Whether an alert may leave; the same answer however often it is asked about an alert that may."""
        return self.holds(alert) is None

    def holds(self, alert: Alert) -> Span | None:
        """The span whose limit keeps an alert from leaving, the longer one if both do; `None` when it may leave."""
        if not any(self._limits) or alert.detector == HELD_BACK:
            return None
        rank, limits = RANKS[alert.severity], self._limits
        hour, day = self._count(hour_of(alert)), self._count(day_of(alert))
        if alert.id not in hour.admitted[rank] and rank != _CRITICAL:
            if not day.room(limits.per_day, rank) or not day.room(limits.per_detector, rank, alert.detector):
                return day_of(alert)
            if not hour.room(limits.per_hour, rank):
                return hour_of(alert)
        self._pass(alert, rank, hour, day)
        return None

    def resume(self, roll_up: Alert) -> None:
        """Goes on counting from a roll-up that still waits since before a restart."""
        count = self._count(_span_of(roll_up))
        count.held = max(count.held, int(roll_up.evidence.observed))
        count.worst = max(count.worst, RANKS[roll_up.severity])

    def roll_up(self, alerts: list[Alert], span: Span) -> Alert:
        """The one alert that stands for these, of one subject and span, and for those counted before."""
        count = self._count(span)
        worst = max(count.worst, *(RANKS[alert.severity] for alert in alerts))
        return _roll_up(span, alerts[-1], count.held + len(alerts), worst, self._allowed(span))

    def count(self, alerts: list[Alert], span: Span) -> None:
        """Counts these as held back: the outbox has them so."""
        count = self._count(span)
        count.held += len(alerts)
        count.worst = max(count.worst, *(RANKS[alert.severity] for alert in alerts))

    def _pass(self, alert: Alert, rank: int, *counts: _Count) -> None:
        for count in counts:
            # Critical ones know no limit; beyond the others' limits their number says nothing new.
            if rank != _CRITICAL or len(count.admitted[rank]) < max(self._limits):
                count.admitted[rank][alert.id] = alert.detector

    def _allowed(self, span: Span) -> int:
        limits = self._limits
        if not span.is_day:
            return limits.per_hour
        return min(limit for limit in (limits.per_day, limits.per_detector) if limit)

    def _count(self, span: Span) -> _Count:
        count = self._counts.get(span)
        if count is None:
            count = self._counts[span] = _Count()
            if len(self._counts) > _MOST_SPANS:
                self._counts.popitem(last=False)
        self._counts.move_to_end(span)
        return count


def _span_of(roll_up: Alert) -> Span:
    return hour_of(roll_up) if "hour" in roll_up.evidence.details else day_of(roll_up)


def _roll_up(span: Span, last: Alert, held: int, worst: int, allowed: int) -> Alert:
    subject = last.subject
    called = subject.name or f"{subject.kind} {subject.id}"
    noun = "alert" if held == 1 else "alerts"
    if span.is_day:
        start, unit = f"{span.start}T00:00:00.000Z", "day"
        when = f"on {span.start} UTC (or of one detector)"
    else:
        start, unit = f"{span.start}:00:00.000Z", "hour"
        when = f"between {span.start[11:]}:00 and {span.start[11:]}:59 UTC"
    return Alert(
        id=alert_id(span.subject.tenant, HELD_BACK, subject.kind, subject.id, span.start),
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
            f"{called} raised more than {allowed} alerts {when}. "
            f"{held:,} further {noun} of that {unit} had been held back when this was sent, and so are all that follow "
            "in it but critical ones. They are stored."
        ),
        evidence=Evidence(
            record_ids=(),
            first_seen=start,
            last_seen=last.time,
            observed=held,
            baseline=allowed,
            unit="alerts held back",
            seen=0.0,
            details={unit: start},
        ),
        attack=Attack(),
        innocent_explanations=("A detector whose thresholds do not fit this agent.",),
        next_steps=(
            "Read the stored alerts of this subject: agent-detector alerts list, or alerts incidents.",
            "Look for what the noise may hide: other subjects, and other severities of this one.",
            "If it is noise, tune the detector or suppress these alerts.",
        ),
        runbook=last.runbook,
        incident=last.incident,
    )
