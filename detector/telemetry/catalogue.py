"""Every metric there is: name, type, labels, unit and meaning. `docs/telemetry.md` shows the same table."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]

PREFIX: Final = "agent_detector_"


class Metric(NamedTuple):
    """One metric."""

    name: str
    """Without `PREFIX`."""
    kind: Kind
    labels: tuple[str, ...]
    unit: str
    meaning: str
    """A sentence."""


def _counter(name: str, unit: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, "counter", labels, unit, meaning)


def _gauge(name: str, unit: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, "gauge", labels, unit, meaning)


BUCKETS: Final[dict[str, tuple[float, ...]]] = {
    "end_to_end_latency_seconds": (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800),
    "batch_duration_seconds": (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    "commit_duration_seconds": (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
}
"""Upper bounds of the buckets of each histogram."""

METRICS: Final = (
    # The way of the records
    _counter("events_received_total", "records", "Records taken in from a partition.", "partition"),
    _counter("events_applied_total", "records", "Records judged and committed.", "partition"),
    _counter("events_dropped_total", "records", "Records committed without being judged, by reason.", "reason"),
    _counter("events_lost_total", "messages", "Messages the stream gave up before they were read.", "partition"),
    _counter("messages_received_total", "messages", "New messages that came from the hub."),
    _counter("received_bytes_total", "bytes", "Bytes of the messages that were taken in."),
    _gauge(
        "partition_lag_events",
        "messages",
        "Messages of a hub that are not committed yet.",
        "partition",
    ),
    _gauge(
        "partition_last_progress_timestamp_seconds",
        "seconds since the epoch",
        "When records of the partition were committed last; 0 before the first.",
        "partition",
    ),
    _gauge("last_received_timestamp_seconds", "seconds since the epoch", "When records came in last; 0 for never."),
    _gauge(
        "watermark_timestamp_seconds", "seconds since the epoch", "Event time up to which all is known; 0 at first."
    ),
    Metric(
        "end_to_end_latency_seconds",
        "histogram",
        (),
        "seconds",
        "From a message entering the stream to the commit that applied it, and to that of each alert.",
    ),
    Metric("commit_duration_seconds", "histogram", (), "seconds", "How long a commit to the store took."),
    Metric("batch_duration_seconds", "histogram", (), "seconds", "From taking up a batch to the end of its commit."),
    _counter("unknown_spellings_total", "records", "Categories, members and values that this version does not know."),
    # Alerts
    _counter("alerts_total", "alerts", "Alerts raised and committed.", "rule", "severity"),
    _counter(
        "alerts_by_environment_total",
        "alerts",
        "Alerts raised and committed, by where the manifest says that their subject belongs to.",
        "environment",
        "severity",
    ),
    _counter("incidents_total", "incidents", "Incidents that began; one that goes on after a start counts again."),
    _counter("alerts_suppressed_total", "alerts", "Alerts stored but not sent, by reason.", "reason"),
    _gauge(
        "suppressions_in_force", "suppressions", "Subjects of which an operator wants no alerts sent, each with an end."
    ),
    _gauge(
        "suppression_expiry_timestamp_seconds",
        "seconds since the epoch",
        "When the first suppression ends that was made for more than a week; 0 for none.",
    ),
    # The budget of false alerts
    _gauge(
        "budget_false_alerts",
        "alerts per 1,000 agents and day",
        "False alerts that are bearable, as configured; 0 when the budget is switched off.",
    ),
    _gauge(
        "budget_limit",
        "alerts per 1,000 agents and day",
        "Rate up to which alerts are sent; of several tenants the lowest.",
    ),
    _gauge("budget_exposure", "1,000 agents times days", "What the budget has learned from, faded; of all tenants."),
    _gauge(
        "budget_learned_seconds",
        "seconds",
        "Time that the budget has learned from, in whole days; of several tenants the shortest.",
    ),
    _counter(
        "budget_alerts_expected_total",
        "alerts",
        "Alerts that days now over should have brought, by what was learned before them.",
        "rule",
    ),
    _counter("budget_alerts_seen_total", "alerts", "Alerts that these days brought, one a subject and hour.", "rule"),
    # Alerts on their way
    _gauge("outbox_rows", "alerts", "Alerts that wait to be sent.", "sink"),
    _gauge(
        "outbox_oldest_timestamp_seconds",
        "seconds since the epoch",
        "When the alert that waits longest was stored; 0 when none waits.",
        "sink",
    ),
    _counter("sink_requests_total", "requests", "Attempts to hand alerts to a sink, by outcome.", "sink", "outcome"),
    _gauge("sink_breaker_open", "0 or 1", "Whether nothing is tried for now, because the sink kept failing.", "sink"),
    _counter("alerts_sent_total", "alerts", "Alerts that a sink accepted.", "sink"),
    _counter("alerts_refused_total", "alerts", "Alerts that a sink will never accept.", "sink"),
    _counter("outbox_failures_total", "failures", "Times the outbox could not be read or written.", "sink"),
    # Memory and store
    _gauge("agents_tracked", "identities", "Agents and blueprints that have a memory."),
    _counter("state_evictions_total", "entries", "Memory given up or refused because a bound was reached.", "kind"),
    _gauge("store_bytes", "bytes", "Size of the store on disk."),
    _gauge("store_free_ratio", "0 to 1", "Part of the volume of the store that is free."),
    _counter("state_rows_written_total", "rows", "Rows of state that commits wrote."),
    _counter("commit_failures_total", "failures", "Commits that were undone."),
    _counter("store_losses_total", "losses", "Times the store started empty because nothing could be restored."),
    _counter("store_integrity_failures_total", "failures", "Damage found in the store."),
    _counter("store_snapshots_total", "snapshots", "Snapshots of the store, by outcome.", "outcome"),
    _gauge("store_last_snapshot_timestamp_seconds", "seconds since the epoch", "When a snapshot was made last."),
    # Sources
    _counter("receiver_restarts_total", "restarts", "Receivers opened again, by reason.", "partition", "reason"),
    _counter("source_problems_total", "problems", "Things that went wrong at the source, by kind.", "kind"),
    _gauge("partition_stalled", "0 or 1", "Whether a partition made no progress although messages wait.", "partition"),
    _counter("source_wait_seconds_total", "seconds", "Time spent waiting before the next attempt to read."),
    _counter("sdk_warnings_total", "lines", "Lines of the SDK behind which it may have stopped silently.", "warning"),
    _gauge("mirror_last_written_timestamp_seconds", "seconds since the epoch", "When positions were mirrored last."),
    _counter("sdk_timeouts_total", "lines", "Receivers the SDK closed silently and the source did not count."),
    _gauge("follow_files", "files", "Files that are followed."),
    _gauge("follow_unread_bytes", "bytes", "Bytes in followed files that are not read yet; packed files not counted."),
    _counter("follow_changes_total", "changes", "What happened to followed files, by kind.", "kind"),
    # The directory and deployments
    _counter("inventory_rounds_total", "rounds", "Rounds through the directory, by outcome.", "round", "outcome"),
    _gauge(
        "inventory_last_round_timestamp_seconds",
        "seconds since the epoch",
        "When a round through the directory ended last; 0 for never.",
        "round",
    ),
    _counter("inventory_objects_total", "objects", "Objects of the directory that were told."),
    _counter("inventory_retries_total", "requests", "Requests to Microsoft Graph that were made again."),
    _counter("inventory_problems_total", "problems", "Parts of the directory that could not be read.", "reason"),
    _counter("evidence_deliveries_total", "deliveries", "Deliveries of deployment evidence, by outcome.", "outcome"),
    # The service
    _gauge("model_info", "1", "The model in use, and whether it is only tried.", "version", "sha256", "shadow"),
    _counter("model_judged_total", "agents and hours", "Finished hours of agents that the model judged."),
    _counter("model_unusual_total", "agents and hours", "Those of them that it found unusual, also in shadow."),
    _gauge(
        "model_stability",
        "index",
        "How far a part of the hours has moved from training: 0.1 is little, 0.25 much.",
        "part",
    ),
    _gauge("build_info", "1", "The program that runs.", "version", "python"),
    _gauge("epoch", "number", "How often the store was opened for writing; rises with every start."),
    _gauge(
        "config_last_reload_success_timestamp_seconds",
        "seconds since the epoch",
        "When the configuration in use was loaded.",
    ),
    _gauge("config_last_reload_successful", "0 or 1", "Whether the last attempt to load the configuration succeeded."),
    _gauge(
        "canary_last_seen_timestamp_seconds",
        "seconds since the epoch",
        "When the canary record last came through; 0 for never.",
    ),
    _counter("worker_failures_total", "failures", "Times the worker ended with an error that nobody foresaw."),
    # Telemetry itself
    _counter("log_lines_total", "lines", "Log lines written.", "level"),
    _counter("log_lines_suppressed_total", "lines", "Log lines left out: too many alike, or the stream refused them."),
    _counter("library_lines_total", "lines", "Warnings and errors of libraries.", "library"),
)
"""In the order of `docs/telemetry.md`. What is listed is exported from the start, with 0."""
