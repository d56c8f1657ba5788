"""The metrics themselves: a registry of their own, every label value guarded, every series there from the start."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from detector.features.hours import PARTS
from detector.telemetry.catalogue import BUCKETS, METRICS, PREFIX, Metric
from detector.telemetry.labels import SHA256, VERSION, Closed, Guard, Partitions, Shaped
from detector.telemetry.reasons import (
    BOOLEANS,
    CHANGES,
    DELIVERIES,
    DROPPED,
    ENDINGS,
    ENVIRONMENTS,
    EVICTIONS,
    FORGOTTEN,
    INVENTORY_PROBLEMS,
    KINDS,
    LEVELS,
    LIBRARIES,
    OUTCOMES,
    PROBLEMS,
    ROUND_OUTCOMES,
    ROUNDS,
    RULES,
    SDK_WARNINGS,
    SEVERITY,
    SNAPSHOTS,
    SUPPRESSIONS,
)

_APPEARING: Final = frozenset({"alerts_total", "budget_alerts_expected_total", "budget_alerts_seen_total"})
"""Metrics whose series appear with their first value: every detector by every severity would be most of a scrape."""
_TYPES: Final[dict[str, type[Any]]] = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
_SHAPES: Final = {"python": VERSION, "sha256": SHA256, "version": VERSION}
_ALERT_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Metrics:
    """All metrics of one service; safe to use from any thread.

    Args:
        sinks: Names of the configured sinks.
        max_partitions: Partitions that get series of their own; those beyond share one.
        process: Export memory, files and CPU time of the process as well.
    """

    def __init__(self, sinks: Iterable[str] = (), *, max_partitions: int = 32, process: bool = True) -> None:
        self._registry: Final = CollectorRegistry(auto_describe=False)
        self._guards: Final = _guards(sinks, max_partitions)
        self._metrics: Final[dict[str, Any]] = {metric.name: self._made(metric) for metric in METRICS}
        """By name; each is a Counter, Gauge or Histogram, of which the calls below use what its kind has."""
        self._labels: Final = {metric.name: metric.labels for metric in METRICS}
        self._forgettable: Final = threading.Lock()
        if process:
            ProcessCollector(registry=self._registry)

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Raises a counter; an amount below 0 changes nothing."""
        if amount >= 0:
            self._child(name, labels).inc(amount)

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """Sets a gauge."""
        self._child(name, labels).set(value)

    def state(self, name: str, /, **labels: str) -> None:
        """Makes one label set of a gauge 1 and forgets the others: what is true now."""
        with self._forgettable:
            gauge = self._metrics[name]
            gauge.clear()
            self._child(name, labels).set(1)

    def forget(self, name: str, /) -> None:
        """Takes all label sets of a gauge away: nothing of it is true now."""
        with self._forgettable:
            self._metrics[name].clear()

    def observe(self, name: str, value: float, alert_id: str | None = None) -> None:
        """Adds to a histogram; an alert id becomes the exemplar of its bucket."""
        exemplar = {"alert_id": alert_id} if alert_id is not None and _ALERT_ID.fullmatch(alert_id) else None
        self._metrics[name].observe(max(value, 0.0), exemplar)

    def prepare(self, partition: str) -> None:
        """Exports the series of a partition with 0, before anything happens there."""
        for metric in METRICS:
            if metric.labels == ("partition",):
                self._child(metric.name, {"partition": partition})

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """The text of a scrape and its content type: OpenMetrics when `accept` asks for it, else Prometheus text.

        Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ and OpenMetrics 1.0.
        """
        shown = _WithoutCreated(self._registry)
        if "application/openmetrics-text" in accept:
            return openmetrics.generate_latest(shown), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]
        return generate_latest(shown), "text/plain; version=0.0.4; charset=utf-8"

    def value(self, name: str, **labels: str) -> float | None:
        """What is exported now under the full name of a sample; for tests and for the summary at the end."""
        return self._registry.get_sample_value(PREFIX + name, labels)

    def _made(self, metric: Metric) -> Any:  # noqa: ANN401 -- see `_metrics`
        options: dict[str, Any] = {"buckets": BUCKETS[metric.name]} if metric.kind == "histogram" else {}
        made = _TYPES[metric.kind](
            PREFIX + metric.name, metric.meaning, metric.labels, registry=self._registry, **options
        )
        guards = [self._guards[metric.name, label] for label in metric.labels]
        if metric.labels and metric.name not in _APPEARING and all(isinstance(guard, Closed) for guard in guards):
            for values in product(*(guard.values for guard in guards if isinstance(guard, Closed))):
                made.labels(*values)
        return made

    def _child(self, name: str, labels: Mapping[str, str]) -> Any:  # noqa: ANN401 -- see `_metrics`
        metric = self._metrics[name]
        known = self._labels[name]
        if not known:
            return metric
        return metric.labels(*(self._guards[name, label].safe(labels[label]) for label in known))


class _WithoutCreated(Collector):
    """Leaves out the `_created` samples, which double the number of series and which nobody asks for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Family]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


def _guards(sinks: Iterable[str], max_partitions: int) -> dict[tuple[str, str], Guard]:
    sink = Closed(sinks)
    partitions = Partitions(max_partitions)
    closed: dict[tuple[str, str], Sequence[str]] = {
        ("events_dropped_total", "reason"): DROPPED,
        ("alerts_total", "rule"): RULES,
        ("alerts_total", "severity"): SEVERITY,
        ("alerts_by_environment_total", "environment"): ENVIRONMENTS,
        ("alerts_by_environment_total", "severity"): SEVERITY,
        ("alerts_suppressed_total", "reason"): SUPPRESSIONS,
        ("budget_alerts_expected_total", "rule"): KINDS,
        ("budget_alerts_seen_total", "rule"): KINDS,
        ("sink_requests_total", "outcome"): OUTCOMES,
        ("state_evictions_total", "kind"): (*EVICTIONS.values(), *FORGOTTEN),
        ("store_snapshots_total", "outcome"): SNAPSHOTS,
        ("receiver_restarts_total", "reason"): ENDINGS,
        ("source_problems_total", "kind"): PROBLEMS,
        ("follow_changes_total", "kind"): CHANGES,
        ("sdk_warnings_total", "warning"): SDK_WARNINGS,
        ("inventory_rounds_total", "round"): ROUNDS,
        ("inventory_rounds_total", "outcome"): ROUND_OUTCOMES,
        ("inventory_last_round_timestamp_seconds", "round"): ROUNDS,
        ("inventory_problems_total", "reason"): INVENTORY_PROBLEMS,
        ("evidence_deliveries_total", "outcome"): DELIVERIES,
        ("model_info", "shadow"): BOOLEANS,
        ("model_stability", "part"): PARTS,
        ("log_lines_total", "level"): LEVELS,
        ("library_lines_total", "library"): LIBRARIES,
    }
    guards: dict[tuple[str, str], Guard] = {place: Closed(values) for place, values in closed.items()}
    for metric in METRICS:
        for label in metric.labels:
            if label == "partition":
                guards[metric.name, label] = partitions
            elif label == "sink":
                guards[metric.name, label] = sink
            elif label in _SHAPES:
                guards[metric.name, label] = Shaped(_SHAPES[label])
    return guards
