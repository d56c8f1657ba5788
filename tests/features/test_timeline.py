"""Buckets are judged against what can no longer change, and against nothing else."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.decode.times import EARLIEST, LATEST
from detector.features.timeline import SPANS, Horizon, horizons, weight

latenesses = st.one_of(st.integers(0, 3600).map(float), st.floats(0.0, 3600.0))
times = st.floats(EARLIEST, LATEST)


@given(latenesses, st.sampled_from(SPANS), times, st.floats(0.0, 1.0))
def test_a_bucket_is_never_judged_against_one_that_can_still_change(
    lateness: float, span: int, time: float, age: float
) -> None:
    """While anything may land in bucket b, whatever arrives afterwards lands in a bucket that b leaves out."""
    horizon = Horizon.of(span, lateness)
    watermark = time
    judged = watermark - age * lateness  # the event that makes us look at its bucket: not late
    oldest_to_come = watermark - lateness  # later arrivals are no older, as the watermark never falls
    compared = int(judged) // span - horizon.lag
    assert int(oldest_to_come) // span > compared


@given(latenesses, st.sampled_from(SPANS), times, st.floats(0.0, 1.0))
def test_what_is_folded_is_no_more_than_any_judgement_to_come_may_use(
    lateness: float, span: int, newest: float, age: float
) -> None:
    """A bucket folded when b is the newest was final, and every bucket that may still be judged compares with it."""
    horizon = Horizon.of(span, lateness)
    folded = int(newest) // span - horizon.keep
    judged = newest - age * lateness
    assert folded <= int(judged) // span - horizon.lag
    assert folded < int(newest - lateness) // span


@given(latenesses, st.sampled_from(SPANS))
def test_no_more_is_left_out_than_lateness_demands(lateness: float, span: int) -> None:
    """The last bucket left out may still change: a record may land in it while the first instant of b is judged."""
    left_out = Horizon.of(span, lateness).lag - 1
    assert (left_out - 1) * span < lateness or left_out == 0


@pytest.mark.parametrize(
    ("lateness", "span", "lag", "keep"),
    [
        (0, 600, 1, 1),
        (0.5, 600, 2, 3),
        (1, 600, 2, 3),
        (600, 600, 2, 3),
        (601, 600, 3, 5),
        (1200, 3600, 2, 3),
        (3600, 600, 7, 13),
    ],
)
def test_horizons_of_round_numbers(lateness: float, span: int, lag: int, keep: int) -> None:
    assert Horizon.of(span, lateness) == Horizon(span, lag, keep)


def test_there_is_one_horizon_for_each_span() -> None:
    assert tuple(horizon.span for horizon in horizons(1200.0)) == SPANS
    assert all(longer % shorter == 0 for shorter, longer in pairwise(SPANS))


@given(st.floats(EARLIEST, LATEST - 15 * 86_400.0))
def test_evidence_doubles_its_weight_every_fortnight(time: float) -> None:
    assert weight(time + 14 * 86_400.0) == pytest.approx(2.0 * weight(time))


def test_weights_stay_within_a_double_for_every_time_a_record_may_have() -> None:
    assert weight(EARLIEST) > 0.0
    assert math.isfinite(weight(LATEST) * 1e9**2)
