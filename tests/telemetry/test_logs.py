"""Log lines: one schema, one line each, ASCII only."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from detector.telemetry import logs

FACTS: dict[str, Callable[..., None]] = {
    "file_failed": logs.file_failed,
    "replay_finished": lambda log, text: logs.replay_finished(log, {"notes": [text]}),
    "command_failed": lambda log, text: logs.command_failed(log, text, 70),
}


@pytest.mark.parametrize("text", ["plain", "\x1b[31m\x00\n\r\x7f\u2028\u202e", "日本語"])
@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_is_one_line_that_starts_with_time_level_and_event(fact: str, text: str) -> None:
    stream = io.StringIO()
    FACTS[fact](logs.logger(stream), text)
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert all(0x20 <= ord(char) <= 0x7E for char in line[:-1])
    document = json.loads(line)
    assert list(document)[:3] == ["time", "level", "event"]
    assert document["event"] == fact
    assert document["level"] in logs.LEVELS
    assert document["time"].endswith("Z")
    said = document.get("failure") or document.get("message") or document["summary"]["notes"][0]
    assert said == text


def test_a_logger_changes_nothing_for_others() -> None:
    one, other = io.StringIO(), io.StringIO()
    logs.file_failed(logs.logger(one), "f")
    logs.file_failed(logs.logger(other), "g")
    assert json.loads(one.getvalue())["failure"] == "f"
    assert json.loads(other.getvalue())["failure"] == "g"
