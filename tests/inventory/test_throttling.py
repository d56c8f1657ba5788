"""Ten thousand agents within the rules of a server that throttles: the bar, with the clock of this machine."""

from __future__ import annotations

import asyncio

import pytest

from tests.graph.directory import agent, synthetic
from tests.graph.faults import Asked, Fault
from tests.graph.server import Options
from tests.inventory.stage import staged_in_time
from tests.processors import Watch

pytestmark = pytest.mark.asyncio


@pytest.mark.slow
async def test_ten_thousand_agents_are_read_within_the_rules() -> None:
    directory = synthetic(10_000, blueprints=100, people=500)
    # Graph allows the smallest tenants 350 units a second; this server allows fewer, and we are told to use half:
    # when the machine stands still, six batches of twenty that were under way come on top of the next second.
    async with staged_in_time(directory, Options(per_second=240), requests_per_second=120.0) as stage:
        began = asyncio.get_running_loop().time()
        with Watch() as watch:
            outcome, told = await stage.rounded("full")
        seconds = asyncio.get_running_loop().time() - began
    server = stage.server
    assert outcome is not None
    assert outcome.told["agentIdentity"] == 10_000
    assert outcome.failures == 0
    assert told[agent(9_999)]["owners"]
    assert server.answered[429] == 0
    assert server.busiest <= 240
    assert seconds >= (len(server.asked) - 120) / 120.0, "what was allowed, and what was under way"
    # Ten by the budget; the rest is for a slow machine.
    assert watch.seconds < 60, f"{len(server.asked)} requests, {server.busiest} in a second"


async def test_a_server_that_throttles_all_the_same_is_obeyed_and_read_to_the_end() -> None:
    # We ask faster than it allows: it refuses, we rest as long as it says, and in the end everything is known.
    async with staged_in_time(
        synthetic(300, blueprints=4), Options(per_second=20), requests_per_second=100.0, concurrency=4
    ) as stage:
        outcome, told = await stage.rounded("full")
    assert outcome is not None
    assert outcome.failures == 0
    assert len(told) == 300 + 4 + 4 + 60
    assert told[agent(299)]["sponsors"]
    assert 0 < stage.server.answered[429] <= 12, "those under way when the first was refused, a few times"


@pytest.mark.parametrize("status", [429, 503])
async def test_everybody_waits_when_graph_is_overloaded(status: int) -> None:
    clock, times = asyncio.get_running_loop().time, list[float]()

    def overloaded(_: Asked) -> Fault | None:
        times.append(clock())
        return Fault(status=status, headers={"Retry-After": "1"}) if len(times) == 12 else None

    async with staged_in_time(synthetic(2_000), Options(faults=overloaded), requests_per_second=100.0) as stage:
        await stage.full()
    refused = times[11]
    under_way = [moment for moment in times[12:] if moment < refused + 1.0]
    assert len(under_way) <= 6, "those that were asked at once: at this rate there would be a hundred"
    assert len(times) > 60


async def test_requests_are_spaced_evenly() -> None:
    async with staged_in_time(synthetic(0, blueprints=10), Options(), requests_per_second=40.0) as stage:
        began = asyncio.get_running_loop().time()
        await stage.full()
        seconds = asyncio.get_running_loop().time() - began
    assert seconds >= (len(stage.server.asked) - 3) / 40.0  # the last ones come in a batch
