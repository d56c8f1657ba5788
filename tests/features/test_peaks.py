"""A tail that is learned from the peaks of a stream."""

from __future__ import annotations

import copy
from array import array
from itertools import pairwise
from math import log10
from random import Random

import pytest
import scipy  # its stats are loaded by the test that names them: that takes a second, which no other worker spends
from hypothesis import given
from hypothesis import strategies as st

from detector.engine.state import decoder, encoder
from detector.features.peaks import LEAST, MOST, Peaks, Tail

values = st.one_of(st.floats(-1e12, 1e12), st.integers(-20, 20).map(float))
streams = st.lists(values, max_size=150)
tails = st.builds(
    Tail,
    quantile=st.floats(0.5, 0.99),
    pace=st.floats(0.001, 0.5),
    peaks=st.integers(LEAST, 40),
    warm=st.integers(1, 60),
    gap=st.integers(1, 10),
    alike=st.floats(0.0, 1.0),
    heaviest=st.floats(0.2, 0.49),
)


def told(stream: list[float], tail: Tail | None = None) -> Peaks:
    peaks = Peaks(tail or Tail())
    for value in stream:
        peaks.update(value)
    return peaks


def noise(length: int, seed: int = 3) -> list[float]:
    source = Random(seed)
    return [source.expovariate(1.0) for _ in range(length)]


def remembering(excesses: list[float], tail: Tail | None = None) -> Peaks:
    """A memory of these peaks, one in ten values, above a quantile of zero."""
    peaks = Peaks(tail or Tail(), array("d", excesses), seen=1_000, distance=1.0, count=len(excesses), spacing=10.0)
    peaks._fit()
    return peaks


def with_peaks(heights: list[float], apart: int = 20) -> list[float]:
    """A stream that trembles around zero and has these peaks."""
    calm = [0.01 * (place % 3 - 1) for place in range(apart)]
    return [*calm * 2, *(value for height in heights for value in (*calm, height)), *calm]


@given(streams, tails)
def test_a_surprise_is_a_finite_number_of_powers_of_ten(stream: list[float], tail: Tail) -> None:
    peaks = Peaks(tail)
    assert all(0.0 <= peaks.update(value) <= MOST for value in stream)


@pytest.mark.untraced
@given(streams, tails)
def test_memory_is_bounded_whatever_it_is_told(stream: list[float], tail: Tail) -> None:
    peaks = Peaks(tail)
    for value in stream:
        peaks.update(value)
        assert len(peaks.excesses) <= max(tail.peaks, tail.warm)
    assert len(peaks.excesses) <= tail.peaks or peaks.seen < tail.warm


@given(streams, tails, st.lists(values, min_size=2, max_size=5))
def test_a_higher_value_is_no_less_of_a_surprise(stream: list[float], tail: Tail, nexts: list[float]) -> None:
    before = told(stream, tail)
    surprises = [copy.deepcopy(before).update(value) for value in sorted(nexts)]
    assert all(lower <= higher + 1e-9 for lower, higher in pairwise(surprises))


