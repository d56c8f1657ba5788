"""A settled tenant to play scenes in, and the ways in which one scene can be told.

Four agents of a blueprint and the blueprint itself work steadily for ten days, from one network, with one resource;
every scene starts from that memory, at `NOW`, with the settings of the product. The memory is read back from its
snapshot each time, so every scene begins with a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from ipaddress import ip_network
from typing import Any

from detector.domain.alerts import Alert
from detector.domain.events import Event
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal, SignalKind
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.engine.state import State
from detector.features.declarations import Declarations, Declared
from detector.features.pipelines import Pipeline
from tests.stories import HOUR, RELEASE, START, Tenant, batches, defaults, engine_of, ids, in_order, tell

TENANT = Tenant()
CREW = tuple(TENANT.agent(name) for name in ("invoices", "orders", "refunds", "mails"))
AGENT = CREW[0]
BLUEPRINT = TENANT.agent("crew", role="blueprint")
LONER = TENANT.agent("loner", blueprint="solo")
"""The only agent of its blueprint."""

NOW = START + 240 * HOUR
"""The beginning of an hour, of six hours and of a day; nothing has happened in it yet."""

LATENESS = 1200.0


def settled() -> list[Event]:
    """The ten days before `NOW`."""
    return in_order(
        *(TENANT.calm(agent, hours=240, per_hour=4) for agent in (*CREW, LONER)),
        TENANT.calm(BLUEPRINT, hours=240, per_hour=1),
    )


@cache
def _memory() -> bytes:
    engine = engine_of(defaults())
    assert tell(engine, settled()) == [], "a calm tenant is silent"
    return engine.snapshot()


def engine(chosen: EngineSettings | None = None, memory: bytes | None = None) -> Engine:
    """An engine that knows the settled tenant, or what another one has written down."""
    return Engine(defaults() if chosen is None else chosen, State.load(_memory() if memory is None else memory))


def with_pipeline() -> EngineSettings:
    """The settings of the product and one declared pipeline."""
    pipeline = Pipeline("release", frozenset({str(RELEASE.id)}), (ip_network("203.0.113.0/24"),))
    return replace(defaults(), pipelines=(pipeline,))


def with_manifest(*declared: Declared, **fields: Any) -> EngineSettings:
    """The settings of `with_pipeline` and a manifest; `fields` are those of `Declarations`."""
    declarations = Declarations(declared={each.id: each for each in declared}, **fields)
    return replace(with_pipeline(), declarations=declarations)


def everything(*stories: Iterable[Event] | Event, chosen: EngineSettings | None = None) -> list[Alert]:
    """All alerts of a scene, those of its end included."""
    playing = engine(chosen)
    return tell(playing, in_order(*stories)) + playing.finish()


def said(detector: str, *stories: Iterable[Event] | Event, chosen: EngineSettings | None = None) -> list[Alert]:
    """The alerts of one detector."""
    return [alert for alert in everything(*stories, chosen=chosen) if alert.detector == detector]


def same_however_told(story: Sequence[Event], detector: str, chosen: EngineSettings | None = None) -> list[Alert]:
    """The alerts of a scene, once it is sure that copies, delays, batches and a restart make no difference.

    A copy comes right behind its record; every other record is late by nearly as much as it may be.
    """
    story = in_order(story)
    plain = said(detector, story, chosen=chosen)

    def of(alerts: Iterable[Alert]) -> set[str]:
        return ids(alert for alert in alerts if alert.detector == detector)

    twice = engine(chosen)
    assert of(tell(twice, [copy for event in story for copy in (event, event)]) + twice.finish()) == ids(plain)
    assert twice.accounting.duplicate == len(story)

    late = engine(chosen)
    arrival = {id(event): event.time + (place % 2) * (LATENESS - 60.0) for place, event in enumerate(story)}
    assert of(tell(late, sorted(story, key=lambda event: arrival[id(event)])) + late.finish()) == ids(plain)
    assert late.accounting.late == 0

    first, half = engine(chosen), len(story) // 2
    before = tell(first, story[:half])
    second = engine(chosen, first.snapshot())
    assert of(before + tell(second, story[half:]) + second.finish()) == ids(plain)

    slow = engine(chosen)
    alerts = [alert for body in batches(story, 1) for alert in slow.process(body)]
    assert of(alerts + slow.finish()) == ids(plain)
    return plain


def signal(
    kind: SignalKind, *, p_value: float = 1e-9, seen: float = 100.0, facts: dict[str, Fact] | None = None, **fields: Any
) -> Signal:
    """A signal of an agent, for thresholds that no story hits exactly."""
    told: dict[str, Any] = {
        "kind": kind,
        "key": Key("agent", AGENT.id),
        "time": NOW,
        "window": (NOW, NOW),
        "occasion": "once",
        "value": 1.0,
        "usual": 0.0,
        "unit": "things",
        "p_value": p_value,
        "seen": seen,
        "event": None,
        "facts": facts or {},
    }
    return Signal(**(told | fields))


def change(kind: str, **facts: Fact) -> Signal:
    """A change of the agent by hand, with a pipeline declared elsewhere."""
    told: dict[str, Fact] = {
        "kind": kind,
        "activity": "Some activity",
        "succeeded": True,
        "actor_name": "admin@example.com",
        "address": "198.51.100.20",
        "habit": False,
        "pipelines_declared": True,
        "deviation": "actor",
        "target_name": "invoices",
    }
    merged = {name: fact for name, fact in (told | facts).items() if fact is not None}
    return signal("change", p_value=1.0, seen=0.0, facts=merged)
