"""Silence: what a pause is worth, which pauses are usual, and how unlikely a longer one is."""

from __future__ import annotations

from math import exp

import pytest
import scipy  # its stats are loaded by the test that names them: that takes a second, which no other worker spends

from detector.features import periods, silence
from detector.features.periods import PAUSES, PeriodMemory, number, put
from detector.features.silence import LONGEST, SHORTEST
from detector.features.timeline import NEVER
from tests.features import naive

START = naive.START // 3_600
NUMBER, FIRST, SECOND = range(PAUSES + 2, PAUSES + 5)


def told(*hours: int, memory: PeriodMemory | None = None) -> PeriodMemory:
    """A memory with one busy period in each of these hours, counted from a Monday."""
    memory = PeriodMemory() if memory is None else memory
    for hour in hours:
        silence.end(memory, START + hour)
        periods.take_in(memory, START + hour, 1)
    return memory


def days(number: int, *hours: int) -> list[int]:
    return [24 * day + hour for day in range(number) for hour in hours]


def test_the_longest_pause_of_each_active_day_is_learned() -> None:
    memory = told(*days(12, 8, 9, 12, 13))
    assert number(memory, NUMBER) == 11
    assert 0.0 < number(memory, FIRST) / 11 < 1.5
    assert number(memory, SECOND) >= number(memory, FIRST) ** 2 / 11 - 1e-9


def test_a_night_is_worth_less_than_an_hour_of_the_day() -> None:
    memory = told(*days(10, *range(8, 18)))
    monday = 24 * 14
    night = sum(periods.expected(memory, START + monday + hour, 1) for hour in range(20, 24))
    day = sum(periods.expected(memory, START + monday + hour, 1) for hour in range(10, 14))
    assert night < day / 5


def test_the_tail_is_that_of_a_gumbel_distribution_with_these_moments() -> None:
    memory = told(*days(12, 8, 9, 12, 13))
    put(memory, NUMBER, 12.0, 60.0, 12.0 * (25.0 + 9.0))
    pause = silence.judge(memory, memory.hour + 9, 20.0, 1.0)
    mean = (4 * 4.0 + 60) / 16
    variance = (4 * (0.5 * mean) ** 2 + 12 * 9.0) / 16 * (1 + 2 / 12)
    scale = max((6 * variance) ** 0.5 / 3.141592653589793, 0.25 * mean)
    assert pause.usual == pytest.approx(mean)
    assert pause.p_value == pytest.approx(scipy.stats.gumbel_r.sf(20.0, mean - 0.5772156649 * scale, scale), rel=1e-6)
    assert (pause.hours, pause.missed, pause.days) == (9, 20.0, float(periods.days(memory)))


@pytest.mark.parametrize(
    ("missed", "factor", "said"), [(2.9, 1.0, False), (3.0, 1.0, True), (3.0, 2.0, True), (5.9, 0.5, False)]
)
def test_little_work_is_no_matter_and_what_siblings_leave_undone_does_not_count(
    missed: float, factor: float, *, said: bool
) -> None:
    pause = silence.judge(told(*days(8, 9)), START + 24 * 8, missed, factor)
    assert (pause.p_value < 1.0) == said
    assert pause.missed == missed * min(1.0, factor)


def test_no_probability_is_nothing() -> None:
    pause = silence.judge(told(*days(8, 9)), START + 24 * 20, 1e6, 1.0)
    assert 0.0 < pause.p_value < exp(-50)


def test_only_pauses_of_some_length_are_looked_at() -> None:
    assert told(*days(12, *range(24))).patience == SHORTEST
    sparse = told(*days(12, 8, 20))
    assert sparse.patience >= SHORTEST
    assert all(
        sum(periods.expected(sparse, sparse.hour + 1 + after, 1) for after in range(hours)) < 8.0
        for hours in range(sparse.patience)
    )


def test_a_newborn_is_left_alone() -> None:
    memory = told(*days(5, 9))
    assert number(memory, NUMBER) < 5
    assert memory.patience == NEVER


def test_a_short_pause_does_not_make_the_longest_shorter() -> None:
    memory = told(*days(12, *range(24)))
    told(24 * 12 + 6, 24 * 12 + 8, memory=memory)
    longest = number(memory, PAUSES + 1)
    told(24 * 12 + 10, 24 * 12 + 11, memory=memory)
    assert number(memory, PAUSES + 1) == longest > 4.0


def test_a_long_pause_is_worth_two_weeks_at_most() -> None:
    memory = told(*days(12, *range(24)))
    silence.end(memory, memory.hour + 10_000)
    assert number(memory, PAUSES + 1) <= 1.1 * LONGEST


def test_old_pauses_are_forgotten_by_halves() -> None:
    memory = told(*days(140, 8, 9))
    assert 28 <= number(memory, NUMBER) < 56
