"""A day's worth of a simulated tenant as a hub holds it, and what an engine that is never disturbed makes of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from detector.config.build import decoder_settings, engine_settings
from detector.config.settings import Settings
from detector.decode.decoder import Decoder
from detector.engine.engine import Engine
from detector.runtime.live.memory import counters_of
from detector.runtime.simulation.settings import SimulationSettings
from detector.runtime.simulation.simulate import simulate
from tests.hub import Hub

TICKS = 10_000_000
"""Ticks of the simulation in a second."""


@dataclass(frozen=True)
class Message:
    """One message: when the hub took it in, and its bytes."""

    enqueued: float
    body: bytes


@dataclass(frozen=True)
class Stream:
    """Messages, and the configuration of who operates the tenant."""

    messages: tuple[Message, ...]
    configuration: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What is right."""

    alerts: frozenset[str]
    counters: dict[str, int]


@cache
def stream(*, seed: int = 11, days: float = 2.0, agents: int = 24, records_per_body: int = 5) -> Stream:
    """A small tenant in which much happens."""
    simulation = simulate(
        SimulationSettings(
            seed=seed,
            days=days,
            agents=agents,
            blueprints=4,
            attack_after_days=days / 2,
            records_per_body=records_per_body,
            duplicates=0.05,
        )
    )
    messages = tuple(Message(delivery.enqueued / TICKS, delivery.body) for delivery in simulation.deliveries())
    return Stream(messages, simulation.configuration())


def undisturbed(told: Stream, settings: Settings) -> Verdict:
    """The alerts sent, and the counts, of an engine in memory that reads the messages in order, once."""
    decoder, engine = Decoder(**decoder_settings(settings)), Engine(engine_settings(settings))
    alerts: set[str] = set()
    for message in told.messages:
        decoder.not_after = message.enqueued
        alerts.update(alert.id for alert in engine.process(decoder.body(message.body)) if alert.held is None)
    return Verdict(frozenset(alerts), counters_of(engine.accounting))


def counted(told: Stream) -> Counter[str]:
    """Records and distinct sign-ins, counted by nothing but a JSON parser: an oracle that shares no code with us."""
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    for message in told.messages:
        for record in json.loads(message.body)["records"]:
            counts["records"] += 1
            name = f"{record['category'].endswith('SignInLogs')}{record['properties'].get('id')}"
            counts["copies"] += name in seen
            seen.add(name)
    return counts


def filled(told: Stream, *, partitions: int = 4, seed: int = 1) -> Hub:
    """A hub that holds the messages, spread over its partitions by chance, as the export does without a key."""
    hub, dice = Hub("agents", partitions=partitions, created=1_700_000_000.0), Random(seed)
    for message in told.messages:
        hub.put(dice.randrange(partitions), message.body, enqueued=message.enqueued)
    return hub
