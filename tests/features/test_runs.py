"""Runs of pipelines: what was known of one at a moment, in any order of arrival."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.domain.events import Deployment
from detector.features import runs
from detector.features.pipelines import Pipeline
from detector.features.runs import LONGEST, Run, known, note, outdated, run_by, told_by
from tests.stories import DAY, HOUR, START, Tenant

TENANT = Tenant()


def word(at: float, **fields: Any) -> Deployment:
    return TENANT.deployment(START + at, **fields)


def remembered(*deployments: Deployment) -> dict[str, Run]:
    table: dict[str, Run] = {}
    for each in deployments:
        note(table, each)
    return table


def test_what_is_known_of_a_run_depends_on_what_was_recorded_by_then() -> None:
    table = remembered(
        word(0, status="queued"),
        word(60, status="in_progress", started=START + 50, actor_id="d", agents=()),
        word(600, finished=START + 590),
    )
    (run,) = table.values()
    assert known(run, START - 1) is None
    queued, begun, over = known(run, START), known(run, START + 60), known(run, START + 600)
    assert queued is not None
    assert begun is not None
    assert over is not None
    assert (queued.start, queued.end, queued.status, queued.agents) == (START, START + LONGEST, "queued", None)
    assert (begun.start, begun.end, begun.actors, begun.agents) == (
        START + 50,
        START + 50 + LONGEST,
        frozenset({"d"}),
        frozenset(),
    )
    assert (over.start, over.end, over.status) == (START + 50, START + 590, "succeeded")


@pytest.mark.parametrize(
    ("fields", "start", "end"),
    [
        ({"started": START - 60}, START - 60, START),
        ({"finished": START + 90}, START, START),
        ({"finished": START - 90, "started": START - 100}, START - 100, START - 90),
        ({"started": START - 9 * DAY}, START - LONGEST, START),
        ({"status": "cancelled"}, START, START),
    ],
)
def test_no_run_ends_after_it_was_recorded_or_lasts_longer_than_a_day(
    fields: dict[str, Any], start: float, end: float
) -> None:
    (run,) = remembered(word(0, **fields)).values()
    told = known(run, START)
    assert told is not None
    assert (told.start, told.end) == (start, end)


@pytest.mark.parametrize(("at", "margin", "held"), [(-61, 60, False), (-60, 60, True), (60, 0, True), (61, 0, False)])
def test_a_run_holds_what_lies_within_its_margin(at: float, margin: float, held: bool) -> None:
    (run,) = remembered(word(60, started=START)).values()
    told = known(run, START + 60)
    assert told is not None
    assert told.holds(START + at, margin) == held


def test_a_run_lists_who_it_names_and_everybody_when_it_names_nobody() -> None:
    silent, naming = remembered(word(0), word(0, run="2", agents=(TENANT.agent("a"),))).values()
    assert [told.lists(["x"]) for run in (silent, naming) if (told := known(run, START)) is not None] == [True, False]
    told = known(naming, START)
    assert told is not None
    assert told.lists(["x", TENANT.agent("a").id])


def test_a_run_is_of_a_pipeline_by_name_or_by_identity() -> None:
    pipeline = Pipeline("Release", frozenset({"d"}))
    table = remembered(word(0), word(0, pipeline="x"), word(0, pipeline="y", actor_id="d"))
    told = {run.pipeline: told for run in table.values() if (told := known(run, START)) is not None}
    assert {name: each.of(pipeline) for name, each in told.items()} == {"release": True, "x": False, "y": True}


def test_a_record_that_comes_again_is_no_news() -> None:
    first = word(0)
    table: dict[str, Run] = {}
    assert note(table, first) == (True, None)
    assert note(table, first) == (False, None)
    assert len(table["release/1"].words) == 1


@given(st.permutations(range(20)))
def test_of_many_records_the_earliest_are_kept_in_any_order(order: list[int]) -> None:
    told = [word(number) for number in range(20)]
    (run,) = remembered(*(told[number] for number in order)).values()
    assert [each.time - START for each in run.words] == list(range(16))


def test_when_there_are_too_many_those_that_began_last_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "CAPACITY", 2)
    told = [word(number, run=str(number)) for number in range(4)]
    for order in permutations(told):
        assert sorted(remembered(*order)) == ["release/2", "release/3"]
    table = remembered(*told[1:3])
    assert note(table, told[0]) == (False, None)
    assert note(table, told[3]) == (True, "release/1")


def test_runs_are_asked_in_order_of_their_names_and_old_ones_not_at_all() -> None:
    table = remembered(word(0, run="b"), word(-HOUR, run="a"), word(-9 * HOUR, run="c"), word(9, run="d"))
    assert [told.run_id for told in told_by(table, START, START - HOUR)] == ["a", "b"]


def test_the_run_of_an_identity() -> None:
    table = remembered(word(0, run="a", actor_id="d"), word(0, run="b", actor_id="e"), word(0, run="c"))
    assert run_by(table, "e", START + 60, 60.0) == "b"
    assert run_by(table, "e", START + 61, 60.0) is None
    assert run_by(table, "x", START, 60.0) is None
    assert run_by(table, None, START, 60.0) is None
    assert run_by({}, "e", START, 60.0) is None


@pytest.mark.parametrize(("days", "gone"), [(30, []), (30.1, ["release/1"])])
def test_runs_are_kept_for_a_month(days: float, gone: list[str]) -> None:
    assert outdated(remembered(word(0)), START + days * DAY) == gone
