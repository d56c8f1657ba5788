"""The whole service reads a hub with the real client while the hub misbehaves: the alerts are those of a quiet day.

`DISCONNECTS=100 pytest tests/live/test_hub_faults.py` for the full number. Every fault of the matrix is tried against
the source in tests/sources/event_hubs; here the main ones run through to the store and the sinks.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.hub import Hub, Server
from tests.live.hosted import Hosted
from tests.live.referee import Referee
from tests.live.stage import Stage
from tests.live.stream import Stream, Verdict, stream

DISCONNECTS = int(os.environ.get("DISCONNECTS", "8"))
QUICK = {
    "socket_timeout": 0.2,
    "watchdog": {
        "poll": 0.5,
        "stalled_after": 8.0,
        # Less than two stalls take: a busy machine must not come to the end of the ladder.
        "window": 15.0,
        # An opening takes two seconds, on a busy machine several times that.
        "unknown_after": 10.0,
        "growth": 0.5,
        "answer": 8.0,
        "close": 1.0,
    },
}

pytestmark = [
    pytest.mark.slow,
    # The SDK forgets the socket of a connection that broke; see tests/sources/event_hubs/test_fault_matrix.py.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Collects what the SDK forgets before another test is blamed for it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Export:
    """A hub that is filled little by little, as Entra does it."""

    def __init__(self, told: Stream, hub: Hub, seed: int) -> None:
        self.hub = hub
        self._left = deque(told.messages)
        self._dice = Random(seed)

    def put(self, seconds: float) -> None:
        """What comes within so much time, each message into any partition."""
        until = self._left[0].enqueued + seconds if self._left else 0.0
        while self._left and self._left[0].enqueued < until:
            message = self._left.popleft()
            self.hub.put(self._dice.choice(self.hub.partition_ids), message.body, enqueued=message.enqueued)

    def sent(self) -> int:
        return sum(self.hub.state(name).last_sequence + 1 for name in self.hub.partition_ids)


HALF, ALL = 12 * 3600.0, 10**9
SLICE = 900.0
"""Time of the stream that passes while one fault lasts. A record comes up to a quarter of an hour after its event, and
up to a slice later through the partition that has the fault: less than `lateness`, so the alerts are the same."""
TOLD = stream(days=1.0, agents=12)


class House:
    """A hub, a service that reads it, and what is right."""

    def __init__(self, folder: Path, referee: Referee, server: Server, hub: Hub, told: Stream = TOLD) -> None:
        self.hub, self.server, self.referee = hub, server, referee
        self.stage = Stage(folder, told, referee, None)  # type: ignore[arg-type] -- nobody is forked
        self.stage.document["lateness"] = "1h"
        self.stage.read_hub(server.connection_string(), **QUICK)
        self.export = Export(told, hub, seed=5)
        self.wanted: Verdict = self.stage.verdict()

    def received(self) -> int:
        return self.stage.counters().get("received", 0)

    def committed(self) -> int:
        """Messages."""
        return sum(sequence + 1 for (sequence,) in self.stage.rows("SELECT sequence FROM positions"))

    def settled(self, at: Hosted) -> None:
        """Waits until all that was sent is committed."""
        at.until(lambda: self.committed() == self.export.sent())

    def finish(self) -> None:
        """The rest of the stream, to a service that starts with it, and all that is right."""
        self.export.put(ALL)
        with Hosted(self.stage.config) as at:
            at.until(lambda: self.stage.counters() == self.wanted.counters)
            at.until(lambda: set(self.referee.seen) >= self.wanted.alerts)
            at.until(lambda: at.ask("readyz").status == 200)
        assert at.ending == "stopped"
        assert self.stage.counters() == self.wanted.counters
        assert set(self.referee.seen) == self.wanted.alerts


@contextmanager
def housed(folder: Path, told: Stream = TOLD) -> Iterator[House]:
    hub = Hub("agents", partitions=3, created=1_700_000_000.0)
    with Referee() as referee, Server(hub) as server:
        yield House(folder, referee, server, hub, told)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with housed(tmp_path) as made:
        yield made


def test_random_disconnections_change_nothing_and_progress_is_soon_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dice, times = Random(DISCONNECTS), list[float]()
    told = TOLD if DISCONNECTS <= 20 else stream(days=3.0, agents=12)
    with housed(tmp_path, told) as house:
        house.export.put(HALF)
        with Hosted(house.stage.config) as at:
            house.settled(at)
            for _ in range(DISCONNECTS):
                time.sleep(dice.uniform(0.0, 0.3))
                house.server.faults.drop_connections(reset=dice.random() < 0.5)
                house.export.put(SLICE)
                # Time in which other programs had the processors does not count.
                struck, waited, own = time.monotonic(), at.kept_waiting(), at.own_seconds()
                house.settled(at)
                taken = time.monotonic() - struck - (at.kept_waiting() - waited)
                times.append(min(taken, at.own_seconds() - own))
        assert at.ending == "stopped"
        house.finish()
    times.sort()
    p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
    with capsys.disabled():
        figures = f"p50 {times[len(times) // 2]:.1f} s, p95 {p95:.1f} s, most {times[-1]:.1f} s"
        sys.stdout.write(f"\n{DISCONNECTS} disconnections, time until all is committed: {figures}; lost 0, wrong 0\n")
    assert p95 <= 10.0


Strike = Callable[[House], object]

FAULTS: dict[str, tuple[Strike, Strike, float]] = {
    "half open": (
        lambda at: at.server.faults.half_open(),
        lambda at: at.server.faults.half_open(on=False),
        2.0,
    ),
    "detached, stolen, refused": (
        lambda at: (at.server.faults.steal("0"), at.server.faults.detach_receivers(until_cleared=True)),
        lambda at: at.server.faults.clear(),
        1.0,
    ),
    "token refused": (
        lambda at: (at.server.faults.fail_cbs(401), at.server.faults.drop_connections()),
        lambda at: at.server.faults.fail_cbs(None),
        1.5,
    ),
    "management fails": (
        lambda at: at.server.faults.fail_management(500),
        lambda at: at.server.faults.fail_management(None),
        1.5,
    ),
    "throttled": (lambda at: at.server.faults.throttle(1.0), lambda _: None, 1.2),
    "everything twice": (
        lambda at: at.server.faults.duplicate_all(),
        lambda at: at.server.faults.duplicate_all(on=False),
        0.5,
    ),
    "offsets refused": (
        lambda at: (at.server.faults.invalid_offset("1"), at.server.faults.detach_receivers()),
        lambda at: at.server.faults.clear(),
        1.5,
    ),
    "frames that cannot be read": (
        lambda at: at.server.faults.garbage_frame("frame-type"),
        lambda at: at.server.faults.garbage_frame("performative"),
        1.0,
    ),
    "silent stall": (
        lambda at: at.server.faults.withhold("2"),
        lambda at: at.server.faults.withhold("2", on=False),
        4.0,
    ),
}


def test_the_main_faults_one_after_the_other_change_nothing(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    times: dict[str, float] = {}
    house.export.put(HALF)
    with Hosted(house.stage.config) as at:
        house.settled(at)
        for name, (strike, heal, lasts) in FAULTS.items():
            strike(house)
            house.export.put(SLICE)
            time.sleep(lasts)
            heal(house)
            healed = time.monotonic()
            house.settled(at)
            times[name] = round(time.monotonic() - healed, 1)
    assert at.ending == "stopped"
    house.finish()
    with capsys.disabled():
        sys.stdout.write(f"\nseconds from the end of a fault until all is committed: {times}\n")


def test_a_partition_that_is_added_is_read_from_its_beginning(house: House) -> None:
    house.export.put(HALF)
    with Hosted(house.stage.config) as at:
        house.settled(at)
        added = house.hub.add_partition()
        house.export.put(SLICE)
        at.until(lambda: any(line["partition"] == added for line in at.lines("partition_found")))
        house.settled(at)
        at.until(lambda: at.ask("readyz").status == 200)
    house.finish()
    assert house.hub.state(added).last_sequence > 10


def test_a_hub_made_anew_is_not_read_until_somebody_accepts_it(house: House) -> None:
    """Alive and not ready meanwhile; then the new one is read from its beginning, whatever its numbers are."""
    house.export.put(HALF)
    with Hosted(house.stage.config) as at:
        house.settled(at)
        house.hub.recreate(created=1_800_000_000.0)
        at.until(lambda: at.ask("readyz").reasons == ["hub_recreated"])
        assert at.ask("livez").status == 200
        before = house.received()
        # More than the old hub held: old positions would lie within the new one, and skip what is before them.
        house.export.put(ALL)
        time.sleep(1.0)
        assert house.received() == before
        assert at.ask("readyz").reasons == ["hub_recreated"]
    assert at.ending == "stopped"
    house.stage.document["source"]["event_hubs"]["accept_new_hub"] = True
    house.stage.write()
    house.finish()
    ((identity,),) = house.stage.rows("SELECT identity FROM identities")
    assert "2027" in identity


def test_a_hub_made_anew_under_load_loses_nothing_of_the_new_one(house: House) -> None:
    """What the old hub had sent is still in memory then: committed later, it must not pass for the new one's."""
    house.stage.document["source"]["event_hubs"]["accept_new_hub"] = True
    house.stage.write()
    noticed = threading.Event()

    def at_point(point: str) -> None:
        if point == "in_transaction":
            noticed.wait(0.25)

    house.export.put(HALF)
    with Hosted(house.stage.config, at=at_point) as at:
        at.until(lambda: at.value("messages_received_total") == house.export.sent())
        assert house.committed() < house.export.sent(), "much of it is in memory only"
        house.hub.recreate(created=1_800_000_000.0)
        house.export.put(SLICE)
        at.until(lambda: bool(at.lines("hub_accepted")))
        noticed.set()
        house.settled(at)
    assert at.ending == "stopped"
    house.finish()
