"""Several keys at once: their surprises and how likely the sum is."""

from __future__ import annotations

from math import exp, log

from detector.features import periods, together
from detector.features.periods import DISPERSIONS, STRETCH, PeriodMemory
from detector.features.tails import TINY, negative_binomial_tail
from tests.features import naive

START = naive.START // 3_600


def clerk(days: int = 10) -> PeriodMemory:
    """A memory of one busy period an hour from nine to five."""
    memory = PeriodMemory()
    for day in range(days):
        for hour in range(9, 17):
            periods.take_in(memory, START + 24 * day + hour, 1)
    return memory


def test_the_least_chance_is_no_nought() -> None:
    assert together.chance(5_000.0, 3) == TINY


def test_no_surprise_is_certain() -> None:
    assert together.chance(0.0, 10) == 1.0


def test_a_key_alone_adds_no_more_than_it_may() -> None:
    memory = clerk()
    hour = memory.hour + 10  # three in the morning
    periods.take_in(memory, hour - 1, 6)
    periods.take_in(memory, hour, 6)
    assert together.surprise(memory, hour, STRETCH) == 8.0


def test_a_surprise_is_the_logarithm_of_a_tail() -> None:
    memory = clerk()
    hour = memory.hour + 19
    periods.take_in(memory, hour, 0b11111)
    usual = periods.expected(memory, hour, STRETCH)
    tail = negative_binomial_tail(5, usual, periods.dispersion(memory, DISPERSIONS[STRETCH]))
    assert together.surprise(memory, hour, STRETCH) == -log(tail)
    assert 0.0 < together.surprise(memory, hour, STRETCH) < 8.0


def test_who_does_what_it_does_surprises_nobody() -> None:
    assert together.surprise(clerk(), START + 24 * 9 + 16, STRETCH) < 1.0
    assert together.surprise(clerk(), START + 24 * 20, STRETCH) == 0.0


def test_small_surprises_of_many_are_a_great_one() -> None:
    one, many = together.chance(2.5, 1), together.chance(10 * 2.5, 10)
    assert many < exp(-5) < one
