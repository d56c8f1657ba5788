"""Whether the detector itself is well: service, input, accounting, output, store."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from bench.dashboards.parts import Section, Target, board, lines, number, rate, recorded, series


def health() -> Dashboard:
    """The board `agent-detector-health`."""
    return board(
        "agent-detector-health",
        "Entra agent detector / Detector health",
        "Lag, watermark, accounting, outbox, store and watchdog. Alerts of config/prometheus/rules.yaml lead here.",
        [_service(), _input(), _accounting(), _output(), _store(), _watchdog(), _directory()],
    )


def _service() -> Section:
    return Section(
        "Service",
        [
            number(
                "Running",
                "Detectors that are scraped.",
                "short",
                Target(f"count by (version) ({series('build_info')})", "{{version}}"),
            ),
            number(
                "Starts in 24 h",
                "How often the store was opened anew within a day.",
                "short",
                Target(
                    f"max(max_over_time({series('epoch')}[1d])) - min(min_over_time({series('epoch')}[1d]))", "starts"
                ),
                orange=4,
            ),
            number(
                "Configuration",
                "1 when the last change of the configuration was accepted.",
                "bool_yes_no",
                Target(f"min({series('config_last_reload_successful')})", "accepted"),
            ),
            number(
                "Memory",
                "Resident memory of the process.",
                "bytes",
                Target(f"max({series('process_resident_memory_bytes')})", "resident"),
            ),
            number(
                "CPU",
                "Cores in use; it uses one at most for judging.",
                "short",
                Target(f"max(rate({series('process_cpu_seconds_total')}[$__rate_interval]))", "cores"),
                orange=0.9,
            ),
            number(
                "Open files",
                "File descriptors in use.",
                "short",
                Target(f"max({series('process_open_fds')})", "descriptors"),
            ),
        ],
    )


def _input() -> Section:
    return Section(
        "Input",
        [
            lines(
                "Records received",
                "By partition; followed files are one.",
                "cps",
                Target(rate("events_received_total", "partition"), "{{partition}}"),
                stacked=True,
            ),
            lines(
                "Lag",
                "Messages of each partition that are not committed yet.",
                "short",
                Target(f"sum by (partition) ({series('partition_lag_events')})", "{{partition}}"),
            ),
            lines(
                "Backlog",
                "How long what waits takes at the present speed, and bytes of followed files that wait.",
                "s",
                Target(f"max by (job) ({recorded('job:agent_detector_backlog_seconds:current')})", "{{job}}"),
            ),
            lines(
                "Latency",
                "From a message entering the stream to the commit that judged it.",
                "s",
                *(
                    Target(f"max({recorded(f'job:agent_detector_end_to_end_latency_seconds:{name}_rate5m')})", name)
                    for name in ("p50", "p95", "p99")
                ),
            ),
            lines(
                "Watermark",
                "Age of the event time up to which all is known.",
                "s",
                Target(f"time() - max by (instance) ({series('watermark_timestamp_seconds')} > 0)", "{{instance}}"),
            ),
            lines(
                "Progress",
                "Age of the last commit of records, by partition.",
                "s",
                Target(
                    f"time() - max by (partition) ({series('partition_last_progress_timestamp_seconds')} > 0)",
                    "{{partition}}",
                ),
            ),
        ],
    )


def _accounting() -> Section:
    named = 'reason!="replayed_sequence"'
    return Section(
        "Accounting",
        [
            lines(
                "What becomes of records",
                "Judged, or left out with a reason.",
                "cps",
                Target(rate("events_applied_total"), "judged"),
                Target(rate("events_dropped_total", "reason", named) + " > 0", "{{reason}}"),
                stacked=True,
            ),
            lines(
                "Without a fate",
                "Received less judged less left out: what is being worked on. It comes back to 0.",
                "cps",
                Target(
                    f"abs({rate('events_received_total')} - {rate('events_applied_total')} "
                    f"- {rate('events_dropped_total', matchers=named)})",
                    "in work",
                ),
            ),
            lines(
                "Lost",
                "Messages that left the stream before they were read.",
                "cps",
                Target(rate("events_lost_total", "partition"), "{{partition}}"),
            ),
        ],
    )


def _output() -> Section:
    return Section(
        "Output",
        [
            lines(
                "Outbox",
                "Alerts that wait to be sent.",
                "short",
                Target(f"sum by (sink) ({series('outbox_rows')})", "{{sink}}"),
            ),
            lines(
                "Oldest alert that waits",
                "How long it has waited; 0 when none waits.",
                "s",
                Target(
                    f"(time() - min by (sink) ({series('outbox_oldest_timestamp_seconds')} > 0)) "
                    f"or 0 * sum by (sink) ({series('outbox_rows')})",
                    "{{sink}}",
                ),
            ),
            lines(
                "Attempts",
                "To hand alerts to a sink, by outcome.",
                "cps",
                Target(rate("sink_requests_total", "sink, outcome"), "{{sink}} {{outcome}}"),
            ),
            lines(
                "Left alone",
                "1 while a sink is left alone because it kept failing.",
                "short",
                Target(f"max by (sink) ({series('sink_breaker_open')})", "{{sink}}"),
            ),
            lines(
                "Refused for good",
                "Alerts that a sink will never accept.",
                "cps",
                Target(rate("alerts_refused_total", "sink"), "{{sink}}"),
            ),
            lines(
                "Canary",
                "Age of the last canary record that came through; nothing where there is no canary.",
                "s",
                Target(f"time() - max by (job) ({series('canary_last_seen_timestamp_seconds')} > 0)", "{{job}}"),
            ),
        ],
    )


def _store() -> Section:
    return Section(
        "Store and memory",
        [
            lines(
                "Commits",
                "How long they take.",
                "s",
                Target(f"max({recorded('job:agent_detector_commit_duration_seconds:p99_rate5m')})", "p99"),
                Target(
                    f"{rate('commit_duration_seconds_sum')} / {rate('commit_duration_seconds_count')}",
                    "mean",
                ),
            ),
            lines(
                "Batches",
                "Mean time from taking up a batch to the end of its commit.",
                "s",
                Target(f"{rate('batch_duration_seconds_sum')} / {rate('batch_duration_seconds_count')}", "mean"),
            ),
            lines(
                "Rows written",
                "Rows of state that commits wrote.",
                "cps",
                Target(rate("state_rows_written_total"), "rows"),
            ),
            lines(
                "Size",
                "Of the store on disk.",
                "bytes",
                Target(f"max by (instance) ({series('store_bytes')})", "{{instance}}"),
            ),
            lines(
                "Free",
                "Part of the volume that is free. Below a tenth nothing more is read.",
                "percentunit",
                Target(f"min by (instance) ({series('store_free_ratio')})", "{{instance}}"),
            ),
            lines(
                "Failures",
                "Commits that were undone, damage found, snapshots that failed, stores lost.",
                "cps",
                Target(rate("commit_failures_total"), "commits"),
                Target(rate("store_integrity_failures_total"), "damage"),
                Target(rate("store_snapshots_total", matchers='outcome!="made"'), "snapshots"),
                Target(rate("store_losses_total"), "losses"),
            ),
            lines(
                "Identities",
                "Agents and blueprints that have a memory.",
                "short",
                Target(f"sum({series('agents_tracked')})", "identities"),
            ),
            lines(
                "Memory given up",
                "Because a bound was reached, by kind.",
                "cps",
                Target(rate("state_evictions_total", "kind"), "{{kind}}"),
                stacked=True,
            ),
            lines(
                "Snapshots made",
                "Checked copies of the store.",
                "cps",
                Target(rate("store_snapshots_total", "outcome"), "{{outcome}}"),
            ),
        ],
    )


def _watchdog() -> Section:
    return Section(
        "Watchdog",
        [
            lines(
                "Stalled",
                "1 while a partition makes no progress although messages wait.",
                "short",
                Target(f"max by (partition) ({series('partition_stalled')})", "{{partition}}"),
            ),
            lines(
                "Trouble at the source",
                "By kind, and lines of the client library behind which it may have stopped.",
                "cps",
                Target(rate("source_problems_total", "kind"), "{{kind}}"),
                Target(rate("sdk_warnings_total", "warning"), "{{warning}}"),
                Target(rate("sdk_timeouts_total"), "timeouts"),
                stacked=True,
            ),
            lines(
                "Log lines",
                "Written, by level, and left out because too many were alike.",
                "cps",
                Target(rate("log_lines_total", "level"), "{{level}}"),
                Target(rate("log_lines_suppressed_total"), "left out"),
            ),
        ],
    )


def _directory() -> Section:
    return Section(
        "Directory and deployments",
        [
            lines(
                "Rounds through the directory",
                "By outcome.",
                "cps",
                Target(rate("inventory_rounds_total", "round, outcome"), "{{round}} {{outcome}}"),
            ),
            lines(
                "Parts that could not be read",
                "By reason.",
                "cps",
                Target(rate("inventory_problems_total", "reason"), "{{reason}}"),
                stacked=True,
            ),
            lines(
                "Deployment evidence",
                "Deliveries, by outcome.",
                "cps",
                Target(rate("evidence_deliveries_total", "outcome"), "{{outcome}}"),
            ),
        ],
    )
