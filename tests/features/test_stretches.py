"""Two hours of requests, ten minutes by ten minutes."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from detector.features import stretches
from detector.features.stretches import NOTHING, Counts
from detector.features.timeline import STEP, horizons
from detector.features.token_rate import RateMemory, insert, roll
from tests.features.naive import START

SPANS = horizons(1_200.0)
FLOORS = (1_000, 1_000, 1_000)
HOURS = st.lists(st.tuples(*[st.integers(0, 255)] * 6), max_size=60)
EVEN: Counts = (10,) * 12


def taught(number: int, stretch: Counts = (1, 2, 3, 2, 1, 4, 2, 3, 2, 1, 2, 5)) -> bytes:
    """What so many stretches of the same kind have taught."""
    learned = NOTHING
    for hour in range(number):
        learned = stretches.take_in(learned, hour, stretch)
    return learned


class Naive:
    """Every least kept, everything reckoned anew each time, up to the number at which the past is halved."""

    def __init__(self) -> None:
        self.leasts: list[float] = []

    def take_in(self, stretch: Counts) -> None:
        least = float(sorted(stretch)[2])
        if least and len(self.leasts) >= 12:
            least = min(least, float(np.mean(self.leasts) + 4.0 * np.std(self.leasts) + 2.0))
        self.leasts += [least] if least else []


@given(HOURS)
def test_what_is_learned_is_the_mean_and_the_deviation_of_the_leasts(hours: list[Counts]) -> None:
    learned, naive, before = NOTHING, Naive(), (0,) * 6
    for place, hour in enumerate(hours):
        learned = stretches.take_in(learned, place, before + hour)
        naive.take_in(before + hour)
        before = hour
    seen, mean = stretches.usual_least(learned)
    assert seen == len(naive.leasts)
    if seen:
        assert mean == pytest.approx(np.mean(naive.leasts), abs=0.5)
    if hours:
        assert stretches.before(learned, len(hours)) == hours[-1]


@given(st.lists(st.integers(0, 4_799), max_size=80))
def test_the_counts_of_an_hour_are_those_of_its_ten_minutes(offsets: list[int]) -> None:
    """Up to the moment at which the hour is final."""
    rates = RateMemory()
    for offset in offsets:
        bucket = (START + offset) // STEP
        if bucket > rates.bucket:
            roll(rates, bucket, SPANS, FLOORS)
        elif bucket == rates.bucket:
            rates.n += 1
        else:
            insert(rates, bucket, FLOORS)
    expected = [sum(1 for each in offsets if each // STEP == place) for place in range(6)]
    assert stretches.counts_in(rates, START // 3_600) == tuple(expected)


def test_more_requests_than_a_byte_holds_are_as_many_as_it_holds() -> None:
    rates = RateMemory(bucket=START // STEP, n=300)
    assert stretches.counts_in(rates, START // 3_600) == (255, 0, 0, 0, 0, 0)


def test_the_hour_before_counts_only_when_it_was_one_of_work() -> None:
    learned = stretches.take_in(NOTHING, 499_000, (0,) * 6 + (1, 2, 3, 4, 5, 6))
    assert stretches.before(learned, 499_001) == (1, 2, 3, 4, 5, 6)
    assert stretches.before(learned, 499_002) == stretches.before(NOTHING, 499_001) == (0,) * 6


def test_idle_stretches_teach_nothing() -> None:
    assert stretches.usual_least(taught(20, (0, 0, 0, *(9,) * 9))) == (0, 0.0)
    assert stretches.usual_least(taught(20, (0, 0, 1, *(9,) * 9))) == (20, 1.0)


def test_an_outlier_teaches_little() -> None:
    assert stretches.usual_least(stretches.take_in(taught(20), 20, (250,) * 12))[1] < 1.3


def test_the_past_fades() -> None:
    seen, mean = stretches.usual_least(taught(240))
    assert (seen, mean) == (120, pytest.approx(1.0))
    assert stretches.usual_least(taught(239))[0] == 239


def test_nothing_is_steady_before_there_is_experience() -> None:
    assert stretches.steady(NOTHING, EVEN, 1.0) is None
    assert stretches.steady(taught(11), EVEN, 1.0) is None
    assert stretches.steady(taught(12), EVEN, 1.0) is not None


def test_a_beacon_is_steady_and_even() -> None:
    beacon = stretches.steady(taught(40), (10, 11, 10, 10, 11, 10, 10, 10, 12, 10, 10, 0), 1.0)
    assert beacon is not None
    assert (beacon.least, beacon.usual, beacon.total, beacon.stretches) == (10, 1.0, 114, 40)
    assert beacon.p_value < 1e-3
    jittered = stretches.steady(taught(40), (10, 11, 10, 10, 11, 10, 10, 10, 12, 10, 10, 10), 1.0)
    assert jittered is not None
    assert jittered.even < 1e-4
    assert jittered.p_value < beacon.p_value * 1e-3


def test_a_busier_stretch_that_is_as_uneven_as_any_is_judged_by_its_least_alone() -> None:
    uneven = stretches.steady(taught(40), (4, 40, 9, 70, 12, 5, 33, 4, 18, 90, 6, 25), 1.0)
    assert uneven is not None
    assert uneven.even == 1.0
    assert uneven.least == 5


def test_who_is_always_even_is_not_told_for_that() -> None:
    judged = stretches.steady(taught(40, EVEN), EVEN, 1.0)
    assert judged is not None
    assert judged.even == 1e-6
    assert judged.p_value == 1.0


def test_siblings_explain_what_they_do_as_well() -> None:
    alone, shared = (stretches.steady(taught(40), EVEN, factor) for factor in (1.0, 6.0))
    assert alone is not None
    assert shared is not None
    assert shared.p_value == 1.0
    assert alone.p_value < 1e-8
    assert shared.usual == 6.0


def test_requests_beside_bursts_leave_the_three_fullest_out() -> None:
    judged = stretches.beside((200, 90, 40, 3, 2, 1, 0, 0, 0, 0, 0, 0), 3.0, 0.3, 10)
    assert (judged.count, judged.total, judged.usual) == (6, 336, 3.0)
    assert judged.p_value > 0.05
    spread = stretches.beside((10, 4, 3, 13, 4, 3, 10, 8, 5, 0, 0, 0), 3.0, 0.3, 10)
    assert spread.count == 27
    assert spread.p_value < 1e-4


@given(
    st.lists(st.integers(0, 60), min_size=12, max_size=12),
    st.integers(0, 11),
    st.floats(0.1, 20.0),
    st.integers(12, 60),
)
def test_more_requests_are_never_less_surprising(counts: list[int], place: int, usual: float, seen: int) -> None:
    """Beside bursts; and of the least, what is spread alike."""
    more = [count + (place == each) for each, count in enumerate(counts)]
    before, after = (stretches.beside(tuple(each), usual, 0.3, 5.0) for each in (counts, more))
    assert after.p_value <= before.p_value
    lower, higher = (stretches.steady(taught(seen), (count,) * 12, 1.0) for count in (counts[0] + 1, counts[0] + 2))
    assert lower is not None
    assert higher is not None
    assert higher.p_value <= lower.p_value


def test_even_counts_have_the_chance_of_the_index_of_dispersion() -> None:
    counts = (9, 11, 10, 12, 8, 10, 9, 11, 10, 12, 9, 9)
    judged = stretches.steady(taught(12), counts, 1.0)
    assert judged is not None
    index = sum((each - 10.0) ** 2 for each in counts) / 10.0
    assert judged.even == pytest.approx(scipy.stats.chi2.cdf(index, 11))


def test_both_are_combined_by_fishers_method() -> None:
    uneven = stretches.steady(taught(12), (8, 8, 10, 10, 10, 10, 30, 30, 30, 40, 40, 60), 1.0)
    even = stretches.steady(taught(12), EVEN, 1.0)
    assert uneven is not None
    assert even is not None
    level = scipy.optimize.brentq(lambda p: p * (1.0 - log(p)) - uneven.p_value, 1e-12, 0.5)
    assert even.p_value == pytest.approx(scipy.stats.combine_pvalues([level, 1e-6]).pvalue, rel=1e-3)
