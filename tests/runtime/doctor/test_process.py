"""The port, descriptors, time zones, and the threads that nobody waits for."""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from aiohttp import web

from detector.config.load import load
from detector.config.telemetry import TelemetrySettings
from detector.runtime.doctor import process
from detector.runtime.doctor.world import UnwaitedThreads
from detector.telemetry.health import Health
from detector.telemetry.metrics import Metrics
from detector.telemetry.server import TelemetryServer


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def settings(port: int, host: str = "127.0.0.1") -> TelemetrySettings:
    return TelemetrySettings(host=host, port=port)


@pytest.mark.asyncio
async def test_a_free_port_is_well() -> None:
    assert (await process.telemetry(settings(0), 2.0)).verdict == "ok"


@pytest.mark.asyncio
async def test_a_port_that_something_else_has_fails(taken: int) -> None:
    result = await process.telemetry(settings(taken), 0.5)
    assert result.verdict == "failed"
    assert "in use by something else" in result.found


@pytest.mark.asyncio
async def test_a_port_that_another_web_server_has_fails() -> None:
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        result = await process.telemetry(settings(runner.addresses[0][1]), 2.0)
    finally:
        await runner.cleanup()
    assert result.verdict == "failed"


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_a_service_of_ours_is_asked_how_it_is(host: str) -> None:
    metrics = Metrics([], max_partitions=4)
    health = Health(monotonic=time.monotonic, loop_limit=10.0, worker_limit=30.0)
    server = TelemetryServer(metrics, health, host=host)
    await server.start()
    try:
        result = await process.telemetry(settings(server.port, host), 2.0)
    finally:
        await server.stop()
    assert result.verdict == "warning"
    assert "state_not_loaded" in result.found


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
async def test_an_address_of_another_machine_fails(host: str) -> None:
    result = await process.telemetry(settings(0, host), 5.0)
    assert result.verdict == "failed"
    assert "telemetry.host" in result.advice


@pytest.mark.parametrize(
    ("soft", "verdict"), [(20, "failed"), (100, "warning"), (4096, "ok"), (resource.RLIM_INFINITY, "ok")]
)
def test_descriptors_are_counted_for_what_is_configured(
    monkeypatch: pytest.MonkeyPatch, soft: int, verdict: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert process.descriptors(load(), 4).verdict == verdict


def test_zones_of_pipelines_must_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
pipelines:
  - name: p
    object_ids: [6f1e8a52-0000-4000-8000-000000000001]
    windows:
      - {days: [mon], from: "09:00", to: "17:00", zone: Europe/Paris}
"""
    chosen = load(text=text)
    assert process.time_zones(chosen).verdict == "ok"
    monkeypatch.setattr(process, "_zone", lambda _: False)
    assert process.time_zones(chosen).verdict == "failed"
    assert process.time_zones(load()).verdict == "warning"


def test_nobody_waits_for_a_thread_that_hangs() -> None:
    hanging = threading.Event()

    async def main() -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(UnwaitedThreads())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.to_thread(hanging.wait)
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        return await asyncio.to_thread(lambda: "answer")

    try:
        assert asyncio.run(main()) == "answer"
        assert not hanging.is_set(), "it hangs still"
    finally:
        hanging.set()
