"""What the runtime has to tell: batches, alerts, configuration, and the life of the service."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from detector.domain.accounting import Accounting
from detector.features.hours import PARTS
from detector.telemetry.labels import OTHER, is_file
from detector.telemetry.log import Log
from detector.telemetry.metrics import Metrics
from detector.telemetry.reasons import DROPPED, EVICTIONS, OF_MODELS, RULES, SEVERITY, SUPPRESSIONS
from detector.telemetry.scrubbing import scrubbed

_UNKNOWN: Final = "unknown_"
_DAY: Final = 86_400


class RuntimeFacts:
    """Facts of the runtime; told from the worker's thread and from the loop's.

    Args:
        now: Wall clock, seconds since the epoch.
    """

    def __init__(self, metrics: Metrics, log: Log, *, now: Callable[[], float]) -> None:
        self._metrics: Final = metrics
        self._log: Final = log
        self._now: Final = now
        self._counters: dict[str, int] | None = None
        self._spoke: Final = set[str]()
        """Detectors that days now over heard of."""

    # Batches

    def partition_opened(self, partition: str) -> None:
        """A partition is about to be read: its series are there from now on."""
        self._metrics.prepare(partition)

    def batch_received(self, partition: str, events: int, size: int) -> None:
        """A delivery was decoded: how many records it held, whatever becomes of them, and its bytes."""
        self._metrics.count("events_received_total", events, partition=partition)
        self._metrics.count("received_bytes_total", size)
        if events:
            self._metrics.set("last_received_timestamp_seconds", self._now())

    def sequence_replayed(self, messages: int = 1) -> None:
        """Messages came again that were committed before; they are not opened, and their records are not received."""
        self._metrics.count("events_dropped_total", messages, reason="replayed_sequence")

    def batch_committed(
        self,
        *,
        seconds: float,
        accounting: Accounting,
        applied: Mapping[str, int],
        watermark: float,
        agents: int,
        latencies: Sequence[float] = (),
    ) -> None:
        """A batch is in the store.

        Args:
            seconds: From taking up the batch to the end of the commit; the store tells its own share itself.
            accounting: What became of the records since the commit before.
            applied: Records judged, by partition.
            watermark: Event time up to which all is known, seconds since the epoch; not finite while none is.
            agents: Identities that have a memory.
            latencies: Seconds from `Delivery.enqueued` to this commit, one for each delivery (or a sample of them).
        """
        metrics, now = self._metrics, self._now()
        metrics.observe("batch_duration_seconds", seconds)
        for reason, count in _dropped(accounting):
            metrics.count("events_dropped_total", count, reason=reason)
        for partition, count in applied.items():
            metrics.count("events_applied_total", count, partition=partition)
            metrics.set("partition_last_progress_timestamp_seconds", now, partition=partition)
        if 0 <= watermark < float("inf"):
            metrics.set("watermark_timestamp_seconds", watermark)
        metrics.set("agents_tracked", agents)
        for latency in latencies:
            metrics.observe("end_to_end_latency_seconds", latency)

    def partition_seen(self, partition: str, behind: int) -> None:
        """How many messages of a partition are not committed yet; of files their follower tells the bytes."""
        if is_file(partition):
            return
        self._metrics.set("partition_lag_events", max(behind, 0), partition=partition)

    def outbox_seen(self, sink: str, rows: int, oldest: float | None) -> None:
        """What waits for a sink, and since when."""
        self._metrics.set("outbox_rows", rows, sink=sink)
        self._metrics.set("outbox_oldest_timestamp_seconds", oldest or 0, sink=sink)

    def store_seen(self, size: int, free: float) -> None:
        """How large the store is on disk, in bytes, and what part of its volume is free, from 0 to 1."""
        self._metrics.set("store_bytes", size)
        self._metrics.set("store_free_ratio", free)

    def suppressions_seen(self, count: int, expiry: float | None) -> None:
        """How many suppressions are in force, and when the first ends of which one is reminded."""
        self._metrics.set("suppressions_in_force", count)
        self._metrics.set("suppression_expiry_timestamp_seconds", expiry or 0)

    def budget_seen(self, *, false_alerts: float, limit: float, exposure: float, days: int) -> None:
        """How the budget of false alerts stands; see `detector.engine.budgeting.Standing`."""
        self._metrics.set("budget_false_alerts", false_alerts)
        self._metrics.set("budget_limit", limit)
        self._metrics.set("budget_exposure", exposure)
        self._metrics.set("budget_learned_seconds", days * _DAY)

    def budget_settled(self, expected: Mapping[str, float], seen: Mapping[str, int]) -> None:
        """Days are over: the alerts of each detector that they should have brought, and those that they brought.

        A detector has series of its own from the day on that it says something; what the silent ones were expected to
        say is one number. Else every detector there is would have two series that say nothing.
        """
        self._spoke.update(rule for rule, count in seen.items() if count)
        for name, counts in (("expected", expected), ("seen", seen)):
            for rule, count in counts.items():
                known = rule if rule in self._spoke else OTHER
                self._metrics.count(f"budget_alerts_{name}_total", count, rule=known)

    def engine_counted(self, counters: Mapping[str, int]) -> None:
        """The engine's totals of what it did not know or had to forget: what they grew by is counted.

        The first totals are only remembered, for they may come from an earlier run.
        """
        before, self._counters = self._counters, dict(counters)
        if before is None:
            return
        for name, total in counters.items():
            grown = total - before.get(name, 0)
            if grown <= 0:
                continue
            if name in EVICTIONS:
                self._metrics.count("state_evictions_total", grown, kind=EVICTIONS[name])
                self._log.say("state_evicted", EVICTIONS[name], kind=EVICTIONS[name], count=grown)
            elif name.startswith(_UNKNOWN):
                self._metrics.count("unknown_spellings_total", grown)
            elif name in OF_MODELS:
                self._metrics.count(f"{name}_total", grown)

    def quarantined(self, reason: str, place: str) -> None:
        """A record could not be used; `place` is partition and sequence number. Counted when its batch is committed."""
        known = reason if reason in DROPPED else "other"
        self._log.say("record_quarantined", known, reason=known, place=place)

    # Alerts

    def alert_raised(self, rule: str, severity: str, latency: float, alert_id: str) -> None:
        """An alert was committed; `latency` is from its message entering the stream to that, in seconds."""
        self._metrics.count("alerts_total", rule=rule, severity=severity)
        self._metrics.observe("end_to_end_latency_seconds", latency, alert_id)
        self._log.say(
            "alert_raised",
            rule=rule if rule in RULES else "other",
            severity=severity if severity in SEVERITY else "other",
            alert_id=alert_id,
        )

    def alert_classed(self, environment: str, severity: str) -> None:
        """An alert was committed that is about something of this environment."""
        self._metrics.count("alerts_by_environment_total", environment=environment, severity=severity)

    def incident_begun(self) -> None:
        """An alert was committed that is the first of its incident."""
        self._metrics.count("incidents_total")

    def alert_suppressed(self, reason: str, alert_id: str = "") -> None:
        """An alert was committed, and is not sent."""
        self._metrics.count("alerts_suppressed_total", reason=reason)
        known = reason if reason in SUPPRESSIONS else "other"
        self._log.say("alert_suppressed", reason=known, alert_id=alert_id)

    def canary_seen(self, time: float) -> None:
        """The canary record came through from the stream to a sink, at `time`."""
        self._metrics.set("canary_last_seen_timestamp_seconds", time)
        self._log.say("canary_seen")

    # The service

    def service_started(self, version: str, epoch: int) -> None:
        """State is loaded and the store is owned under this epoch."""
        self._metrics.state("build_info", version=version, python=platform.python_version())
        self._metrics.set("epoch", epoch)
        self._configuration(True)
        self._log.say("service_started", version=version, epoch=epoch)

    def service_stopping(self, cause: str) -> None:
        """The service drains: a signal, or a reason it cannot go on."""
        self._log.say("service_stopping", cause=scrubbed(cause))

    def service_stopped(self, exit_code: int) -> None:
        """The service has ended in order; the last fact."""
        self._log.say("service_stopped", exit_code=exit_code)
        self._log.close()

    def worker_failed(self, error: BaseException) -> None:
        """The worker met an error that nobody foresaw."""
        self._metrics.count("worker_failures_total")
        self._log.say("worker_failed", error=type(error).__name__, problem=scrubbed(str(error)), where=_place(error))

    def source_stalled(self, reason: str) -> None:
        """The source makes no progress whatever is tried: the process is about to end so that it is started anew."""
        self._log.say("source_stalled", reason=scrubbed(reason))

    def configuration_reloaded(self) -> None:
        """A changed configuration is in use."""
        self._configuration(True)
        self._log.say("configuration_reloaded")

    def configuration_refused(self, problems: int, first: str = "") -> None:
        """A changed configuration is wrong; the one before stays in use. `first` is the first problem found."""
        self._configuration(False)
        self._log.say("configuration_refused", problems=problems, first=scrubbed(first))

    def model_loaded(self, version: str, sha256: str, *, shadow: bool) -> None:
        """A model is in use. It has seen no hour yet, so nothing is known of how far they have moved."""
        self._metrics.state("model_info", version=version, sha256=sha256, shadow="true" if shadow else "false")
        self._log.say("model_loaded", version=version, sha256=sha256, shadow=shadow)
        self._unmoved()

    def model_absent(self) -> None:
        """No model is in use, or none any longer."""
        self._metrics.forget("model_info")
        self._unmoved()

    def _unmoved(self) -> None:
        for part in PARTS:
            self._metrics.set("model_stability", 0.0, part=part)

    def model_compared(self, stability: Mapping[str, float]) -> None:
        """How far the parts of hours have moved from those that the model in use was trained on."""
        for part, index in stability.items():
            self._metrics.set("model_stability", index, part=part)

    def check_failed(self, check: str, error: BaseException) -> None:
        """A readiness check ended with an error instead of an answer."""
        self._log.say("check_failed", check, check=check, error=type(error).__name__)

    def _configuration(self, accepted: bool) -> None:
        self._metrics.set("config_last_reload_successful", accepted)
        if accepted:
            self._metrics.set("config_last_reload_success_timestamp_seconds", self._now())


def _dropped(accounting: Accounting) -> list[tuple[str, int]]:
    named = [*accounting.filtered.items(), *accounting.quarantined.items()]
    return [("duplicate", accounting.duplicate), ("late", accounting.late), *named]


def _place(error: BaseException) -> str:
    """File and line of the innermost frame, without any value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
