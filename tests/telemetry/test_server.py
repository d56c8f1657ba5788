"""The port of metrics and probes, over real sockets."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import threading
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio

from detector.errors import DetectorError
from detector.telemetry.telemetry import Telemetry
from tests.telemetry.facts import Clock, lines_of, telemetry, tell_all
from tests.telemetry.test_hostile import PAYLOADS

Served = tuple[Telemetry, io.StringIO, Clock]


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    made = telemetry()
    await made[0].start()
    yield made
    await made[0].stop()


async def get(told: Telemetry, path: str, **headers: str) -> tuple[int, str, aiohttp.typedefs.LooseHeaders]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{told.port}{path}", headers=headers) as response,
    ):
        return response.status, await response.text(), response.headers


@pytest.mark.asyncio
async def test_a_scrape_is_answered_after_everything_hostile(served: Served) -> None:
    told, _, _ = served
    for payload in PAYLOADS:
        tell_all(told, payload)
    for accept, kind in (
        ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ):
        status, text, headers = await get(told, "/metrics", Accept=accept)
        assert status == 200
        assert headers["Content-Type"] == kind  # type: ignore[index]
        assert "agent_detector_events_received" in text
        assert text.endswith("# EOF\n") == ("openmetrics" in accept)


@pytest.mark.asyncio
async def test_probes_answer_with_reasons_and_nothing_else(served: Served) -> None:
    told, _, clock = served
    assert (await get(told, "/livez"))[:2] == (200, '{"alive":true,"reasons":[]}')
    assert (await get(told, "/startupz"))[:2] == (503, '{"started":false,"reasons":["state_not_loaded"]}')
    assert (await get(told, "/readyz"))[:2] == (503, '{"ready":false,"reasons":["state_not_loaded"]}')
    told.health.state_loaded()
    assert (await get(told, "/startupz"))[0] == (await get(told, "/readyz"))[0] == 200
    told.health.register("outbox", lambda: ["outbox_old"])
    status, text, headers = await get(told, "/readyz")
    assert (status, json.loads(text)["reasons"]) == (503, ["outbox_old"])
    assert headers["Cache-Control"] == "no-store"  # type: ignore[index]
    assert headers["Server"] == "agent-detector"  # type: ignore[index]
    assert (await get(told, "/livez"))[0] == 200
    told.health.worker_ticked()
    clock.at += 31
    status, text, _ = await get(told, "/livez")
    assert status == 503
    assert "worker_stalled" in text


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/", "/config", "/metrics/", "/..%2f..%2fetc%2fpasswd", "/livez%00"])
async def test_there_are_no_other_pages(served: Served, path: str) -> None:
    status, text, _ = await get(served[0], path)
    assert status == 404
    assert text == "404: Not Found"


@pytest.mark.asyncio
async def test_nothing_can_be_sent(served: Served) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{served[0].port}/metrics", data=b"x" * 100_000) as response,
    ):
        assert response.status == 405


@pytest.mark.asyncio
async def test_the_address_is_told_and_a_taken_port_is_an_error_with_advice(served: Served) -> None:
    told, stream, _ = served
    assert [line["port"] for line in lines_of(stream) if line["event"] == "telemetry_opened"] == [told.port]
    other, _, _ = telemetry(port=told.port)
    with pytest.raises(DetectorError, match=r"cannot be listened on .* Choose another telemetry.port\."):
        await other.start()
    await other.stop()


@pytest.mark.asyncio
async def test_the_loop_ticks_while_the_server_runs(served: Served) -> None:
    told, _, clock = served
    clock.at += 100
    assert told.health.dead() == ["loop_stalled"]
    told._server._health.loop_ticked()
    assert told.health.dead() == []
    ticking = told._server._ticking
    assert ticking is not None
    assert not ticking.done()


class Service:
    """A service on a loop of its own, as in the product; asked from outside it."""

    def __init__(self) -> None:
        self.told, _, _ = telemetry()
        self.told.health.state_loaded()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.told.start(), self.loop).result(60)

    def ask(self, path: str, timeout: float) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.told.port, timeout=timeout)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def end(self) -> None:
        asyncio.run_coroutine_threadsafe(self.told.stop(), self.loop).result(60)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.end()


def test_a_frozen_loop_does_not_answer_at_all_and_that_is_what_the_kubelet_sees(service: Service) -> None:
    assert service.ask("/livez", 60) == 200
    frozen, thaw = threading.Event(), threading.Event()

    def freeze() -> None:
        frozen.set()
        thaw.wait(60)

    service.loop.call_soon_threadsafe(freeze)
    assert frozen.wait(60)
    with pytest.raises(TimeoutError):
        service.ask("/livez", 0.3)
    thaw.set()
    assert service.ask("/livez", 60) == 200


def test_a_stuck_worker_thread_is_answered_with_a_reason(service: Service) -> None:
    """The worker holds a lock for ever; the probes answer all the same, and say so."""
    release, ticked = threading.Event(), threading.Event()

    def work() -> None:
        service.told.health.worker_ticked()
        ticked.set()
        release.wait(60)

    worker = threading.Thread(target=work)
    worker.start()
    assert ticked.wait(60)
    assert service.ask("/livez", 60) == 200
    clock = service.told.health._monotonic
    assert isinstance(clock, Clock)
    clock.at += 31
    assert service.ask("/livez", 60) == 503
    assert service.ask("/startupz", 60) == 200
    assert service.ask("/metrics", 60) == 200
    release.set()
    worker.join()


def test_a_silent_azure_is_no_matter_of_life(service: Service) -> None:
    service.told.health.register("hub", lambda: ["hub_unreachable"])
    service.told.source.stalled("0", 10)
    assert service.ask("/readyz", 60) == 503
    assert service.ask("/livez", 60) == 200
