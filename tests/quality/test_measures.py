"""The numbers that come of incidents."""

from __future__ import annotations

from itertools import pairwise

import pytest
import scipy  # its stats are loaded by the test that names them: that takes a second, which no other worker spends
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.quality import measures
from bench.quality.measures import Conformal, CrossFitted, Outcome, outcome_of
from tests.quality.told import HOUR, told, truth


@settings(max_examples=30)
@given(st.integers(1, 500).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_an_interval_is_wilsons(counts: tuple[int, int]) -> None:
    found, total = counts
    expected = scipy.stats.binomtest(found, total).proportion_ci(method="wilson")
    assert measures.wilson(found, total) == pytest.approx((expected.low, expected.high), abs=1e-9)


def outcome() -> Outcome:
    """Both attacks found, three false incidents, the strongest of them between the two attacks."""
    return outcome_of(
        truth(),
        [
            told(600, record_ids=("bad-2",), severity=3),
            told(-4 * HOUR, about="agent-2", record_ids=("bad-4",), severity=1, detector="app_role_granted"),
            told(-50 * HOUR, about="agent-5", severity=2),
            told(-51 * HOUR, about="agent-6", severity=1, score=1.0),
            told(20 * HOUR, about="agent-6", severity=0, score=2.0, detector="token_spike"),
        ],
    )


def test_recall_is_counted_by_level_and_story() -> None:
    found = [measures.found_in(outcome())]
    levels = measures.recall_of_levels([outcome()], found)
    assert [levels[name]["recall"] for name in ("obvious", "moderate", "stealthy", "all")] == [1.0, None, 1.0, 1.0]
    stories = measures.recall_by([outcome()], found, "story")
    assert stories["permission_grant"]["stealthy"]["found"] == 1


def test_an_attack_of_which_nothing_shows_is_not_asked_for() -> None:
    label = truth().labels[0]
    unseen = type(label)(**{name: getattr(label, name) for name in label.__slots__} | {"expected": ()})
    silent = outcome_of(truth(labels=[unseen]), [])
    assert measures.recall_of_levels([silent], [set()])["all"]["of"] == 0


def test_a_delay_is_counted_from_the_first_record_in_minutes_and_records() -> None:
    delay = measures.delays([outcome()])
    assert delay["foreign_network"]["minutes"]["median"] == 10
    assert delay["foreign_network"]["by_level"] == {"obvious": 10}
    assert delay["foreign_network"]["events"]["median"] == 2


def test_false_incidents_are_counted_for_a_thousand_agents_and_day() -> None:
    false = measures.false_incidents([outcome()])
    assert false["mean"] == false["worst"] == pytest.approx(3 / (0.5 * 20))
    assert false["second_half"] == pytest.approx(1 / (0.5 * 12), abs=1e-3)
    assert false["by_kind"] == {"network_novelty": 0.2, "token_spike": 0.1}
    assert false["at_least"]["medium"] == pytest.approx(0.1)


def test_precision_leaves_the_aftermath_out() -> None:
    assert measures.precision([outcome()])["recall"] == pytest.approx(2 / 5)


def test_a_budget_admits_the_strongest_incidents_until_it_is_used_up() -> None:
    tight = outcome()
    size = tight.thousands
    table = measures.at_budgets([tight], measures.by_severity)
    assert table["0.5"]["false"] <= 0.5
    allowed = int(0.5 * size)
    assert allowed == 5  # all three false ones fit
    assert table["0.5"]["all"]["recall"] == 1.0
    assert table["0.5"]["precision"] == pytest.approx(0.4)


def test_of_incidents_of_equal_rank_a_budget_admits_all_or_none() -> None:
    many = [told(-50 * HOUR, about=f"agent-{number}", severity=2) for number in range(10, 40)]
    crowded = outcome_of(truth(), [told(0), *many])
    table = measures.at_budgets([crowded], measures.by_severity)
    assert table["0.5"]["false"] == 0
    assert table["0.5"]["all"]["found"] == 0
    assert table["5"]["all"]["found"] == 1


def test_a_larger_budget_never_finds_less() -> None:
    table = measures.at_budgets([outcome()], measures.by_severity)
    found = [row["all"]["found"] for row in table.values()]
    assert all(less <= more for less, more in pairwise(found))


def test_what_is_often_false_in_training_ranks_behind_what_never_is() -> None:
    noisy = outcome_of(truth(), [told(-50 * HOUR, about=f"agent-{number}") for number in range(10, 40)])
    rank = Conformal([noisy])
    [usual] = noisy.incidents[:1]
    [seldom] = outcome_of(truth(), [told(0, detector="app_role_granted", severity=1)]).incidents
    assert rank(seldom) > rank(usual)


def test_a_tenant_is_ranked_by_what_the_others_teach() -> None:
    noisy = outcome_of(truth(), [told(-50 * HOUR, about=f"agent-{number}") for number in range(10, 40)])
    quiet = outcome_of(truth(), [told(0)])
    rank = CrossFitted([noisy, quiet])
    assert rank(noisy.incidents[0]) == Conformal([quiet])(noisy.incidents[0])
    assert rank(quiet.incidents[0]) == Conformal([noisy])(quiet.incidents[0])
    assert rank(quiet.incidents[0]) < rank(noisy.incidents[0])
