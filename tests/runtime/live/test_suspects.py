"""A message that the process died on is judged alone, and refused when it kills again and again; no other is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.config.load import load
from detector.domain.delivery import Delivery, Position
from detector.domain.quarantine import MAX_BYTES
from detector.runtime.live.suspects import APART_AFTER, REFUSED_AFTER, Suspects
from detector.stores.records import Inflight
from tests.decode.builders import dumps, sign_in
from tests.runtime.live.parts import WALL, Bench, running


def message(partition: str, sequence: int, body: bytes = b"{}") -> Delivery:
    return Delivery(partition, Position(sequence, str(sequence)), WALL, body)


@given(
    st.lists(st.tuples(st.sampled_from("01"), st.integers(0, 20)), max_size=20),
    st.integers(0, 20),
    st.integers(0, 10),
    st.integers(0, 5),
)
def test_parts_are_the_batch_in_its_order_with_suspects_alone(
    places: list[tuple[str, int]], first: int, length: int, crashes: int
) -> None:
    batch = [message(*place) for place in places]
    suspects = Suspects({"0": Inflight("0", first, first + length, crashes, 0)})
    parts = [list(part) for part in suspects.parts(batch)]
    assert [each for part in parts for each in part] == batch
    assert all(parts)
    suspected = [
        each
        for each in batch
        if crashes >= APART_AFTER and each.partition == "0" and first <= each.position.sequence <= first + length
    ]
    assert all([each] in parts for each in suspected)
    others = [part for part in parts if len(part) > 1]
    assert not any(each in part for part in others for each in suspected)
    if not suspected:
        assert len(parts) == bool(batch)


@pytest.mark.parametrize(
    ("alone", "sequence", "partition", "refused"),
    [
        (REFUSED_AFTER, 7, "0", True),
        (REFUSED_AFTER + 4, 7, "0", True),
        (REFUSED_AFTER - 1, 7, "0", False),
        (REFUSED_AFTER, 8, "0", False),
        (REFUSED_AFTER, 7, "1", False),
    ],
)
def test_only_the_message_that_killed_alone_three_times_is_refused(
    alone: int, sequence: int, partition: str, refused: bool
) -> None:
    body = b"x" * (MAX_BYTES + 5)
    suspects = Suspects({"0": Inflight("0", 7, 9, alone + 2, alone)})
    decoded = suspects.refusal(message(partition, sequence, body))
    assert (decoded is not None) is refused
    if decoded is not None:
        (quarantined,) = decoded.quarantined
        assert decoded.events == []
        assert (quarantined.reason, quarantined.size) == ("kills_the_process", len(body))
        assert quarantined.data == body[:MAX_BYTES]
        assert f"ended {alone} times" in quarantined.detail


DEADLY = b"the tablet of destinies"


def life(directory: Path, batch: list[Delivery]) -> int:
    """One life of a process that works through a batch; what it ended with. A real process, and a real death."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 70
    try:
        _work(directory, batch)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _work(directory: Path, batch: list[Delivery]) -> None:
    async def work() -> None:
        at = Bench(directory, load(text=""))
        read = at.worker.read

        def deadly(delivery: Delivery) -> object:
            if DEADLY in delivery.body:
                os.kill(os.getpid(), 9)
            return read(delivery)

        at.worker.read = deadly  # type: ignore[assignment]
        await at.put(*batch)
        await at.work()
        at.store.close()

    running(work)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # from Python 3.12 on, when a runner has threads
def test_a_message_that_really_kills_is_found_and_refused_and_all_others_are_judged(tmp_path: Path) -> None:
    """Twice with others, three times alone; then it is quarantined and the rest goes on."""
    batch = []
    for number in range(24):
        name = DEADLY.decode() if number in (9, 16) else "invoice-agent"
        record = sign_in(id=f"11110000-0000-4000-8000-{number:012d}", appDisplayName=name)
        batch.append(message(str(number % 2), number // 2, dumps(record)))
    codes = []
    while not codes or (codes[-1] != 0 and len(codes) < 20):
        codes.append(life(tmp_path, batch))
    # The second one is in another partition, and so in the same first batches.
    assert codes == [-9] * (len(codes) - 1) + [0]
    assert APART_AFTER + REFUSED_AFTER <= len(codes) - 1 <= 2 * (APART_AFTER + REFUSED_AFTER)

    async def check() -> None:
        at = Bench(tmp_path, load(text=""))
        loaded = at.store.load()
        assert loaded.counters["quarantined:kills_the_process"] == 2
        assert loaded.counters["received"] == 24
        assert loaded.counters["applied"] == 22
        assert loaded.positions == {"0": Position(11, "11"), "1": Position(11, "11")}
        assert loaded.inflight == {}
        rows = at.store._reader.rows("SELECT reason, place FROM quarantine ORDER BY place")
        assert rows == [("kills_the_process", "0:8"), ("kills_the_process", "1:4")]
        at.store.close()

    running(check)