@given(st.lists(st.integers(-50, 50).map(float), max_size=150), tails, st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_unit_of_the_stream_does_not_matter(stream: list[float], tail: Tail, unit: float) -> None:
    plain, scaled = Peaks(tail), Peaks(tail)
    for value in stream:
        assert scaled.update(unit * value) == pytest.approx(plain.update(value), abs=1e-9)


@given(streams, tails, st.integers(0, 150))
def test_who_was_restarted_judges_alike(stream: list[float], tail: Tail, when: int) -> None:
    """The memory is all there is: what is read back goes on as if nothing had happened."""
    whole, part = Peaks(tail), Peaks(tail)
    for place, value in enumerate(stream):
        if place == when:
            part = decoder(Peaks).decode(encoder().encode(part))
        assert part.update(value) == whole.update(value)


def test_while_it_warms_up_there_is_no_opinion() -> None:
    peaks = Peaks(Tail(warm=30))
    assert [peaks.update(10.0**place) for place in range(30)] == [0.0] * 30
    assert peaks.quantile == 10.0**25


def test_without_enough_peaks_there_is_no_opinion() -> None:
    assert remembering([1.0] * (LEAST - 1)).update(50.0) == 0.0
    assert remembering([1.0] * LEAST).update(50.0) > 1.0


def test_what_lies_at_the_quantile_or_below_is_no_surprise() -> None:
    peaks = told(noise(2_000))
    assert copy.deepcopy(peaks).update(peaks.quantile) == 0.0
    assert copy.deepcopy(peaks).update(-1e6) == 0.0
    assert copy.deepcopy(peaks).update(peaks.quantile + 1.0) > 0.0


@pytest.mark.parametrize("heavy", [0.05, 0.2, 0.4])
def test_the_tail_is_the_generalised_pareto_distribution(heavy: float) -> None:
    heights = scipy.stats.genpareto.rvs(heavy, size=200, random_state=5)
    peaks = told(with_peaks([10.0 + float(height) for height in heights]), Tail(alike=0.0, peaks=200))
    for excess in (15.0, 30.0, 60.0):
        expected = scipy.stats.genpareto.sf(excess, peaks.shape, scale=peaks.scale)
        if all(each < excess for each in peaks.excesses):
            surprise = copy.deepcopy(peaks).update(peaks.quantile + excess)
            assert surprise == pytest.approx(log10(peaks.spacing) - log10(expected))
    assert peaks.scale / (1.0 - peaks.shape) == pytest.approx(sum(peaks.excesses) / len(peaks.excesses))


@pytest.mark.parametrize("known", [LEAST, 20, 160])
def test_few_peaks_allow_a_heavy_tail(known: int) -> None:
    """All excesses alike have no variance; a heavy tail is no heavier than one whose variance exists."""
    assert remembering([3.0] * known).shape == pytest.approx(1.0 / known)
    assert remembering([1.0] * (known - 1) + [1e6], Tail(heaviest=0.3)).shape == 0.3


@pytest.mark.untraced
def test_surprises_of_steady_noise_come_as_often_as_they_say() -> None:
    peaks = Peaks()
    surprises = [peaks.update(value) for value in noise(60_000)]
    for power in (1, 2, 3, 4):
        assert sum(surprise >= power for surprise in surprises) <= 2.0 * 60_000 * 10.0**-power + 3


def test_what_has_happened_once_is_less_of_a_news_the_second_time() -> None:
    peaks = told(noise(3_000))
    first = peaks.update(200.0)
    told_again = [*noise(100, seed=4), 200.0]
    second = [peaks.update(value) for value in told_again][-1]
    assert first > 8.0
    assert second < first - 3.0


def test_no_excess_is_rarer_than_the_peaks_that_were_as_high() -> None:
    """A nightly job: every twentieth peak is a hundred times as high as the others."""
    heights = [100.0 if place % 20 == 19 else 1.0 + 0.1 * (place % 7) for place in range(160)]
    assert remembering(heights).update(90.0) == pytest.approx(log10(10.0 * 160 / 8))
    assert remembering(heights, Tail(alike=0.0)).update(90.0) == pytest.approx(log10(10.0 * 160 / 8))
    assert remembering(heights, Tail(alike=0.0)).update(101.0) > 1.0 + log10(10.0 * 160 / 8)
    assert remembering(heights).update(101.0) == pytest.approx(log10(10.0 * 160 / 8))


@pytest.mark.parametrize(("between", "ends"), [(4, 1), (5, 2)])
def test_what_flickers_is_one_peak(between: int, ends: int) -> None:
    peaks = told([0.01 * (place % 3 - 1) for place in range(100)], Tail(gap=5))
    before = peaks.count
    for value in (5.0, *[-1.0] * between, 6.0, *[-1.0] * 5):
        peaks.update(value)
    assert peaks.count - before == ends
    assert max(peaks.excesses) == pytest.approx(6.0, abs=0.1)


def test_old_peaks_make_room() -> None:
    tail = Tail(peaks=LEAST, warm=40, quantile=0.9)
    peaks = told(with_peaks([50.0, *[2.0] * 10]), tail)
    assert len(peaks.excesses) == LEAST
    assert max(peaks.excesses) < 3.0


def test_a_quantile_follows_the_stream() -> None:
    peaks = told([*noise(2_000), *(value + 40.0 for value in noise(4_000, seed=8))])
    assert 40.0 < peaks.quantile < 43.0


def test_nothing_is_less_likely_than_the_largest_surprise() -> None:
    assert remembering([1e-290] * LEAST).update(1e90) == MOST
    assert remembering([1.0] * LEAST).update(1e10) < MOST
