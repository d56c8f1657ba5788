"""What comes often is held back, what is rare is let through, and all of it together stays within the budget."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.budget import SCORES, Budget, BudgetSettings, kind_of, place, rank, shipped_rate, strength

SHIPPED = {"noisy": ((0, 5.0), (130, 2.0), (140, 0.1)), "quiet": ((64, 0.2),)}
SETTINGS = BudgetSettings(rate=1.0, planned=1.0, weight=10.0, shipped=SHIPPED, default=0.002)

rates = st.floats(0.001, 100.0)
kinds = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.tuples(st.integers(0, 300), rates), min_size=1))


def steps(drawn: dict[str, list[tuple[int, float]]]) -> dict[str, tuple[tuple[int, float], ...]]:
    """Rising strengths and falling rates."""
    return {
        kind: tuple(
            zip(sorted({own for own, _ in each}), sorted((rate for _, rate in each), reverse=True), strict=False)
        )
        for kind, each in drawn.items()
    }


def test_the_graver_is_the_stronger_and_of_equals_the_less_likely() -> None:
    assert (
        strength(1, 40.0)
        < strength(2, 0.0)
        < strength(2, 7.9)
        < strength(2, 8.0)
        <= strength(2, 500.0)
        < strength(3, 0)
    )


def test_ranks_are_whole_numbers_at_first_and_tell_the_impossible_apart() -> None:
    assert [rank(score) for score in (0.0, 7.9, 8.0, 32.0)] == [0, 7, 8, 32]
    assert [rank(score) for score in (32.0, 64.0, 128.0, 256.0)] == [32, 40, 48, 56]
    assert rank(300.0) < SCORES
    assert rank(1e9) == SCORES - 1
    assert strength(2, 64.0) == place(2, 40)


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_the_less_likely_never_has_the_lower_rank(one: float, other: float) -> None:
    lower, higher = sorted((one, other))
    assert 0 <= rank(lower) <= rank(higher) < SCORES


def test_a_tenant_of_which_nothing_is_known_goes_by_what_is_shipped() -> None:
    budget = Budget()
    assert budget.rate(SETTINGS, "noisy", 100) == 5.0
    assert budget.rate(SETTINGS, "noisy", 135) == 2.0
    assert budget.rate(SETTINGS, "noisy", 200) == 0.1
    assert budget.rate(SETTINGS, "unheard of", 0) == SETTINGS.default
    assert not budget.passes(SETTINGS, "noisy", 100)
    assert budget.passes(SETTINGS, "noisy", 140)
    assert budget.passes(SETTINGS, "quiet", 64)
    assert budget.passes(SETTINGS, "unheard of", 0)


def test_of_a_sort_that_was_not_shipped_the_rate_of_its_detector_counts() -> None:
    assert kind_of("noisy", "") == "noisy"
    assert kind_of("noisy", "label", agent=False) != kind_of("noisy", "label") == "noisy/label"
    assert shipped_rate(SETTINGS, "noisy/label", 135) == 2.0
    assert not Budget().passes(SETTINGS, "noisy/label", 135)
    assert len(kind_of("noisy", "x" * 10_000)) < 200


def test_a_detector_that_stands_in_for_a_sort_is_soon_outweighed() -> None:
    budget = Budget()
    for _ in range(10):
        budget.learn(SETTINGS, 1.0, {})
    assert budget.rate(SETTINGS, "noisy/label", 100) < budget.rate(SETTINGS, "noisy", 100) / 2


def test_sorts_of_one_detector_are_learned_apart() -> None:
    budget = Budget()
    for _ in range(14):
        budget.learn(SETTINGS, 1.0, {"quiet/label": [64] * 4})
    assert not budget.passes(SETTINGS, "quiet/label", 64)
    assert budget.passes(SETTINGS, "quiet/disabled", 64)


def test_sorts_beyond_number_are_counted_with_their_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.features.budget._MAX_KINDS", 2)
    budget = Budget()
    budget.learn(SETTINGS, 1.0, {f"quiet/{number}": [64] for number in range(5)})
    assert budget.kinds["quiet"] == {64: 3.0}
    budget.learn(SETTINGS, 1.0, {"quiet/0": [64]})
    assert budget.kinds["quiet/0"][64] > 1.9


def test_what_is_expected_of_a_time_is_its_length_times_the_rate_of_all_alerts_of_a_kind() -> None:
    budget = Budget()
    assert budget.expected(SETTINGS, 2.0, ["noisy", "quiet", "unheard of"]) == {
        "noisy": 10.0,
        "quiet": 0.4,
        "unheard of": 2.0 * SETTINGS.default,
    }
    budget.learn(SETTINGS, 1.0, {"quiet": [64] * 4})
    assert budget.expected(SETTINGS, 2.0, ["quiet"])["quiet"] == pytest.approx(2.0 * (4 + 2) / 11)


def test_weaker_than_anything_that_was_shipped_counts_as_the_weakest() -> None:
    assert shipped_rate(SETTINGS, "quiet", 0) == 0.2


def test_what_becomes_usual_in_a_tenant_is_held_back_and_what_it_never_shows_is_let_through() -> None:
    budget = Budget()
    for _ in range(14):
        budget.learn(SETTINGS, 1.0, {"quiet": [64] * 4})
    assert budget.rate(SETTINGS, "quiet", 64) > 1.0
    assert not budget.passes(SETTINGS, "quiet", 64)
    assert budget.passes(SETTINGS, "quiet", 65), "nothing was as strong as that"
    assert not budget.passes(SETTINGS, "noisy", 0)
    calm = Budget()
    for _ in range(60):
        calm.learn(SETTINGS, 1.0, {})
    assert calm.passes(SETTINGS, "noisy", 0), "this tenant has none of that noise"


def test_limits_are_reckoned_with_a_share_of_the_budget() -> None:
    """What is let through is what looks rare, so more of it comes than was seen."""
    shipped = dict.fromkeys("abcde", ((0, 0.1),)) | dict.fromkeys("fg", ((0, 0.2),))
    whole = BudgetSettings(rate=1.0, planned=1.0, shipped=shipped)
    assert Budget().limit_of(whole) == 0.2
    assert Budget().limit_of(replace(whole, planned=0.6)) == 0.1


def test_what_is_urgent_may_come_more_often_and_takes_as_much_more_of_the_budget() -> None:
    shipped = dict.fromkeys("abc", ((0, 0.3), (1, 0.1))) | {"flood": ((0, 0.9), (1, 0.3))}
    equal = BudgetSettings(rate=1.0, planned=1.0, shipped=shipped)
    assert Budget().limit_of(equal) == 0.1
    assert not Budget().passes(equal, "flood", 1)
    hurried = replace(equal, urgent={"flood": 3.0})
    budget = Budget()
    assert budget.passes(hurried, "flood", 1)
    assert not budget.passes(hurried, "flood", 0)
    assert budget.limit_for(hurried, "flood") == pytest.approx(3.0 * budget.limit_of(hurried))
    assert budget.limit_for(hurried, "a") == budget.limit_of(hurried)


def test_a_day_teaches_little_of_a_kind_once_the_first_days_are_over() -> None:
    settings = BudgetSettings(rate=1.0, planned=1.0, weight=10.0, shipped=SHIPPED, learning_days=2)
    budget = Budget()
    budget.learn(settings, 1.0, {})
    budget.learn(settings, 1.0, {"quiet": [64] * 50})
    assert budget.seen("quiet", 0) == pytest.approx(50.0)
    before = budget.rate(settings, "quiet", 64)
    budget.learn(settings, 1.0, {"quiet": [64] * 500})
    assert before < budget.rate(settings, "quiet", 64) < 1.1 * before


def test_a_gap_is_no_day_of_the_first_ones() -> None:
    budget = Budget()
    budget.learn(SETTINGS, 0.0, {})
    assert budget.days == 0


def test_what_was_seen_fades_and_is_forgotten_in_the_end() -> None:
    budget = Budget()
    budget.learn(SETTINGS, 1.0, {"quiet": [64]})
    for _ in range(60):
        budget.learn(SETTINGS, 0.0, {})
    assert budget.seen("quiet", 0) == pytest.approx(0.5)
    assert budget.exposure == pytest.approx(0.5)
    for _ in range(2_000):
        budget.learn(SETTINGS, 0.0, {})
    assert budget.kinds == {}


def test_days_on_which_a_detector_could_not_speak_are_no_calm() -> None:
    ripening = replace(SETTINGS, ripens={"quiet": 2.5, "noisy": 1.0})
    budget, other = Budget(), Budget()
    for _ in range(4):
        budget.learn(ripening, 1.0, {})
        other.learn(SETTINGS, 1.0, {})
    assert other.rate(SETTINGS, "quiet", 64) == pytest.approx(10 * 0.2 / 14, rel=0.01)
    assert budget.rate(ripening, "quiet/sort", 64) > budget.rate(ripening, "noisy", 140) > 0.0
    assert budget.rate(ripening, "quiet", 64) == pytest.approx(10 * 0.2 / 11, rel=0.01)
    assert budget.rate(ripening, "noisy", 100) == pytest.approx(10 * 5.0 / 13, rel=0.01)
    assert budget.rate(ripening, "unheard of", 0) == other.rate(SETTINGS, "unheard of", 0)


@given(st.floats(0.001, 50.0), st.integers(0, 300))
def test_no_p_value_claims_more_than_its_experience_can_bear(exposure: float, own: int) -> None:
    budget = Budget(exposure=exposure)
    for kind in (*SHIPPED, "unheard of"):
        p_value = budget.p_value(SETTINGS, kind, own)
        assert p_value >= max(budget.rate(SETTINGS, kind, own), 1 / (exposure + SETTINGS.weight)) / 1_000
    busy = Budget(kinds={"quiet": {0: 1e9}}, exposure=1.0)
    assert busy.p_value(SETTINGS, "quiet", 0) == 1.0


@pytest.mark.untraced
@pytest.mark.parametrize("least", [3e-3, 1e-3, 3e-4])
def test_p_values_are_right_however_heavy_the_tail_of_the_scores(least: float) -> None:
    """60 tenants of 1,000 agents, 20 days each; two alerts a day, whose scores follow Pareto's law."""
    rng, below, days = Random(5), 0, 20
    settings = replace(SETTINGS, weight=0.5, shipped={"spike": ((0, 2.0), (150, 0.3), (160, 0.05))})
    for _ in range(60):
        budget = Budget()
        for _ in range(days):
            strengths = [strength(2, 3.0 * rng.paretovariate(0.7)) for _ in range(rng.choice((1, 2, 3)))]
            below += sum(budget.p_value(settings, "spike", own) <= least for own in strengths)
            budget.learn(settings, 1.0, {"spike": strengths})
    expected = least * 60 * 1_000 * days
    assert below <= 2 * expected
    assert below >= 0.2 * expected or least < 1e-3, "nor are they far too large"


