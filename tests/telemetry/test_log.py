"""The log of the service: limited, never fatal, from libraries too."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import azure.eventhub
import pytest

from detector.telemetry.libraries import TIMEOUT, LibraryLines, route
from detector.telemetry.log import WINDOW, Log
from detector.telemetry.telemetry import Telemetry
from tests.telemetry.facts import Clock, lines_of, telemetry


def test_lines_beyond_the_limit_are_counted_and_told_once() -> None:
    told, stream, clock = telemetry(lines_per_minute=5)
    for _ in range(12):
        told.runtime.quarantined("bad_time", "3:77")
    told.runtime.quarantined("too_deep", "3:78")
    assert [line["reason"] for line in lines_of(stream)] == ["bad_time"] * 5 + ["too_deep"]
    clock.at += WINDOW - 1
    told.log.flush()
    assert len(lines_of(stream)) == 6
    clock.at += 1
    told.log.flush()
    assert lines_of(stream)[-1] | {"time": ""} == {
        "time": "",
        "level": "warning",
        "event": "lines_suppressed",
        "suppressed": "record_quarantined:bad_time",
        "count": 7,
    }
    told.log.flush()
    told.runtime.quarantined("bad_time", "3:79")
    assert len(lines_of(stream)) == 8
    assert told.metrics.value("log_lines_suppressed_total") == 7


def test_a_flood_of_many_kinds_keeps_the_memory_of_the_limit_small() -> None:
    stream, clock = io.StringIO(), Clock()
    log = Log(stream, monotonic=clock, limit=1)
    for number in range(5_000):
        log.say("check_failed", str(number), check=str(number), error="E")
    assert len(log._counts) <= 1_001
    assert len(lines_of(stream)) <= 1_001


def test_what_was_left_out_is_told_at_the_end() -> None:
    told, stream, _ = telemetry(lines_per_minute=1)
    for _ in range(3):
        told.runtime.canary_seen(1.0)
    told.log.close()
    assert [(line["event"], line.get("count")) for line in lines_of(stream)] == [
        ("canary_seen", None),
        ("lines_suppressed", 2),
    ]


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("closed", [True, False])
def test_a_stream_that_refuses_lines_stops_nobody(closed: bool) -> None:
    stream: io.StringIO = io.StringIO() if closed else Broken()
    if closed:
        stream.close()
    suppressed: list[int] = []
    log = Log(stream, monotonic=Clock(), on_suppressed=lambda: suppressed.append(1))
    log.say("canary_seen")
    assert suppressed == [1]


def test_lines_below_the_level_are_not_written() -> None:
    told, stream, _ = telemetry(log_level="error")
    told.runtime.canary_seen(1.0)
    told.runtime.source_stalled("no progress")
    assert [line["event"] for line in lines_of(stream)] == ["source_stalled"]
    assert told.metrics.value("log_lines_total", level="info") == 0


@pytest.fixture
def routed() -> Iterator[tuple[Telemetry, io.StringIO]]:
    told, stream, _ = telemetry()
    restore = route(LibraryLines(told.metrics, told.log))
    yield told, stream
    restore()


def test_warnings_of_libraries_become_lines_without_secrets(routed: tuple[Telemetry, io.StringIO]) -> None:
    told, stream = routed
    logging.getLogger("azure.identity.aio").warning("no token\n%s", "client_secret=hunter2")
    logging.getLogger("aiohttp.client").info("nothing worth a line")
    logging.getLogger("azure.core").debug("headers: %s", "Authorization: Bearer abc")
    try:
        raise OSError("SharedAccessKey=abcdefgh")
    except OSError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    first, second = lines_of(stream)
    assert first["logger"] == "azure.identity.aio"
    assert first["message"] == "no token\nclient_secret=[secret]"
    assert (second["logger"], second["library_level"]) == ("asyncio", "error")
    assert second["message"] == "Task exception was never retrieved (OSError: SharedAccessKey=[secret])"
    assert "Traceback" not in stream.getvalue()
    assert told.metrics.value("library_lines_total", library="azure") == 1
    assert told.metrics.value("library_lines_total", library="asyncio") == 1


def test_a_line_that_cannot_be_put_together_is_shown_as_it_was_meant() -> None:
    told, stream, _ = telemetry()
    LibraryLines(told.metrics, told.log).emit(
        logging.LogRecord("azure.core", logging.ERROR, "", 0, "%d items", ("seven",), None)
    )
    assert [line["message"] for line in lines_of(stream)] == ["%d items"]
    assert told.metrics.value("library_lines_total", library="azure") == 1


@pytest.mark.parametrize("module", ["_pyamqp/client.py", "_pyamqp/aio/_client_async.py"])
def test_the_line_where_stalls_hide_is_counted(routed: tuple[Telemetry, io.StringIO], module: str) -> None:
    """The SDK in use still writes this line, at INFO, to a logger below the one that is listened to."""
    source = (Path(azure.eventhub.__file__).parent / module).read_text(encoding="utf-8")
    assert f'_logger.info("{TIMEOUT}' in source
    told, stream = routed
    name = f"azure.eventhub.{module.removesuffix('.py').replace('/', '.')}"
    logging.getLogger(name).info("Timeout reached, closing receiver.")
    logging.getLogger(name).info("Link state changed: %r -> %r", "a", "b")
    assert told.metrics.value("sdk_timeouts_total") == 1
    assert [(line["event"], line["logger"]) for line in lines_of(stream)] == [("sdk_timeout", name)]


def test_routing_is_undone() -> None:
    def state() -> list[tuple[int, bool, int]]:
        loggers = [logging.getLogger(name) for name in ("azure", "azure.eventhub", "aiohttp", "asyncio")]
        return [(each.level, each.propagate, len(each.handlers)) for each in loggers]

    told, _, _ = telemetry()
    before = state()
    restore = route(LibraryLines(told.metrics, told.log))
    assert state() != before
    restore()
    assert state() == before


def test_a_task_that_failed_unheard_becomes_a_line(routed: tuple[Telemetry, io.StringIO]) -> None:
    _, stream = routed

    async def main() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "lost", "exception": ValueError("why")})

    asyncio.run(main())
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["lost (ValueError: why)"]
