"""The dossier of a report: what was gathered and judged, put together and summed up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from operator import attrgetter
from typing import Final

from detector import __version__
from detector.domain.alerts import Alert
from detector.domain.events import Change
from detector.domain.findings import SEVERITIES
from detector.engine.naming import rfc3339
from detector.features.timeline import HOUR
from detector.report.facts import Dossier, Gap, InputFile, Panel, Reading, Story
from detector.runtime.dossier.gathering import Gathering
from detector.runtime.dossier.panels import Panels, series, span_of
from detector.runtime.dossier.stories import POSTURE, instant, stories_of
from detector.runtime.summary import Summary

MAX_STORIES: Final = 20
MAX_PANELS: Final = 1_000
MAX_ALERTS: Final = 600
_MAX_GAPS: Final = 50
_LEAST_EXPERIENCE: Final = 5.0
_MISSING: Final = (
    ("SignIn", "There are no sign-ins in the input: nothing is known of what agents did."),
    ("Change", "There are no audit records in the input: who added credentials, owners or permissions is not known."),
    ("InventoryObject", "There is no inventory in the input: permissions, owners and sponsors are not known."),
    ("GraphActivity", "There are no Graph activity records in the input: what tokens were used for is not known."),
    ("Deployment", "There are no deployment records in the input: whether a pipeline meant a change is not known."),
)
"""Kinds of events, and what is not known without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a dossier is made of."""

    gathering: Gathering
    alerts: Sequence[Alert]
    summary: Summary
    title: str
    command: str
    question: dict[str, str] = field(default_factory=dict)
    answer: Story | None = None
    """The answer to a question; alerts that concern none of its agents are left out of the stories."""
    window: tuple[float, float] = (-inf, inf)
    """Event times from which on, and before which, alerts are told with an answer."""
    generated: float = 0.0
    """Seconds since the epoch."""
    configuration: str = ""
    lateness: float = 1200.0
    trusted: Callable[[Change], bool] = lambda _: False
    inputs: Sequence[InputFile] = ()


def dossier_of(material: Material) -> Dossier:
    """All that a report shows."""
    gathering, answer = material.gathering, material.answer
    alerts = list({alert.id: alert for alert in material.alerts}.values())
    concerned = alerts if answer is None else [each for each in alerts if _concerns(each, answer, material.window)]
    stories, more = stories_of(concerned, gathering, material.trusted, MAX_STORIES)
    if answer is not None:
        stories.insert(0, answer)
    asked = frozenset(agent for story in stories[:1] for agent in story.agents)
    span = span_of(gathering)
    panels = Panels(gathering, span, alerts, lateness=material.lateness, trusted=material.trusted)
    shown = panels.chosen(asked, MAX_PANELS)
    told = _told(concerned, stories)
    reading = _reading(material)
    return Dossier(
        title=material.title,
        command=material.command,
        generated=rfc3339(material.generated),
        version=__version__,
        configuration=material.configuration,
        summary=tuple(_summary(material, stories, more, concerned)),
        stories=tuple(stories),
        more_stories=more,
        span=span,
        counts=series(_total(gathering, "hours"), span),
        failures=series(_total(gathering, "refused"), span),
        panels=tuple(shown),
        more_agents=len(gathering.agents) - len(shown),
        alerts=tuple(told),
        more_alerts=len(concerned) - len(told),
        reading=reading,
        confidence=tuple(_confidence(material, reading, shown)),
        question=material.question,
    )


def _concerns(alert: Alert, answer: Story, window: tuple[float, float]) -> bool:
    if not window[0] <= instant(alert.time) < window[1]:
        return False
    agents = set(answer.agents) | set(answer.chain.radius.agents)
    return alert.subject.id in agents or any(entity.id in agents for entity in alert.entities)


def _told(alerts: Iterable[Alert], stories: Sequence[Story]) -> list[Alert]:
    """The alerts of stories first, then the gravest; in order of time."""
    first = {identifier for story in stories for identifier in story.alerts}
    gravest = sorted(
        alerts, key=lambda alert: (alert.id not in first, -SEVERITIES.index(alert.severity), alert.time, alert.id)
    )
    return sorted(gravest[:MAX_ALERTS], key=attrgetter("time", "id"))


def _total(gathering: Gathering, name: str) -> dict[int, int]:
    total: dict[int, int] = {}
    for activity in gathering.agents.values():
        for hour, count in getattr(activity, name).items():
            total[hour] = total.get(hour, 0) + count
    return total


def _reading(material: Material) -> Reading:
    gathering, summary = material.gathering, material.summary
    accounting = summary.accounting
    known = gathering.first <= gathering.last
    return Reading(
        records=accounting.received,
        accounting={
            "applied": accounting.applied,
            "duplicate": accounting.duplicate,
            "filtered": accounting.filtered.total(),
            "late": accounting.late,
            "quarantined": accounting.quarantined.total(),
        },
        kinds=dict(sorted(gathering.kinds.items())),
        first=rfc3339(gathering.first) if known else None,
        last=rfc3339(gathering.last) if known else None,
        gaps=tuple(_gaps(gathering))[:_MAX_GAPS],
        failures=tuple(summary.failures),
        notes=tuple(summary.notes),
        inputs=tuple(material.inputs),
    )


def _gaps(gathering: Gathering) -> Iterator[Gap]:
    """Stretches of whole hours without a record, between records."""
    hours = sorted(gathering.busy)
    for before, after in pairwise(hours):
        if after - before > 1:
            yield Gap(rfc3339((before + 1) * HOUR), rfc3339(after * HOUR), after - before - 1)


def _summary(material: Material, stories: Sequence[Story], more: int, alerts: Sequence[Alert]) -> Iterator[str]:
    gathering = material.gathering
    if gathering.first > gathering.last:
        yield "There is no record in the input, so nothing can be said."
        return
    yield (
        f"{_counted(material.summary.accounting.received, 'record')} from {_moment(rfc3339(gathering.first))} to "
        f"{_moment(rfc3339(gathering.last))} were read; "
        f"{_counted(len(gathering.agents), 'agent')} and blueprints act in them."
    )
    told = stories
    if material.answer is not None:
        found = len(material.answer.agents)
        yield f"{_counted(found, 'agent')} match the question." if found != 1 else "One agent matches the question."
        yield from (each.text for each in material.answer.statements if each.kind != "agents")
        told = stories[1:]
    grave = [alert for alert in alerts if alert.severity in {"high", "critical"}]
    if not alerts:
        yield "No detector raised an alert about it. That is no proof of innocence: see gaps and confidence."
        return
    yield (
        f"Detectors raised {_counted(len(alerts), 'alert')}, {len(grave):,} of them high or critical, "
        f"which make {_counted(len(told) + more, 'story', 'stories')}."
    )
    if told:
        lead = told[0]
        yield f"The gravest is “{lead.title}”, {lead.severity}, from {_moment(lead.first)} to {_moment(lead.last)}."
        yield from (each.text for each in lead.statements if each.kind in {"first_event", "blast_radius"})
    posture = sum(alert.detector in POSTURE for alert in alerts)
    if posture:
        yield f"{_counted(posture, 'alert')} say how things stand rather than what somebody did; no story holds them."


def _confidence(material: Material, reading: Reading, panels: Sequence[Panel]) -> Iterator[str]:
    """What the reader has to know about what is not known."""
    kinds, trail = reading.kinds, material.gathering.trail
    for kind, missing in _MISSING:
        if not kinds.get(kind):
            yield missing
    cold = sum(panel.experience < _LEAST_EXPERIENCE for panel in panels)
    if cold:
        yield (
            f"Of {len(panels):,} agents shown, {cold:,} have shown too little for an expectation; "
            "for them a spike or a novelty means little. Read records of more days before the incident."
        )
    lost = reading.accounting.get("late", 0) + reading.accounting.get("quarantined", 0)
    if lost:
        yield f"{_counted(lost, 'record')} were late or could not be used, and are in no number of this report."
    hours = sum(gap.hours for gap in reading.gaps)
    if hours:
        yield f"{_counted(hours, 'hour')} between records hold none at all: what happened then is not known."
    for number, what in (
        (trail.dropped_changes, "changes"),
        (trail.dropped_uses, "sign-ins of further ways of getting a token"),
        (material.gathering.unlisted, "sign-ins of further agents"),
    ):
        if number:
            yield f"{number:,} {what} were too many to keep: ask for a shorter time."
    if reading.failures:
        yield f"{_counted(len(reading.failures), 'input')} could not be read, or not to the end; they are listed below."
    yield (
        "Absence of an alert is no proof of innocence: a log may not be exported, and what an agent did with a token "
        "is seen only in the logs of the resource."
    )


def _moment(time: str) -> str:
    """A time for people: UTC, to the second."""
    return time[:19].replace("T", " ")


def _counted(number: int, thing: str, things: str = "") -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {things or thing + 's'}"
