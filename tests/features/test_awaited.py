"""What is waited for: the earliest of a name, the first due of too many, in any order."""

from __future__ import annotations

from itertools import permutations

import pytest

from detector.features import awaited
from detector.features.awaited import Awaited, due, wait_for


def thing(moment: float, *, time: float = 0.0, record: str = "") -> Awaited:
    return Awaited(what="run", due=moment, time=time, id="a", record_id=record)


def test_the_earliest_of_one_name_stays_in_any_order() -> None:
    told = [thing(5.0), thing(4.0, time=1.0), thing(4.0, record="b"), thing(4.0, record="a")]
    for order in permutations(told):
        table: dict[str, Awaited] = {}
        for each in order:
            wait_for(table, "x", each)
        assert table == {"x": told[3]}


def test_it_says_whether_there_is_news() -> None:
    table: dict[str, Awaited] = {}
    assert wait_for(table, "x", thing(5.0)) == (True, None)
    assert wait_for(table, "x", thing(5.0)) == (False, None)
    assert wait_for(table, "x", thing(4.0)) == (True, None)


def test_when_there_are_too_many_those_due_last_go_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaited, "CAPACITY", 2)
    told = {"a": thing(3.0), "b": thing(1.0), "c": thing(3.0), "d": thing(2.0)}
    for order in permutations(told):
        table: dict[str, Awaited] = {}
        for name in order:
            wait_for(table, name, told[name])
        assert sorted(table) == ["b", "d"]
    table = {"a": told["a"], "b": told["b"]}
    assert wait_for(table, "c", told["c"]) == (False, "c")
    assert wait_for(table, "d", told["d"]) == (True, "a")


def test_what_is_due_comes_in_order_of_its_moments() -> None:
    table = {"a": thing(3.0), "b": thing(1.0), "c": thing(2.0), "d": thing(1.0)}
    assert due(table, 3.0, "run") == ["b", "d", "c"]
    assert due(table, 9.0, "record", "change") == []
