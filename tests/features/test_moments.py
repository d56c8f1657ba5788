"""What a bucket teaches: mean and variance, decayed, and capped so that a burst cannot poison."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.moments import (
    CAP,
    EXPERIENCED,
    NOTHING,
    UNTAUGHT,
    Three,
    learn,
    learn_final,
    of_span,
    summary,
    with_span,
)
from detector.features.timeline import HOUR, weight

NOW = 490_000
"""Some hour."""


def taught(counts: list[int], *, first: int = NOW) -> Three:
    numbers = UNTAUGHT
    for place, count in enumerate(counts):
        numbers = learn(numbers, HOUR, first + place, count)
    return numbers


def test_nothing_learned_is_nothing_known() -> None:
    assert summary(UNTAUGHT, NOW * HOUR) == (0.0, 0.0, 0.0)
    assert [of_span(NOTHING, span) for span in range(3)] == [UNTAUGHT] * 3


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6))
def test_the_first_buckets_teach_their_weighted_mean_and_variance(counts: list[int]) -> None:
    base = taught(counts)
    weights = [weight((NOW + place) * HOUR) for place in range(len(counts))]
    mean = sum(w * n for w, n in zip(weights, counts, strict=True)) / sum(weights)
    variance = sum(w * (n - mean) ** 2 for w, n in zip(weights, counts, strict=True)) / sum(weights)
    seen, learned, spread = summary(base, (NOW + len(counts)) * HOUR)
    assert learned == pytest.approx(mean)
    assert spread == pytest.approx(variance, rel=1e-6, abs=1e-6 * mean * mean)
    assert seen == pytest.approx(sum(weights) / weight((NOW + len(counts)) * HOUR))


def test_a_burst_teaches_an_experienced_key_at_most_thrice_the_usual() -> None:
    calm = taught([10] * 20)
    mean = summary(calm, NOW * HOUR)[1]
    after = learn(calm, HOUR, NOW + 20, 10_000)
    assert after[1] - calm[1] == pytest.approx(CAP * mean * weight((NOW + 20) * HOUR))


def test_the_cap_leaves_room_for_one_request() -> None:
    """A mean below a third, which decayed sums may have, must not cap a single request away."""
    _, first, _ = learn((100 * weight(NOW * HOUR), 0.0, 0.0), HOUR, NOW, 7)
    assert first == pytest.approx(weight(NOW * HOUR))


def test_the_cap_waits_for_experience() -> None:
    young = taught([10] * int(EXPERIENCED))
    after = learn(young, HOUR, NOW + int(EXPERIENCED), 10_000)
    assert after[1] - young[1] == pytest.approx(10_000 * weight((NOW + int(EXPERIENCED)) * HOUR))


def test_experience_halves_in_a_fortnight_and_the_mean_stays() -> None:
    base = taught([4, 6] * 10)
    fresh, mean, _ = summary(base, NOW * HOUR)
    old, same, _ = summary(base, (NOW + 14 * 24) * HOUR)
    assert old == pytest.approx(fresh / 2)
    assert same == mean


@given(st.integers(0, 2), st.tuples(*[st.floats(0.0)] * 3))
def test_spans_lie_beside_each_other_and_do_not_meet(span: int, numbers: Three) -> None:
    base = with_span(NOTHING, span, numbers)
    assert [of_span(base, each) for each in range(3)] == [numbers if each == span else UNTAUGHT for each in range(3)]


def test_rounding_never_gives_a_negative_variance() -> None:
    base = taught([999_999_937] * 500)
    assert summary(base, NOW * HOUR)[2] >= 0.0


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 500)), max_size=30), st.integers(0, 3000))
def test_buckets_folded_together_teach_what_each_alone_does(steps: list[tuple[int, int]], behind: int) -> None:
    """To the last bit, and up to the limit only."""
    number, closed = 3_000_000, list[int]()
    for step, count in steps:
        number += step
        closed += (number, count, 7)
    limit = number - behind
    alone = UNTAUGHT
    final = [place for place in range(0, len(closed), 3) if closed[place] <= limit]
    for place in final:
        alone = learn(alone, 600, closed[place], closed[place + 1])
    assert learn_final(UNTAUGHT, 600, closed, limit) == (3 * len(final), alone)
