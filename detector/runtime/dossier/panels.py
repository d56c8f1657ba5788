"""What each agent did, as numbers for plots and rows for tables."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

from detector.domain.alerts import Alert
from detector.domain.events import Change
from detector.domain.findings import SEVERITIES
from detector.engine.naming import rfc3339
from detector.features.timeline import DAY, HOUR, SIX_HOURS, Horizon
from detector.report.facts import Deed, Lane, Panel, Span
from detector.runtime.dossier.expectations import expected
from detector.runtime.dossier.gathering import Activity, Gathering
from detector.runtime.dossier.stories import instant
from detector.runtime.dossier.trail import actor_key
from detector.runtime.dossier.uses import Use

_LENGTHS: Final = (HOUR, SIX_HOURS, DAY, 7 * DAY)
"""Lengths of a bucket, seconds: the shortest of which few enough are needed."""
_MOST_BUCKETS: Final = 240
_FEW_BUCKETS: Final = 128
_MANY_AGENTS: Final = 300
"""Agents from which on a page has room for fewer buckets."""
_LANES: Final = 8
_ROWS: Final = 8
_DEEDS: Final = 20
_ALERTS: Final = 50
_RECORDS: Final = 4


def span_of(gathering: Gathering) -> Span:
    """The buckets of all plots of a report: bounded, so that one record from long ago makes no endless page.

    What lies before the first bucket is in the tables, not in the plots.
    """
    if gathering.first > gathering.last:
        return Span()
    most = _MOST_BUCKETS if len(gathering.agents) <= _MANY_AGENTS else _FEW_BUCKETS
    begin, end = int(gathering.first), int(gathering.last)
    seconds = next((each for each in _LENGTHS if end // each - begin // each < most), _LENGTHS[-1])
    last = end // seconds
    first = max(begin // seconds, last - most + 1)
    return Span(float(first * seconds), seconds, last - first + 1)


def series(hours: Mapping[int, int], span: Span) -> tuple[int, ...]:
    """Counts by hour, as counts by bucket."""
    ratio, first = span.seconds // HOUR, int(span.start) // span.seconds
    counts = [0] * span.buckets
    for hour, count in hours.items():
        place = hour // ratio - first
        if place >= 0:
            counts[place] += count
    return tuple(counts)


class Panels:
    """Makes the panels of a report.

    Args:
        gathering: What was gathered.
        span: See `span_of`.
        alerts: All of them.
        lateness: Seconds, as the configuration allows.
        trusted: Whether a declared pipeline made a change.
    """

    def __init__(
        self,
        gathering: Gathering,
        span: Span,
        alerts: Sequence[Alert],
        *,
        lateness: float,
        trusted: Callable[[Change], bool],
    ) -> None:
        self.span: Final = span
        self.horizon: Final = Horizon.of(span.seconds, lateness)
        self.trusted: Final = trusted
        self._agents = gathering.agents
        self._names = gathering.trail.names
        self._about = gathering.trail.about()
        self._alerts: dict[tuple[str | None, str], list[Alert]] = {}
        for alert in sorted(alerts, key=attrgetter("time", "id")):
            self._alerts.setdefault((alert.subject.tenant, alert.subject.id), []).append(alert)

    def chosen(self, asked: frozenset[str], limit: int) -> list[Panel]:
        """Panels of the agents with the gravest alerts, those asked about, and the busiest."""

        def weight(key: tuple[str, str]) -> tuple[float, ...]:
            told = self._alerts.get(key, ())
            worst = max((SEVERITIES.index(alert.severity) for alert in told), default=-1)
            return (key[1] not in asked, -worst, -len(told), -self._agents[key].touch.use.requests)

        return [self._panel(key) for key in sorted(sorted(self._agents), key=weight)[:limit]]

    def _panel(self, key: tuple[str, str]) -> Panel:
        activity, told = self._agents[key], self._alerts.get(key, [])
        touch = activity.touch
        counts = series(activity.hours, self.span)
        band = expected(counts, int(self.span.start) // self.span.seconds, self.horizon)
        since = instant(told[0].time) if told else None
        names = {identifier: use.name for identifier, use in touch.resources.items()}
        return Panel(
            id=touch.use.id,
            name=touch.use.name,
            kind=touch.kind,
            tenant=activity.tenant,
            blueprint=touch.blueprint,
            requests=touch.use.requests,
            refused=touch.use.refused,
            users=len(touch.users),
            first=rfc3339(touch.use.first),
            last=rfc3339(touch.use.last),
            records=tuple(touch.use.records[:_RECORDS]),
            counts=counts,
            failures=series(activity.refused, self.span),
            low=band.low,
            high=band.high,
            resources=self._lanes(activity.resources, names, touch.resources, since),
            networks=self._lanes(activity.networks, dict(activity.prefixes), {}, since),
            credentials=_rows(touch.credentials),
            addresses=_rows(touch.networks),
            deeds=self._deeds(key, activity),
            alerts=tuple(alert.id for alert in told)[:_ALERTS],
            severity=max((alert.severity for alert in told), key=SEVERITIES.index, default=None),
            experience=round(band.seen, 1),
            not_listed=touch.unlisted,
        )

    def _lanes(
        self,
        lanes: Mapping[str, array[int]],
        names: Mapping[str, str | None],
        uses: Mapping[str, Use],
        since: float | None,
    ) -> tuple[Lane, ...]:
        """The lanes of what is new since the first alert, then of what was in use longest."""

        def weight(key: str) -> tuple[object, ...]:
            runs = lanes[key]
            return (not _new(runs, since), -sum(runs[1::2]) + sum(runs[::2]), key)

        return tuple(
            self._lane(key, names.get(key), lanes[key], uses.get(key), since)
            for key in sorted(lanes, key=weight)[:_LANES]
        )

    def _lane(self, key: str, name: str | None, runs: array[int], use: Use | None, since: float | None) -> Lane:
        return Lane(
            id=key,
            name=name,
            requests=use.requests if use is not None else 0,
            refused=use.refused if use is not None else 0,
            first=rfc3339(use.first if use is not None else runs[0] * HOUR),
            last=rfc3339(use.last if use is not None else runs[-1] * HOUR),
            records=tuple(use.records[:_RECORDS]) if use is not None else (),
            runs=self._buckets(runs),
            new=_new(runs, since),
        )

    def _buckets(self, runs: array[int]) -> tuple[int, ...]:
        """Runs of hours as runs of buckets, those that touch joined."""
        ratio, first = self.span.seconds // HOUR, int(self.span.start) // self.span.seconds
        joined: list[int] = []
        for begin, end in zip(runs[::2], runs[1::2], strict=True):
            low, high = max(0, begin // ratio - first), (end - 1) // ratio - first + 1
            if high <= 0:
                continue
            if joined and low <= joined[-1]:
                joined[-1] = max(joined[-1], high)
            else:
                joined += (low, high)
        return tuple(joined)

    def _deeds(self, key: tuple[str, str], activity: Activity) -> tuple[Deed, ...]:
        tenant, agent = key
        near = [*self._about.get((tenant, agent), ()), *self._about.get((tenant, activity.touch.blueprint or ""), ())]
        changes = sorted({change.record_id: change for change in near}.values(), key=lambda change: change.time)
        by_hand = [change for change in changes if not self.trusted(change)]
        chosen = (by_hand if len(changes) > _DEEDS else changes)[-_DEEDS:]
        return tuple(
            Deed(
                rfc3339(change.time),
                change.activity_name,
                change.succeeded,
                change.actor.name or actor_key(change) or "unknown",
                change.actor.ip,
                change.record_id,
                self.trusted(change),
            )
            for change in chosen
        )


def _new(runs: array[int], since: float | None) -> bool:
    return since is not None and runs[0] * HOUR >= since - HOUR


def _rows(table: Mapping[str, Use]) -> tuple[Lane, ...]:
    most: Iterable[Use] = sorted(table.values(), key=lambda use: (-use.requests, use.id))[:_ROWS]
    return tuple(
        Lane(
            use.id,
            use.name,
            use.requests,
            use.refused,
            rfc3339(use.first),
            rfc3339(use.last),
            tuple(use.records[:_RECORDS]),
        )
        for use in most
    )