@pytest.mark.untraced
@given(kinds, st.floats(0.01, 50.0), st.sampled_from((1.0, 3.0, 4.0)))
def test_all_that_is_let_through_together_fits_the_budget(
    drawn: dict[str, list[tuple[int, float]]], rate: float, urgent: float
) -> None:
    settings = BudgetSettings(rate=rate, shipped=steps(drawn), urgent=dict.fromkeys(sorted(drawn)[:1], urgent))
    budget = Budget()
    spent = sum(
        max((each for own, each in places if budget.passes(settings, kind, own)), default=0.0)
        for kind, places in settings.shipped.items()
    )
    assert spent <= max(rate, settings.default * urgent * len(settings.shipped)) * (1 + 1e-9)


@pytest.mark.untraced
@given(kinds, st.integers(0, 300), st.integers(0, 300))
def test_the_stronger_is_never_held_back_where_the_weaker_passes(
    drawn: dict[str, list[tuple[int, float]]], one: int, other: int
) -> None:
    settings = BudgetSettings(rate=1.0, planned=1.0, shipped=steps(drawn))
    budget = Budget()
    budget.learn(settings, 2.0, {kind: [own for own, _ in each] for kind, each in drawn.items()})
    weak, strong = sorted((one, other))
    for kind in (*drawn, "unheard of"):
        assert budget.passes(settings, kind, strong) or not budget.passes(settings, kind, weak)


@pytest.mark.untraced
@given(kinds)
def test_more_room_never_holds_more_back(drawn: dict[str, list[tuple[int, float]]]) -> None:
    small, large = (BudgetSettings(rate=rate, shipped=steps(drawn)) for rate in (0.5, 5.0))
    for kind, places in small.shipped.items():
        for own, _ in places:
            assert Budget().passes(large, kind, own) or not Budget().passes(small, kind, own)
