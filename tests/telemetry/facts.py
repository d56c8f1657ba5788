"""Tells every fact that there is, with texts of one's choice."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import Any

from detector.config.telemetry import TelemetrySettings
from detector.domain.accounting import Accounting
from detector.telemetry.telemetry import Telemetry

WALL = 1_791_000_000.0


class Clock:
    """A clock that stands until it is told otherwise."""

    def __init__(self, at: float = WALL) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def telemetry(
    *, sinks: tuple[str, ...] = ("stdout", "alertmanager", "webhook"), **settings: Any
) -> tuple[Telemetry, io.StringIO, Clock]:
    stream, clock = io.StringIO(), Clock()
    chosen = TelemetrySettings(**{"port": 0, **settings})
    return Telemetry(chosen, stream, now=clock, monotonic=clock, sinks=sinks), stream, clock


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def tell_all(told: Telemetry, text: str, number: int = 3) -> None:
    """Every fact once; `text` stands for everything that is a text, `number` for everything that is a count."""
    tell_runtime(told, text, number)
    tell_sources(told, text, number)
    tell_directory(told, text, number)
    tell_sinks(told, text, number)
    tell_store(told, text, number)
    told.health.register(text, _broken)
    told.health.not_ready()


def _broken() -> list[str]:
    raise ValueError


def tell_runtime(told: Telemetry, text: str, number: int) -> None:
    runtime = told.runtime
    runtime.service_started(text, number)
    runtime.partition_opened(text)
    runtime.batch_received(text, number, number)
    runtime.sequence_replayed(number)
    runtime.engine_counted({})
    runtime.engine_counted(
        {"evicted_actors": number, f"unknown_{text}": number, text: number}
        | {"model_judged": number, "model_unusual": number}
    )
    runtime.batch_committed(
        seconds=0.2,
        accounting=Accounting(
            received=number,
            duplicate=number,
            late=number,
            filtered=Counter({text: number}),
            quarantined=Counter({text: 1}),
        ),
        applied={text: number},
        watermark=WALL,
        agents=number,
        latencies=[0.5],
    )
    runtime.partition_seen(text, number)
    runtime.outbox_seen(text, number, WALL)
    runtime.store_seen(number, 0.5)
    runtime.suppressions_seen(number, WALL)
    runtime.budget_seen(false_alerts=1.0, limit=0.5, exposure=0.25, days=number)
    runtime.budget_settled({text: 0.5, "token_spike": 0.5}, {text: number, "token_spike": number})
    runtime.quarantined(text, text)
    runtime.alert_raised(text, text, 1.5, text)
    runtime.alert_classed(text, text)
    runtime.incident_begun()
    runtime.alert_suppressed(text, text)
    runtime.canary_seen(WALL)
    runtime.service_stopping(text)
    runtime.worker_failed(ValueError(text))
    runtime.source_stalled(text)
    runtime.configuration_refused(number, text)
    runtime.configuration_reloaded()
    runtime.model_absent()
    runtime.model_loaded(text, text, shadow=True)
    runtime.model_compared({text: 0.5, "gap": 0.5})
    runtime.check_failed(text, ValueError(text))
    runtime.service_stopped(0)


def tell_sources(told: Telemetry, text: str, number: int) -> None:
    source, follow = told.source, told.follow
    source.connected(number)
    source.partition_found(text)
    source.receiver_opened(text)
    source.receiver_ended(text, text)
    source.client_replaced(text)
    source.waited(text, 1.5)
    source.received(text, number, number)
    source.redelivered(text, number)
    source.events_lost(text, number)
    source.unreadable(text, text)
    source.offset_refused(text)
    source.management_failed(text)
    source.stalled(text, number)
    source.held(text, 1.5)
    source.hub_accepted()
    source.exception_caught(text, text)
    source.left_behind(text)
    source.sdk_warned(text)
    source.mirror_written(number)
    source.mirror_failed(text)
    follow.looked(number, number)
    follow.file_found(text, number)
    follow.file_rotated(text)
    follow.file_moved(text, text)
    follow.file_truncated(text)
    follow.file_lost(text)
    follow.file_vanished(text)
    follow.file_grown_late(text, number)
    follow.follow_failed(text, text)
    follow.line_cut(text, number)
    follow.line_ended(text, number)
    follow.files_refused(number)


def tell_directory(told: Telemetry, text: str, number: int) -> None:
    inventory, evidence = told.inventory, told.evidence
    inventory.round_finished(text, 1.5, number, told=number, deleted=number)
    inventory.round_failed(text, text)
    inventory.part_failed(text, text)
    inventory.object_unreadable(text)
    inventory.request_retried(text, 1.5)
    inventory.delta_refused()
    inventory.deletions_unconfirmed(number)
    evidence.evidence_opened(number)
    evidence.evidence_accepted(text, number)
    evidence.evidence_ignored(text, text)
    evidence.evidence_refused(text, text)


def tell_sinks(told: Telemetry, text: str, number: int) -> None:
    sink = told.sink
    sink.delivered(text, [text])
    sink.retried(text, [text], text, 1.5)
    sink.refused(text, [text], text)
    sink.left_out(text, [text], text)
    sink.rolled_up(text, text, number)
    sink.breaker_opened(text, 1.5)
    sink.breaker_closed(text)
    sink.outbox_failed(text, text)


def tell_store(told: Telemetry, text: str, number: int) -> None:
    store = told.store
    store.store_opened("new", number, 0.1)
    store.log_cut(number)
    store.store_corrupted(text, text)
    store.store_restored(text, 1.5)
    store.store_lost()
    store.store_migrated(1, 2)
    store.snapshot_taken(text, number, 0.1)
    store.snapshot_failed(text)
    store.snapshot_ignored(text, text)
    store.batch_committed(0.01, number, number)
    store.commit_failed(text)
    store.commit_fenced(1, 2)
    store.position_kept(text)
    store.checkpoint_finished(0.1, number)
    store.checkpoint_failed(text)
    store.alert_suppressed(text)
    store.alerts_forgotten(number)
    store.quarantine_forgotten(number)
    store.alerts_sent(text, number)
    store.alerts_refused(text, number)
