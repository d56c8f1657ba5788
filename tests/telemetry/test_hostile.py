"""Whatever a record, a partition, a sink or a library is called: scrapes answer, lines stay lines, series stay few."""

from __future__ import annotations

import json
import re
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from detector.telemetry.labels import FILES, OTHER, VERSION, Closed, Partitions, Shaped
from detector.telemetry.lines import schema
from tests.telemetry.facts import lines_of, telemetry, tell_all

PAYLOADS = (
    "\ud800", "\udfff\ud800", "\x1b[31mred\x1b[0m", "\x00", "a\x00b", "\r\n", "\n\n\n", "\t", "\x7f", "\x85", "\u2028",
    "\u2029", "\u202e\u2066", "\ufeff", "\uffff", "\U0010ffff", 'quote" back\\slash', '"} 1\nfake_metric 7', "{}[]",
    '{"time":"x"}', "line one\nlevel=error event=fake", "%s%d%n", "${jndi:ldap://x}", "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0", "x" * 1_000_000, "\U0001f4a3" * 10_000, "日本語", "a\u0300" * 3_000, "\x1b]0;title\x07",
    "\x9b31m", "6f1e8a52-0000-4000-8000-000000000001", "someone@contoso.example", "203.0.113.7", "2001:db8::1", "", " ",
)  # fmt: skip
SECRET_LOOKING = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}|[\w.]+@[\w.]+|\b\d{1,3}(?:\.\d{1,3}){3}\b|[0-9a-f]{1,4}::[0-9a-f]",
    re.IGNORECASE,
)


def series_of(exposition: bytes) -> int:
    return sum(1 for line in exposition.splitlines() if line and not line.startswith(b"#"))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_payload_leaves_scrapes_and_lines_whole(payload: str) -> None:
    import jsonschema

    told, stream, _ = telemetry()
    tell_all(told, payload)
    for accept in ("", "application/openmetrics-text"):
        exposition, _ = told.metrics.exposition(accept)
        assert all(byte == 0x0A or 0x20 <= byte <= 0x7E for byte in exposition)
        assert not SECRET_LOOKING.search(re.sub(rb'le="[^"]*"|python="[^"]*"', b"", exposition))
        assert b"fake" not in exposition
    text = stream.getvalue()
    assert all(char == "\n" or " " <= char <= "~" for char in text)
    validator = jsonschema.Draft202012Validator(schema())
    written = told.metrics.value("log_lines_total", level="info")
    assert written is not None
    total = sum(told.metrics.value("log_lines_total", level=level) or 0 for level in ("info", "warning", "error"))
    assert text.count("\n") == total > 40
    for line in lines_of(stream):
        validator.validate(line)
        assert len(json.dumps(line)) < 40_000


def test_thirty_payloads_give_as_many_lines_as_events() -> None:
    assert len(PAYLOADS) >= 30
    told, stream, _ = telemetry()
    for payload in PAYLOADS:
        told.runtime.source_stalled(payload)
    assert stream.getvalue().count("\n") == len(PAYLOADS)
    assert {line["event"] for line in lines_of(stream)} == {"source_stalled"}


def test_series_are_few_at_rest_and_bounded_under_attack() -> None:
    """B5.1: at most 300 series at rest with four partitions and three sinks, at most 1,000 whatever comes."""
    told, _, _ = telemetry()
    for partition in range(4):
        told.runtime.partition_opened(str(partition))
    told.runtime.service_started("1.0", 1)
    at_rest = series_of(told.metrics.exposition()[0])
    for number in range(100_000):
        text = str(number) if number % 2 else f"name-{number}\ud800"
        told.runtime.batch_received(text, 1, 1)
        told.metrics.count("events_applied_total", partition=text)
        told.metrics.count("alerts_total", rule=text, severity=text)
        told.metrics.count("events_dropped_total", reason=text)
        told.metrics.count("receiver_restarts_total", partition=text, reason=text)
        told.metrics.count("sink_requests_total", sink=text, outcome=text)
        told.metrics.count("library_lines_total", library=text)
        told.metrics.set("model_info", 1, version=text, sha256=text, shadow=text)
    for payload in PAYLOADS:
        tell_all(told, payload)
    attacked = series_of(told.metrics.exposition()[0])
    print(f"series: {at_rest} at rest, {attacked} after 100,000 values of every label")  # noqa: T201 -- a bar asks for the number
    assert at_rest <= 300
    assert at_rest < attacked <= 1_000


def test_every_partition_failing_in_every_way_is_still_bounded() -> None:
    from detector.telemetry.reasons import ENDINGS

    told, _, _ = telemetry()
    for partition in range(1_024):
        told.source.partition_found(str(partition))
        for ending in (*ENDINGS, "other"):
            told.source.receiver_ended(str(partition), ending)
    series = series_of(told.metrics.exposition()[0])
    print(f"series: {series} when every partition failed in every way")  # noqa: T201 -- the same
    assert series <= 1_100


def test_labels_come_from_sets_that_are_known() -> None:
    closed, partitions, shaped = Closed(["a", "b"]), Partitions(2), Shaped("[0-9]|bad value?")
    assert [closed.safe(value) for value in ("a", "c", "\ud800", OTHER)] == ["a", OTHER, OTHER, OTHER]
    said = [partitions.safe(value) for value in ("0", "31", "5", "0", "x.jsonl", "007", "-1", "٣", "123456")]
    assert said == ["0", "31", OTHER, "0", FILES, FILES, FILES, FILES, FILES]
    assert [shaped.safe(str(number)) for number in range(10)][-3:] == ["7", OTHER, OTHER]
    assert Shaped(VERSION).safe("1.2.3") == "1.2.3"
    assert Shaped(VERSION).safe("203.0.113.7") == OTHER


@pytest.mark.parametrize("name", ["", "with space", "\ud800", 'x"', "é", "x" * 65])
def test_a_configured_name_that_is_not_fit_for_a_label_is_refused_at_start(name: str) -> None:
    with pytest.raises(ValueError, match="label value"):
        Closed([name])


def test_facts_from_many_threads_are_all_counted() -> None:
    told, stream, _ = telemetry(lines_per_minute=100_000)

    def tell() -> None:
        for number in range(500):
            told.runtime.batch_received(str(number % 40), 1, 10)
            told.runtime.alert_suppressed("suppression", "x")
            told.metrics.exposition() if number % 100 == 0 else None

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.metrics.value("received_bytes_total") == 40_000
    assert told.metrics.value("alerts_suppressed_total", reason="suppression") == 4_000
    lines = lines_of(stream)
    assert len(lines) == 4_000
    families = {family.name: family for family in text_string_to_metric_families(told.metrics.exposition()[0].decode())}
    received = families["agent_detector_events_received"].samples
    assert sum(sample.value for sample in received) == 4_000
