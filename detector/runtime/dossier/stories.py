"""Alerts told as stories: those of one blueprint, or of one subject, that follow each other closely."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

from detector.domain.alerts import Alert
from detector.domain.events import Change
from detector.domain.findings import SEVERITIES, Severity
from detector.domain.incidents import key_of
from detector.engine.naming import rfc3339
from detector.features.timeline import DAY, HOUR, SIX_HOURS
from detector.report.facts import Chain, Statement, Story
from detector.runtime.dossier.following import Followed, Seeds, follow
from detector.runtime.dossier.gathering import Gathering
from detector.runtime.dossier.stating import beginning_of, chain_statements, entry_of
from detector.runtime.dossier.trail import credentials_added
from detector.runtime.dossier.uses import Use

POSTURE: Final = frozenset(
    {
        "accountability_lost",
        "configuration_drift",
        "credential_expiry",
        "dormant_agent",
        "incomplete_agent",
        "log_gap",
        "long_lived_credential",
        "secret_in_production",
        "unaccountable_agent",
        "unmanaged_agent",
    }
)
"""Detectors that say how things stand rather than what somebody did: they are no part of a story."""
_RANKS: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_IDS: Final = 400


def stories_of(
    alerts: Iterable[Alert], gathering: Gathering, trusted: Callable[[Change], bool], limit: int
) -> tuple[list[Story], int]:
    """The gravest stories, and how many more there are.

    Args:
        alerts: In any order.
        gathering: What chains are followed through, and where first events are looked for.
        trusted: Whether a declared pipeline made a change.
        limit: How many are told.
    """
    groups = sorted(_groups(alerts), key=_weight)
    changes = {change.record_id: change for change in gathering.trail.changes}
    rotated = frozenset(each for change in changes.values() for each in credentials_added(change) if trusted(change))
    told = [_story(group, gathering, _Known(changes, rotated, trusted)) for group in groups[:limit]]
    return told, max(0, len(groups) - limit)


class _Known(NamedTuple):
    """What is known of changes."""

    changes: Mapping[str, Change]
    """By record id."""
    rotated: frozenset[str]
    """Credentials that declared pipelines added."""
    trusted: Callable[[Change], bool]


def _groups(alerts: Iterable[Alert]) -> Iterator[list[Alert]]:
    keyed: dict[tuple[str | None, str, str], list[Alert]] = {}
    for alert in sorted(alerts, key=attrgetter("time", "id")):
        if alert.catalogue_ids and alert.detector not in POSTURE:
            keyed.setdefault((alert.subject.tenant, *key_of(alert.subject)), []).append(alert)
    for group in keyed.values():
        start = 0
        for place in range(1, len(group) + 1):
            if place == len(group) or instant(group[place].time) - instant(group[place - 1].time) > SIX_HOURS:
                yield group[start:place]
                start = place


def _weight(group: Sequence[Alert]) -> tuple[float, ...]:
    """The gravest first; of equals those that most detectors speak of, then the least likely."""
    worst = max(_RANKS[alert.severity] for alert in group)
    detectors = {alert.detector for alert in _least(group, "medium")}
    return (-worst, -len(detectors), -sum(alert.score for alert in group), instant(group[0].time))


def _story(group: Sequence[Alert], gathering: Gathering, known: _Known) -> Story:
    grave = _least(group, "medium") or list(group)
    leading = _least(group, "high") or grave
    first = _led_up_to(min(leading, key=attrgetter("time", "id")), grave)
    cited = _cited(leading)
    made = sorted(
        (change for record in cited if (change := known.changes.get(record)) and not known.trusted(change)),
        key=lambda change: (change.time, change.record_id),
    )
    followed = follow(gathering.trail, _seeds(grave, first, made, known))
    worst = max(group, key=lambda alert: (_RANKS[alert.severity], alert.score))
    subject = worst.subject
    name = subject.blueprint_name or subject.name or subject.id
    return Story(
        id=group[0].id,
        title=f"{name}: {worst.title}",
        severity=worst.severity,
        first=min(first.time, *(rfc3339(change.time) for change in made)) if made else first.time,
        last=max(alert.evidence.last_seen for alert in group),
        statements=(*_beginning(first, made, gathering), *chain_statements(followed)),
        chain=followed.chain,
        alerts=tuple(alert.id for alert in group)[:_IDS],
        incidents=tuple(dict.fromkeys(alert.incident for alert in group if alert.incident is not None)),
        agents=_agents(followed, grave),
    )


def _led_up_to(first: Alert, grave: Sequence[Alert]) -> Alert:
    """The earliest alert about the same subject from which lesser ones led up to this one, within an hour each."""
    for alert in sorted(grave, key=attrgetter("time", "id"), reverse=True):
        near = 0 <= instant(first.time) - instant(alert.time) <= HOUR
        if near and (alert.subject.kind, alert.subject.id) == (first.subject.kind, first.subject.id):
            first = alert
    return first


def _cited(alerts: Iterable[Alert]) -> dict[str, None]:
    return dict.fromkeys(record for alert in alerts for record in alert.evidence.record_ids)


def _least(group: Sequence[Alert], severity: Severity) -> list[Alert]:
    return [alert for alert in group if _RANKS[alert.severity] >= _RANKS[severity]]


def _seeds(grave: Sequence[Alert], first: Alert, made: Sequence[Change], known: _Known) -> Seeds:
    since = min((instant(first.time), *(change.time for change in made)))
    named = [entity for alert in grave for entity in alert.entities]
    credentials = {each for change in made for each in credentials_added(change)}
    credentials |= {
        entity.id
        for alert in grave
        if "credential" in alert.detector
        for entity in alert.entities
        if entity.kind == "credential" and entity.id not in known.rotated
    }
    return Seeds(
        agents=frozenset(
            (alert.subject.tenant or "", entity.id)
            for alert in grave
            for entity in alert.entities
            if entity.kind in {"agent", "blueprint"} and (entity.kind == "agent" or alert.subject.kind == "blueprint")
        ),
        credentials=frozenset(credentials),
        resources=frozenset(entity.id for entity in named if entity.kind == "resource"),
        since=since,
        until=max(instant(alert.evidence.last_seen) for alert in grave) + DAY,
        fresh=True,
        trusted=known.trusted,
    )


def _beginning(first: Alert, made: Sequence[Change], gathering: Gathering) -> Iterator[Statement]:
    """What came first: a change that alerts name, or what the first alert saw."""
    if made and made[0].time <= instant(first.time) + 1.0:
        yield beginning_of(made[0])
        yield entry_of(made[0])
        return
    records, seen = first.evidence.record_ids[:3], first.time
    came = _came(first, gathering)
    if came is not None:
        records, seen = (came.records[0], *records), rfc3339(came.first)
    where = f" from {', '.join(first.evidence.addresses)}" if first.evidence.addresses else ""
    yield Statement("first_event", f"First: {first.title}{where}.", records, seen)
    yield Statement("entry_point", f"Entry point: {first.explanation}", records, seen)
    if made:
        yield entry_of(made[0])


def _came(first: Alert, gathering: Gathering) -> Use | None:
    """The use of an alert's address by its subject, if it began shortly before.

    An alert tells of the record that tipped the scales, which is seldom the first.
    """
    activity = gathering.agents.get((first.subject.tenant or "", first.subject.id))
    if activity is None:
        return None
    moment = instant(first.time)
    uses = (activity.touch.networks.get(address) for address in first.evidence.addresses)
    fresh = [use for use in uses if use is not None and moment - SIX_HOURS <= use.first < moment]
    return min(fresh, key=lambda use: use.first, default=None)


def _agents(followed: Followed, grave: Sequence[Alert]) -> tuple[str, ...]:
    """The agents that alerts are about, then those that were reached."""
    named = [alert.subject.id for alert in grave if alert.subject.kind in {"agent", "blueprint"}]
    return tuple(dict.fromkeys((*named, *followed.chain.radius.agents)))[:_IDS]


def instant(time: str) -> float:
    """Seconds since the epoch of a time in RFC 3339."""
    return datetime.fromisoformat(time).timestamp()


def answer_story(title: str, statements: tuple[Statement, ...], chain: Chain, span: tuple[str, str]) -> Story:
    """The answer to a question, as a story."""
    agents = tuple(node.id for node in chain.nodes if node.kind == "agent" and node.asked)
    return Story("answer", title, None, *span, statements, chain, agents=agents)
