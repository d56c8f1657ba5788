"""Each fact moves its metric, and each line keeps the one schema."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from detector.domain.accounting import Accounting
from detector.telemetry.catalogue import METRICS, PREFIX
from detector.telemetry.health import REASONS
from detector.telemetry.lines import LINES, schema
from detector.telemetry.metrics import Metrics
from detector.telemetry.telemetry import Telemetry
from tests.telemetry.facts import WALL, lines_of, telemetry, tell_all

DOCS = Path(__file__).resolve().parents[2] / "docs"
BY_COMMANDS = {"file_failed", "replay_finished", "command_failed"}
BY_OTHERS = {"library_line", "sdk_timeout", "lines_suppressed", "telemetry_opened"}


def test_every_line_keeps_the_schema_and_every_event_is_told() -> None:
    import jsonschema

    told, stream, _ = telemetry()
    tell_all(told, "7")
    validator = jsonschema.Draft202012Validator(schema())
    lines = lines_of(stream)
    for line in lines:
        validator.validate(line)
        assert list(line)[:3] == ["time", "level", "event"]
    assert {line["event"] for line in lines} == set(LINES) - BY_COMMANDS - BY_OTHERS


def test_the_schema_refuses_what_is_no_line() -> None:
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema())
    good = {"time": "2026-11-26T04:20:14.5Z", "level": "info", "event": "canary_seen"}
    validator.validate(good)
    for bad in (
        {**good, "more": 1},
        {**good, "event": "unheard"},
        {**good, "level": "error"},
        {**good, "time": "yesterday"},
        {"level": "info", "event": "canary_seen"},
    ):
        assert not validator.is_valid(bad)


def test_the_published_schema_is_current() -> None:
    import jsonschema

    # To renew it, write json.dumps(schema(), indent=2) and a line feed to the file.
    published = (DOCS / "log.schema.json").read_text(encoding="utf-8")
    assert published == json.dumps(schema(), indent=2) + "\n"
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_page_shows_every_metric_and_every_line() -> None:
    page = (DOCS / "telemetry.md").read_text(encoding="utf-8")
    metrics = [
        f"| `{PREFIX}{each.name}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels) or '-'} "
        f"| {each.unit} | {each.meaning} |"
        for each in METRICS
    ]
    lines = [
        f"| `{event}` | {line.level} | {', '.join(f'`{name}`' for name in line.members) or '-'} | {line.meaning} |"
        for event, line in LINES.items()
    ]
    assert re.findall(r"^\| `agent_detector_.*", page, re.MULTILINE) == metrics
    assert re.findall(r"^\| `[a-z_]+` \| (?:info|warning|error) .*", page, re.MULTILINE) == lines


def test_the_page_shows_every_reason_code_and_no_other() -> None:
    page = (DOCS / "telemetry.md").read_text(encoding="utf-8")
    table = page[page.index("### Reason codes") : page.index("## Metrics")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == sorted(REASONS)


def samples_of(metrics: Metrics) -> dict[str, float]:
    text = metrics.exposition()[0].decode()
    return {
        name: float(value)
        for name, value in re.findall(r"^(agent_detector_\S+?(?:\{.*?\})?) (\S+)$", text, re.MULTILINE)
    }


def test_every_metric_is_moved_by_some_fact_and_none_by_none() -> None:
    told, _, _ = telemetry()
    before = samples_of(told.metrics)
    assert set(before.values()) == {0.0}
    told.source.stalled("7", 1)
    told.sink.breaker_opened("webhook", 1)
    stuck = samples_of(told.metrics)
    tell_all(told, "7")
    moved = {name for name, value in {**stuck, **samples_of(told.metrics)}.items() if value != before.get(name, 0)}
    moved |= {name for name, value in stuck.items() if value != before.get(name, 0)}
    names = {name.partition("{")[0] for name in moved}
    for metric in METRICS:
        full = PREFIX + metric.name + ("_count" if metric.kind == "histogram" else "")
        if metric.name not in {"sdk_timeouts_total", "library_lines_total", "log_lines_suppressed_total"}:
            assert full in names, metric.name


def committed(told: Telemetry, accounting: Accounting, applied: dict[str, int], **more: Any) -> None:
    told.runtime.batch_committed(
        **{"seconds": 0.1, "accounting": accounting, "applied": applied, "watermark": WALL, "agents": 5, **more}
    )


def test_received_is_applied_and_dropped_over_all_commits() -> None:
    told, _, _ = telemetry()
    told.runtime.batch_received("0", 7, 700)
    told.runtime.batch_received("1", 4, 400)
    fates = Accounting(
        received=11,
        applied=5,
        duplicate=1,
        late=2,
        filtered=Counter({"not_an_agent": 2}),
        quarantined=Counter({"malformed_json": 1}),
    )
    committed(told, fates, {"0": 3, "1": 2})
    samples = samples_of(told.metrics)

    def total(name: str) -> float:
        return sum(value for sample, value in samples.items() if sample.startswith(PREFIX + name))

    assert total("events_received_total") == 11
    assert total("events_applied_total") + total("events_dropped_total") == 11
    assert samples[PREFIX + 'events_dropped_total{reason="malformed_json"}'] == 1
    assert samples[PREFIX + 'partition_last_progress_timestamp_seconds{partition="1"}'] == WALL


@pytest.mark.parametrize("watermark", [float("-inf"), float("inf"), float("nan"), -1.0])
def test_a_watermark_that_is_not_known_yet_is_not_shown(watermark: float) -> None:
    told, _, _ = telemetry()
    committed(told, Accounting(), {}, watermark=watermark)
    assert told.metrics.value("watermark_timestamp_seconds") == 0


def test_files_do_not_overwrite_the_lag_of_each_other() -> None:
    told, _, _ = telemetry()
    told.runtime.partition_seen("3", 17)
    told.runtime.partition_seen("a.jsonl", 99_000)
    assert told.metrics.value("partition_lag_events", partition="3") == 17
    assert told.metrics.value("partition_lag_events", partition="files") is None


def test_what_an_earlier_run_forgot_is_not_counted_again() -> None:
    told, _, _ = telemetry()
    told.runtime.engine_counted({"evicted_identities": 100})
    told.runtime.engine_counted({"evicted_identities": 103, "unknown_category:Strange": 4})
    assert told.metrics.value("state_evictions_total", kind="identities") == 3
    assert told.metrics.value("unknown_spellings_total") == 4


def test_only_the_latency_histogram_has_exemplars_and_only_in_openmetrics() -> None:
    told, _, _ = telemetry()
    told.runtime.alert_raised("token_spike", "high", 1.7, "0123456789abcdef" * 2)
    told.runtime.alert_raised("token_spike", "high", 1.7, 'not-an-id"} 1')
    committed(told, Accounting(), {})
    text, kind = told.metrics.exposition("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    marked = [line for line in text.decode().splitlines() if " # {" in line]
    assert len(marked) == 1
    assert marked[0].startswith(
        PREFIX + 'end_to_end_latency_seconds_bucket{le="2.5"} 2.0 # {alert_id="0123456789abcdef'
    )
    assert kind.startswith("application/openmetrics-text")
    plain, kind = told.metrics.exposition()
    assert b" # {" not in plain
    assert kind.startswith("text/plain; version=0.0.4")


def test_days_that_are_over_add_to_what_was_expected_and_seen_by_detector() -> None:
    told, _, _ = telemetry()
    assert told.metrics.value("budget_alerts_seen_total", rule="token_spike") is None, "it appears with the first day"
    for _ in range(2):
        told.runtime.budget_settled(
            {"token_spike": 0.25, "combined": 0.5, "unheard": 1.0}, {"token_spike": 3, "combined": 4, "unheard": 1}
        )
    for rule, expected, seen in (("token_spike", 0.5, 6), ("combined", 1.0, 8), ("other", 2.0, 2)):
        assert told.metrics.value("budget_alerts_expected_total", rule=rule) == expected
        assert told.metrics.value("budget_alerts_seen_total", rule=rule) == seen


def test_detectors_that_never_spoke_share_two_series() -> None:
    told, _, _ = telemetry()
    silent = {"token_spike": 0, "busy_day": 0, "log_gap": 0}
    told.runtime.budget_settled(dict.fromkeys(silent, 0.5), silent)
    assert told.metrics.value("budget_alerts_expected_total", rule="other") == 1.5
    assert told.metrics.value("budget_alerts_seen_total", rule="other") == 0, "a tenant that is quiet has a ratio of 0"
    told.runtime.budget_settled(dict.fromkeys(silent, 0.5), {**silent, "busy_day": 2})
    assert told.metrics.value("budget_alerts_expected_total", rule="other") == 2.5
    assert told.metrics.value("budget_alerts_expected_total", rule="busy_day") == 0.5
    assert told.metrics.value("budget_alerts_seen_total", rule="busy_day") == 2
    assert told.metrics.value("budget_alerts_seen_total", rule="token_spike") is None


def test_no_suppression_has_no_end() -> None:
    told, _, _ = telemetry()
    told.runtime.suppressions_seen(2, WALL)
    assert told.metrics.value("suppression_expiry_timestamp_seconds") == WALL
    told.runtime.suppressions_seen(1, None)
    assert told.metrics.value("suppressions_in_force") == 1
    assert told.metrics.value("suppression_expiry_timestamp_seconds") == 0


def test_a_new_version_replaces_the_old_one() -> None:
    told, _, _ = telemetry()
    told.runtime.model_loaded("1", "a" * 64, shadow=True)
    told.runtime.model_loaded("2", "b" * 64, shadow=False)
    assert told.metrics.value("model_info", version="1", sha256="a" * 64, shadow="true") is None
    assert told.metrics.value("model_info", version="2", sha256="b" * 64, shadow="false") == 1


def test_what_was_known_of_a_model_goes_with_it() -> None:
    told, _, _ = telemetry()
    told.runtime.model_loaded("1", "a" * 64, shadow=False)
    told.runtime.model_compared({"gap": 0.5})
    told.runtime.model_loaded("2", "b" * 64, shadow=False)
    assert told.metrics.value("model_stability", part="gap") == 0
    told.runtime.model_compared({"gap": 0.5})
    told.runtime.model_absent()
    assert told.metrics.value("model_stability", part="gap") == 0
    assert told.metrics.value("model_info", version="2", sha256="b" * 64, shadow="false") is None


def test_a_refused_configuration_shows_and_the_time_of_the_good_one_stays() -> None:
    told, _, clock = telemetry()
    told.runtime.service_started("1.0", 3)
    clock.at += 60
    told.runtime.configuration_refused(2, "scope: Not a scope.")
    assert told.metrics.value("config_last_reload_successful") == 0
    assert told.metrics.value("config_last_reload_success_timestamp_seconds") == WALL
    told.runtime.configuration_reloaded()
    assert told.metrics.value("config_last_reload_successful") == 1
    assert told.metrics.value("config_last_reload_success_timestamp_seconds") == WALL + 60


def test_the_place_of_a_fault_is_shown_without_its_values() -> None:
    told, stream, _ = telemetry()
    try:
        raise ValueError("SharedAccessKey=abcdefgh;EntityPath=hub")
    except ValueError as error:
        told.runtime.worker_failed(error)
    (line,) = lines_of(stream)
    assert line["error"] == "ValueError"
    assert re.fullmatch(r"test_facts\.py:\d+", line["where"])
    assert "abcdefgh" not in stream.getvalue()
