"""The store against a model of dictionaries, under random sequences of commits, kills, restarts and losses."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from detector.domain.delivery import Position
from detector.stores.errors import StoreUnavailable
from detector.stores.failpoints import Point
from detector.stores.records import Commit, CoreRow, NewAlert, StateRow
from tests.stores.stage import NOW, Facts, killed, loaded, opened

KEYS = st.sampled_from(["a", "b", "ü", "'; DROP TABLE state; --", "\x00", ""])
ROWS = st.lists(
    st.builds(
        StateRow,
        st.sampled_from(["agent", "blueprint"]),
        st.sampled_from(["t", "-"]),
        KEYS,
        st.none() | st.binary(max_size=40) | st.just(b"long" * 3000),
        st.integers(1, 3),
    ),
    max_size=8,
)
POSITIONS = st.dictionaries(
    st.sampled_from(["0", "1", "2"]), st.builds(Position, st.integers(-1, 2**62), st.text("0123456789", max_size=9))
)
DIGESTS = st.dictionaries(st.integers(0, 4), st.integers(0, 12).map(lambda n: bytes(range(8)) * n), max_size=2)
ALERTS = st.lists(
    st.builds(
        NewAlert,
        id=st.integers(0, 12).map(lambda n: f"{n:032x}"),
        time=st.floats(NOW - 1000, NOW),
        severity=st.sampled_from(["info", "low", "medium", "high", "critical"]),
        detector=st.sampled_from(["d1", "d2"]),
        subject=KEYS,
        document=st.binary(max_size=20),
        sinks=st.sampled_from([(), ("x",), ("x", "y"), ("x", "x")]),
    ),
    max_size=4,
)


class Model:
    """What the store should hold, in dictionaries."""

    def __init__(self) -> None:
        self.state: dict[Any, Any] = {}
        self.core: dict[str, CoreRow] = {}
        self.positions: dict[str, Position] = {}
        self.identities: dict[str, str] = {}
        self.digests: dict[int, list[bytes]] = {}
        self.counters: dict[str, int] = {}
        self.alerts: dict[str, NewAlert] = {}
        self.pending: set[tuple[str, str]] = set()

    def commit(self, batch: Commit) -> None:
        for row in batch.state:
            self.state.pop(row[:3], None)
            if row.payload is not None:
                self.state[row[:3]] = (row.version, row.payload)
        for core in batch.core:
            self.core.pop(core.name, None)
            if core.payload is not None:
                self.core[core.name] = core
        for partition, position in batch.positions.items():
            if partition not in self.positions or position.sequence >= self.positions[partition].sequence:
                self.positions[partition] = position
        self.identities.update(batch.identities)
        self.counters.update(batch.counters)
        if batch.forget_before is not None:
            self.digests = {hour: ids for hour, ids in self.digests.items() if hour >= batch.forget_before}
        for hour, ids in batch.digests.items():
            if ids:
                self.digests.setdefault(hour, []).extend(ids[k : k + 8] for k in range(0, len(ids), 8))
        for alert in batch.alerts:
            if alert.id not in self.alerts:
                self.alerts[alert.id] = alert
                self.pending |= {(sink, alert.id) for sink in alert.sinks if not alert.held}

    def loaded(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "core": self.core,
            "positions": self.positions,
            "identities": self.identities,
            "digests": {hour: sorted(ids) for hour, ids in self.digests.items()},
            "counters": self.counters,
        }


class StoreMachine(RuleBasedStateMachine):
    """Does anything in any order; after each step the store must be as the model says."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="store-"))
        self.generation = 0
        self.model = Model()
        self.facts = Facts()
        self.fail_at: Point | None = None
        self.store = self.open(self.folder / "0")
        self.epoch = self.store.epoch

    def open(self, directory: Path) -> Any:
        return opened(directory, self.facts, at=self.interfere, checkpoint_bytes=60_000)

    def interfere(self, point: Point) -> None:
        if point == self.fail_at:
            raise StoreUnavailable(f"disk trouble {point}")

    @rule(
        state=ROWS,
        core=st.lists(st.builds(CoreRow, KEYS, st.none() | st.binary(max_size=9), st.integers(1, 2)), max_size=3),
        positions=POSITIONS,
        identities=st.dictionaries(KEYS, KEYS, max_size=1),
        digests=DIGESTS,
        forget_before=st.none() | st.integers(0, 5),
        counters=st.dictionaries(KEYS, st.integers(0, 2**60), max_size=3),
        alerts=ALERTS,
        trouble=st.none() | st.sampled_from(["before_begin", "in_transaction", "after_rows", "before_commit"]),
    )
    def commit(self, trouble: Point | None, **members: Any) -> None:
        batch = Commit(**members)
        if trouble is not None:
            self.fail_at = trouble
            try:
                self.store.commit(batch)
                raise AssertionError("the failure got lost")
            except StoreUnavailable:
                pass
            self.fail_at = None
            assert loaded(self.store) == self.model.loaded()
        self.store.commit(batch)
        self.model.commit(batch)

    @precondition(lambda self: self.model.pending)
    @rule(data=st.data(), refused=st.booleans())
    def deliver(self, data: st.DataObject, refused: bool) -> None:
        sink, alert_id = data.draw(st.sampled_from(sorted(self.model.pending)))
        if refused:
            self.store.outbox.mark_failed(sink, [alert_id, "unknown"], "no")
        else:
            self.store.outbox.mark_sent(sink, [alert_id])
        self.model.pending.discard((sink, alert_id))

    @rule()
    def snapshot(self) -> None:
        self.store.snapshot()

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self.open(self.store.path.parent)
        self.risen()

    @rule()
    def kill(self) -> None:
        self.generation += 1
        directory = killed(self.store.path.parent, self.folder / str(self.generation))
        self.store.close()
        self.store = self.open(directory)
        self.risen()

    @rule()
    def lose_the_file_just_after_a_snapshot(self) -> None:
        self.store.snapshot()
        self.store.close()
        self.store.path.unlink()
        self.store = self.open(self.store.path.parent)
        assert self.store.opening == "restored"
        self.risen()

    def risen(self) -> None:
        assert self.store.epoch > self.epoch
        self.epoch = self.store.epoch

    @invariant()
    def as_the_model_says(self) -> None:
        if not hasattr(self, "store"):
            return
        assert loaded(self.store) == self.model.loaded()
        for sink in ("x", "y"):
            waiting = self.store.outbox.pending(sink)
            want = {alert_id for to, alert_id in self.model.pending if to == sink}
            assert sorted(row.alert_id for row in waiting) == sorted(want)
            assert all(row.document == self.model.alerts[row.alert_id].document for row in waiting)
        assert len(self.facts.of("store_corrupted")) == len(self.facts.of("store_restored"))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.fail_at = None
            self.store.close()
            shutil.rmtree(self.folder)


StoreMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestStoreAgainstModel = StoreMachine.TestCase
