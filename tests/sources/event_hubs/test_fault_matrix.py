"""Every fault against a hub that is idle, busy, or waited for while a message is being committed.

Every case ends with everything taken over, once and in order; where the source gives up with `Stalled`, a restart from
what was committed goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest

from detector.sources.event_hubs.failures import HubRecreated, Stalled
from tests.sources.event_hubs.live import Live
from tests.sources.event_hubs.recorded import until

Make = Callable[..., Live]
Load = Literal["idle", "busy", "mid-commit"]
LOADS: tuple[Load, ...] = ("idle", "busy", "mid-commit")

pytestmark = [
    pytest.mark.slow,
    # The SDK forgets the socket of a connection that broke (`Connection.close` skips `_disconnect` after an error);
    # it is closed when the object is collected, with this warning. `test_disconnects` counts descriptors.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]


def nothing(_at: Live) -> None:
    """Some faults are over as soon as they have struck."""


@dataclass(frozen=True)
class Fault:
    strike: Callable[[Live], object]
    heal: Callable[[Live], object] = nothing
    lasts: float = 0.3


def cut(at: Live, then: Callable[[], object]) -> None:
    """A fault that only a new connection meets."""
    then()
    at.server.faults.drop_connections()


def detached(at: Live, then: Callable[[], object]) -> None:
    """A fault that only a new receiver meets."""
    then()
    at.server.faults.detach_receivers()


FAULTS: dict[str, Fault] = {
    "dropped TCP": Fault(lambda at: at.server.faults.drop_connections()),
    "closed TCP": Fault(lambda at: at.server.faults.drop_connections(reset=False)),
    "black hole": Fault(
        lambda at: at.server.faults.black_hole(), lambda at: at.server.faults.black_hole(on=False), lasts=2.5
    ),
    "half open": Fault(
        lambda at: at.server.faults.half_open(), lambda at: at.server.faults.half_open(on=False), lasts=2.5
    ),
    "slow, a byte a second": Fault(
        lambda at: at.server.faults.slow(1), lambda at: at.server.faults.slow(None), lasts=2.5
    ),
    "detached link": Fault(lambda at: at.server.faults.detach_receivers()),
    "link stolen": Fault(
        lambda at: at.server.faults.steal("0", until_cleared=True), lambda at: at.server.faults.clear(), lasts=1.5
    ),
    "token refused": Fault(
        lambda at: cut(at, lambda: at.server.faults.fail_cbs(401)), lambda at: at.server.faults.fail_cbs(None), lasts=2
    ),
    "token never answered": Fault(
        lambda at: cut(at, lambda: at.server.faults.fail_cbs("silent")),
        lambda at: at.server.faults.fail_cbs(None),
        lasts=2.5,
    ),
    "token link broken": Fault(lambda at: at.server.faults.break_cbs()),
    "token expired": Fault(
        lambda at: at.server.faults.expire_tokens_after(0.2),
        lambda at: at.server.faults.expire_tokens_after(None),
        lasts=1,
    ),
    "management fails": Fault(
        lambda at: at.server.faults.fail_management(500), lambda at: at.server.faults.fail_management(None), lasts=3
    ),
    "management silent": Fault(
        lambda at: at.server.faults.fail_management("silent"),
        lambda at: at.server.faults.fail_management(None),
        lasts=3,
    ),
    "throttled": Fault(lambda at: at.server.faults.throttle(1.0), lasts=1.2),
    "delivered twice": Fault(lambda at: at.server.faults.duplicate_next("0", 3)),
    "everything delivered twice": Fault(lambda at: at.server.faults.duplicate_all()),
    "offset refused": Fault(
        lambda at: detached(at, lambda: at.server.faults.invalid_offset("0")),
        lambda at: at.server.faults.invalid_offset("0", on=False),
        lasts=1.5,
    ),
    "receivers refused": Fault(
        lambda at: at.server.faults.detach_receivers("amqp:internal-error", "Refused.", until_cleared=True),
        lambda at: at.server.faults.clear(),
        lasts=2,
    ),
    "frame that cannot be read": Fault(lambda at: at.server.faults.garbage_frame("frame-type")),
    "frame that is too short": Fault(lambda at: at.server.faults.garbage_frame("performative")),
    "frame without end": Fault(lambda at: at.server.faults.garbage_frame("endless")),
    "silent stall": Fault(
        lambda at: at.server.faults.withhold("0"), lambda at: at.server.faults.withhold("0", on=False), lasts=9
    ),
    "partition added": Fault(lambda at: at.hub.add_partition()),
}


async def fill(at: Live, done: asyncio.Event) -> None:
    """A busy hub: two messages of every partition every 20 ms."""
    while not done.is_set():
        for name in at.hub.partition_ids:
            at.hub.put_many(name, [b"busy"] * 2)
        await asyncio.sleep(0.02)


async def hold(at: Live) -> None:
    """Holds a message up as a slow commit does, with more behind it."""
    offered = at.taker.offered
    at.taker.gate.clear()
    at.hub.put_many("0", [b"held"] * 5)
    await until(lambda: at.taker.offered > offered)


async def case(at: Live, fault: Fault, load: Load) -> int:
    """One case to its end; the number of restarts it took."""
    for name in at.hub.partition_ids:
        at.hub.put_many(name, [b"before"] * 5)
    done = asyncio.Event()
    filling = asyncio.create_task(fill(at, done)) if load == "busy" else None
    restarts = 0
    struck = False
    while restarts < 6:
        async with at.running() as (source, task):
            if not struck:
                begun = at.whole if load != "busy" else lambda: len(at.taker.deliveries) > 50
                # On a busy machine the openings may take so long that they pass for stalls.
                await until(lambda begun=begun, task=task: begun() or task.done())  # type: ignore[misc]
            if not struck and not task.done():
                struck = True
                if load == "mid-commit":
                    await hold(at)
                fault.strike(at)
                await asyncio.sleep(fault.lasts)
                fault.heal(at)
                at.taker.gate.set()
                done.set()
                if filling is not None:
                    await filling
                for name in at.hub.partition_ids:
                    at.hub.put_many(name, [b"after"] * 5)
            await until(lambda: at.whole() or task.done())
            if not task.done():
                at.check()
                assert all(
                    state.health in ("idle", "opened", "opening", "unknown") for state in source.state().values()
                )
                break
            with pytest.raises(Stalled):
                await task
            restarts += 1
    assert struck
    at.check()
    assert at.facts.lost() == 0
    assert at.facts.told["exception_caught"] == []
    assert at.stopped_in < 15
    return restarts


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.asyncio
async def test_nothing_is_lost_and_nothing_taken_twice(name: str, live: Make) -> None:
    await asyncio.gather(*(case(live(), FAULTS[name], load) for load in LOADS))


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.asyncio
async def test_a_hub_made_anew_is_refused_until_somebody_accepts_it(load: Load, live: Make) -> None:
    at = live()
    done = asyncio.Event()
    for name in at.hub.partition_ids:
        at.hub.put_many(name, [b"old"] * 5)
    async with at.running() as (_, task):
        await until(at.whole)
        if load == "mid-commit":
            await hold(at)
        at.hub.recreate(created=1_800_000_000.0)
        filling = asyncio.create_task(fill(at, done)) if load == "busy" else None
        await until(task.done)
        with pytest.raises(HubRecreated, match="accept_new_hub"):
            await task
    done.set()
    if filling is not None:
        await filling
    at.taker.deliveries.clear()
    at.taker.gate.set()
    # More than the old hub had: the old positions lie within it, and still mean nothing.
    at.hub.put_many("0", [b"new"] * 20)
    async with at.running(accept_new_hub=True):
        await until(at.whole)
    at.check()
    assert {each.body for each in at.taker.deliveries} <= {b"new", b"busy"}
    assert at.facts.told["hub_accepted"]
