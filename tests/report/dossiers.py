"""Dossiers that are all text from outside, and large ones."""

from __future__ import annotations

from typing import Any

import msgspec

from detector.report.facts import (
    Chain,
    Deed,
    Dossier,
    Edge,
    Gap,
    InputFile,
    Lane,
    Node,
    Panel,
    Radius,
    Reading,
    Span,
    Statement,
    Story,
)
from tests.sinks.alerts import alert

TIME = "2026-10-05T07:24:49.188Z"
START = 1_790_812_800.0
_KEPT = {"time", "severity", "source", "target", "first", "last", "start", "end", "generated"}
"""Members that the program writes itself, in a form of its own: times, severities, keys of a chain."""


def lane(text: str, runs: tuple[int, ...] = (0, 3, 5, 9), *, new: bool = False) -> Lane:
    return Lane(text, text, 20, 3, TIME, TIME, (text,), runs, new)


def panel(text: str, buckets: int = 24, **changes: Any) -> Panel:
    members: dict[str, Any] = {
        "id": text, "name": text, "kind": "agent", "tenant": text, "blueprint": text, "requests": 240, "refused": 4,
        "users": 1, "first": TIME, "last": TIME, "records": (text,), "counts": tuple(range(buckets)),
        "failures": (0, 2, *([0] * (buckets - 2))), "low": (-1.0, -1.0, *([2.5] * (buckets - 2))),
        "high": (-1.0, -1.0, *([12.0] * (buckets - 2))), "resources": (lane(text), lane(text, new=True)),
        "networks": (lane(text),), "credentials": (lane(text, ()),), "addresses": (lane(text, ()),),
        "deeds": (Deed(TIME, text, False, text, text, text), Deed(TIME, text, True, text, None, text, True)),
        "alerts": (), "severity": "high", "experience": 9.0, "not_listed": 2,
    }  # fmt: skip
    return Panel(**{**members, **changes})


def story(text: str, number: int = 0, width: int = 2) -> Story:
    nodes = tuple(
        Node(kind, f"{kind}-{each}", text, each == 0, text)
        for kind in ("actor", "credential", "agent", "resource")
        for each in range(width)
    )
    pairs = (("actor", "credential"), ("credential", "agent"), ("agent", "resource"))
    edges = tuple(
        Edge(f"{left}:{left}-{each}", f"{right}:{right}-{each}", text, 3, TIME, TIME, (text,), each == 0)
        for left, right in pairs
        for each in range(width)
    )
    chain = Chain(nodes, edges, 3, Radius((text,), (text,), (text,), 1, 9, 2))
    statements = tuple(Statement(kind, text, (text,), TIME) for kind in ("first_event", "entry_point", "agents"))
    return Story(f"{text}-{number}", text, "critical", TIME, TIME, statements, chain, (), (text,), (text,))


def dossier(text: str = "Invoice triage", **changes: Any) -> Dossier:
    """One of everything, and every text of it is `text`."""
    told = alert(text)
    shown = panel(text, alerts=(told.id,))
    members: dict[str, Any] = {
        "title": text, "command": text, "generated": TIME, "version": text, "configuration": text,
        "summary": (text,), "stories": (msgspec.structs.replace(story(text), alerts=(told.id,)),), "more_stories": 1,
        "span": Span(START, 3600, 24), "counts": tuple(range(24)), "failures": tuple([1] * 24), "panels": (shown,),
        "more_agents": 1, "alerts": (poisoned(told, text),), "more_alerts": 1,
        "reading": Reading(
            100, {"applied": 90, text: 10}, {text: 100}, TIME, TIME, (Gap(TIME, TIME, 3),), (text,), (text,),
            (InputFile(text, 10, text), InputFile(text, None, None)),
        ),
        "confidence": (text,), "question": {text: text},
    }  # fmt: skip
    return Dossier(**{**members, **changes})


def poisoned(value: Any, text: str, name: str = "") -> Any:
    """The value with every text in it replaced, but for the id of an alert and what `_KEPT` names."""
    if isinstance(value, msgspec.Struct):
        fields = {
            each: poisoned(getattr(value, each), text, each)
            for each in value.__struct_fields__
            if not each.endswith("_seen") and (each != "id" or not hasattr(value, "detector"))
        }
        return msgspec.structs.replace(value, **fields)
    if isinstance(value, tuple):
        return tuple(poisoned(each, text, name) for each in value)
    if isinstance(value, dict):
        return {f"{text}{number}": poisoned(each, text) for number, each in enumerate(value.values())}
    return text if isinstance(value, str) and name not in _KEPT else value


def crowded(texts: tuple[str, ...]) -> Dossier:
    """A thing of every kind for each text."""
    each = [dossier(text) for text in texts]
    alerts = tuple(msgspec.structs.replace(one.alerts[0], id=f"{number:032x}") for number, one in enumerate(each))
    first = each[0].reading
    return msgspec.structs.replace(
        each[0],
        title=" ".join(texts[:20]),
        command=" ".join(texts[20:40]),
        configuration=" ".join(texts[40:]),
        summary=texts,
        confidence=texts,
        stories=tuple(one.stories[0] for one in each),
        panels=tuple(one.panels[0] for one in each),
        alerts=alerts,
        reading=msgspec.structs.replace(
            first, inputs=tuple(InputFile(text, 1, text) for text in texts), failures=texts, notes=texts
        ),
    )


def large(agents: int = 1_000, buckets: int = 120, alerts: int = 600) -> Dossier:
    """A month of a thousand agents in buckets of six hours, as full as the bounds of a report allow."""
    runs = tuple(each for begin in range(0, buckets, 4) for each in (begin, begin + 3))
    counts = tuple(37 + place * 7919 % 61 for place in range(buckets))
    told = tuple(
        msgspec.structs.replace(
            alert(f"Agent {number}"), id=f"{number:032x}", time=f"2026-10-{1 + number % 30:02d}T07:24:49.188Z"
        )
        for number in range(alerts)
    )
    guid = "6f1e8a52-0000-4000-8000-{:012d}"
    panels = tuple(
        panel(
            guid.format(number),
            buckets,
            name=f"agent-invoice-triage-{number:04d}",
            counts=counts,
            failures=tuple(each % 3 for each in counts),
            low=tuple(each / 3 for each in counts),
            high=tuple(each * 2.1 for each in counts),
            resources=tuple(lane(guid.format(each), runs) for each in range(8)),
            networks=tuple(lane(f"203.0.113.{each}/24", runs) for each in range(8)),
            credentials=tuple(lane(guid.format(each), ()) for each in range(3)),
            addresses=tuple(lane(f"203.0.113.{each}", ()) for each in range(8)),
            alerts=(f"{number:032x}",) if number < alerts else (),
        )
        for number in range(agents)
    )
    return dossier(
        "A month",
        span=Span(START, 21_600, buckets),
        counts=tuple(each * agents for each in counts),
        failures=counts,
        panels=panels,
        alerts=told,
        stories=tuple(story(f"Story {number}", number, 12) for number in range(20)),
    )
