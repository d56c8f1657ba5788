"""A message that kills the process is found by who looks at the marks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.domain.delivery import Position
from detector.stores.records import Commit, Inflight
from detector.stores.store import Store
from tests.stores.stage import killed, opened


class Service:
    """A process that works through a partition and dies at some messages, as the runtime is meant to."""

    def __init__(self, folder: Path, poison: frozenset[int], end: int) -> None:
        self.folder, self.poison, self.end = folder, poison, end
        self.generation, self.quarantined, self.deaths = 0, list[int](), 0
        self.store = opened(folder / "0")

    def run(self) -> None:
        """Lives and dies until everything has been read."""
        while not self.live():
            self.deaths += 1
            assert self.deaths <= 3 * len(self.poison), "it dies on the same message for ever"
            self.generation += 1
            directory = killed(self.store.path.parent, self.folder / str(self.generation))
            self.store.close()
            self.store = opened(directory)
        self.store.close()

    def live(self) -> bool:
        got = self.store.load()
        suspect = got.inflight.get("0")
        at = got.positions["0"].sequence if "0" in got.positions else -1
        while at + 1 < self.end:
            first = at + 1
            alone = suspect is not None and suspect.crashes >= 2 and first <= suspect.last
            last = first if alone else min(first + 7, self.end - 1)
            if suspect is not None and suspect.alone >= 1 and suspect.crashes >= 3 and first == suspect.first:
                self.quarantined.append(first)
            else:
                self.store.begin_inflight({"0": (first, last)})
                if any(first <= bad <= last for bad in self.poison):
                    return False
            self.store.commit(Commit(positions={"0": Position(last, str(last))}))
            at = last
            suspect = self.store.load().inflight.get("0")
        return True


@settings(max_examples=15)
@given(poison=st.frozensets(st.integers(0, 29), max_size=3))
def test_each_poisonous_message_is_found_after_three_deaths_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, poison: frozenset[int]
) -> None:
    service = Service(tmp_path_factory.mktemp("inflight"), poison, 30)
    service.run()
    assert service.quarantined == sorted(poison)


def crashed(store: Store, target: Path) -> Store:
    directory = killed(store.path.parent, target)
    store.close()
    return opened(directory)


def test_marks_tell_how_often_and_whether_alone(tmp_path: Path) -> None:
    store = opened(tmp_path / "0")
    store.begin_inflight({"0": (0, 99), "1": (5, 5)})
    store = crashed(store, tmp_path / "1")
    assert store.load().inflight == {"0": Inflight("0", 0, 99, 1, 0), "1": Inflight("1", 5, 5, 1, 1)}
    store.begin_inflight({"0": (0, 49)})
    store.commit(Commit(positions={"1": Position(5, "")}))
    store = crashed(store, tmp_path / "2")
    assert store.load().inflight == {"0": Inflight("0", 0, 49, 2, 0)}
    for number in range(3):
        store.begin_inflight({"0": (number, number)})
        store.commit(Commit(positions={"0": Position(number, "")}))
        assert store.load().inflight == {"0": Inflight("0", number + 1, 49, 2, 0)}
    store.begin_inflight({"0": (3, 3)})
    store = crashed(store, tmp_path / "3")
    assert store.load().inflight == {"0": Inflight("0", 3, 3, 3, 1)}
    store.begin_inflight({"0": (3, 3)})
    store = crashed(store, tmp_path / "4")
    assert store.load().inflight == {"0": Inflight("0", 3, 3, 4, 2)}
    store.commit(Commit(positions={"0": Position(3, "")}))
    assert store.load().inflight == {}
    store.close()


def test_a_good_end_is_no_crash(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.begin_inflight({"0": (0, 9)})
    with opened(tmp_path) as store:
        assert store.load().inflight == {}


def test_a_good_end_does_not_clear_a_suspicion(tmp_path: Path) -> None:
    store = opened(tmp_path / "0")
    store.begin_inflight({"0": (0, 9)})
    with crashed(store, tmp_path / "1") as again:
        again.begin_inflight({"0": (0, 9)})
    with opened(tmp_path / "1") as store:
        assert store.load().inflight == {"0": Inflight("0", 0, 9, 1, 0)}


def test_work_elsewhere_forgets_a_suspicion(tmp_path: Path) -> None:
    store = opened(tmp_path / "0")
    store.begin_inflight({"0": (0, 9)})
    with crashed(store, tmp_path / "1") as again:
        again.begin_inflight({"0": (10, 19)})
        assert again.load().inflight == {}


def test_a_commit_of_what_came_before_leaves_the_mark(tmp_path: Path) -> None:
    store = opened(tmp_path / "0")
    store.begin_inflight({"0": (10, 19)})
    store.commit(Commit(positions={"0": Position(9, "")}))
    with crashed(store, tmp_path / "1") as again:
        assert again.load().inflight == {"0": Inflight("0", 10, 19, 1, 0)}
