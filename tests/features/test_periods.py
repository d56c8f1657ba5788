"""Busy periods: how many there are, how many there usually are, and what is learned when."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features import drift, periods, token_rate
from detector.features.fleet import cell_of
from detector.features.periods import DISPERSIONS, HOURS, STRETCH, PeriodMemory, number
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import HOUR, STEP, horizons
from detector.features.token_rate import RateMemory
from tests.features import naive

START = naive.START // HOUR
"""A Monday, midnight."""
FLOORS = (10**6, 10**6, 10**6)


class Key:
    """Rates and busy periods of a key whose hours are taken in as they become final."""

    def __init__(self, lateness: float = 1200.0) -> None:
        self.rates, self.memory, self.spans = RateMemory(), PeriodMemory(), horizons(lateness)

    def request(self, bucket: int) -> None:
        if bucket > self.rates.bucket:
            token_rate.roll(self.rates, bucket, self.spans, FLOORS)
        elif bucket < self.rates.bucket:
            token_rate.insert(self.rates, bucket, FLOORS)

    def hour(self, hour: int, *busy: int) -> bool:
        """An hour with requests in these of its ten minutes, taken in."""
        for place in busy:
            self.request(6 * hour + place)
        return self.take_in(hour)

    def take_in(self, hour: int) -> bool:
        """An hour is final; whether there was anything in it."""
        busy = periods.busy_in(self.rates, hour)
        if busy:
            periods.take_in(self.memory, hour, busy)
        return busy > 0

    def days(self, number: int, *hours: int, first: int = 0, busy: int = 1) -> None:
        """Days with `busy` periods in each of these hours."""
        for day in range(first, first + number):
            for hour in hours:
                self.hour(START + 24 * day + hour, *range(busy))


def plain(active: set[int], hour: int, hours: int) -> tuple[int, float]:
    """(busy periods, their usual number) from the ten-minute buckets that were ever active, as one would say it."""
    at = Counter(bucket // 6 for bucket in active)
    first, over = min(at) // 24, (hour - 24) // 24
    cells: Counter[int] = Counter()
    known: Counter[int] = Counter()
    for each in range(24 * first, hour - 23):
        cells[cell_of(each)] += at[each]
        known[cell_of(each)] += 1
    total = 0.0
    if over > first:
        level = sum(number for each, number in at.items() if each // 24 < over) / (24 * (over - first))
        for each in range(hour - hours + 1, hour + 1):
            near = [cells[(each + other) % 24 + 24 * (cell_of(each) >= 24)] for other in (-1, 0, 0, 1)]
            total += (sum(near) / 4 + level) / (known[cell_of(each)] + 1.0)
    return sum(number for each, number in at.items() if hour - hours < each <= hour), total


@pytest.mark.untraced
@given(
    st.lists(st.tuples(st.integers(0, 40), st.sets(st.integers(0, 5), min_size=1)), min_size=1, max_size=40),
    st.integers(0, 3600),
)
@settings(max_examples=60)
def test_counts_and_expectations_are_those_of_the_plain_telling(
    story: list[tuple[int, set[int]]], lateness: int
) -> None:
    key, hour, active = Key(lateness), START, set[int]()
    for gap, busy in story:
        hour += gap + 1
        active |= {6 * hour + place for place in busy}
        assert key.hour(hour, *sorted(busy))
        for hours in (STRETCH, HOURS):
            number, usual = plain(active, hour, hours)
            assert periods.count(key.memory, hour, hours) == number
            assert periods.expected(key.memory, hour, hours) == pytest.approx(usual)


def test_many_requests_in_ten_minutes_are_one_busy_period() -> None:
    key = Key()
    for _ in range(3):
        key.request(6 * START)
    key.rates.n = 500
    assert key.hour(START)
    assert periods.count(key.memory, START, STRETCH) == 1


@pytest.mark.parametrize("lateness", [0, 1200, 3600])
def test_an_hour_counts_whatever_of_it_is_folded_by_then(lateness: int) -> None:
    """A busy key folds the first buckets of an hour before the hour is final."""
    key = Key(lateness)
    wait = -(-lateness // STEP)
    for bucket in range(6 * START, 6 * (START + 30)):
        hour, place = divmod(bucket - wait, 6)
        if place == 0 and hour > START:
            assert key.take_in(hour - 1)
            assert periods.count(key.memory, hour - 1, 1) == 6
        key.request(bucket)


def test_an_hour_without_requests_is_not_taken_in() -> None:
    key = Key()
    assert key.hour(START, 0)
    assert not key.hour(START + 1)
    key.request(6 * (START + 3))  # of a later hour
    assert not key.take_in(START + 2)
    assert key.memory.hour == START


def test_what_came_in_disorder_counts_in_its_hour() -> None:
    key = Key()
    for bucket in (0, 7, 5, 2, 6, 2):
        key.request(6 * START + bucket)
    assert key.take_in(START)
    assert periods.count(key.memory, START, 1) == 3
    assert key.take_in(START + 1)
    assert periods.count(key.memory, START + 1, 1) == 2


def test_what_is_judged_has_not_taught() -> None:
    key = Key()
    key.days(8, 9)
    calm = periods.expected(key.memory, START + 24 * 7 + 23, HOURS)
    for hour in range(10, 24):
        key.hour(START + 24 * 7 + hour, *range(6))
    assert periods.expected(key.memory, START + 24 * 7 + 23, HOURS) == pytest.approx(calm, rel=0.05)
    assert periods.count(key.memory, START + 24 * 7 + 23, HOURS) == 85


def test_an_agent_of_the_day_is_not_expected_at_night() -> None:
    key = Key()
    key.days(10, 9, 10, 11, 12, busy=4)
    tuesday = START + 24 * 8
    assert periods.expected(key.memory, tuesday + 11, STRETCH) > 6
    assert periods.expected(key.memory, tuesday + 3, STRETCH) < 0.5


def test_a_newborn_expects_nothing() -> None:
    key = Key()
    assert periods.count(key.memory, START, HOURS) == 0
    key.hour(START, 1, 2)
    assert periods.expected(key.memory, START, HOURS) == 0.0
    assert periods.days(key.memory) == 0
    assert periods.dispersion(key.memory, 0.3) == pytest.approx(0.3)


def test_days_of_very_different_work_are_dispersed() -> None:
    even, uneven = Key(), Key()
    even.days(20, 8, 9, 10, 11)
    for day in range(20):
        uneven.days(1, 8, 9, first=day, busy=6 if day % 5 == 0 else 1)
    assert periods.dispersion(even.memory, 0.1) < 0.1 < periods.dispersion(uneven.memory, 0.1)


def test_what_siblings_do_as_well_is_less_unlikely() -> None:
    key = Key()
    key.days(10, 9)
    hour = START + 24 * 10 + 9
    key.hour(hour, *range(5))
    usual = periods.expected(key.memory, hour, STRETCH)
    alone = periods.judge(key.memory, hour, STRETCH, usual, 1.0)
    shared = periods.judge(key.memory, hour, STRETCH, usual, 4.0)
    spread = periods.dispersion(key.memory, DISPERSIONS[STRETCH])
    assert alone.p_value == negative_binomial_tail(5, usual, spread)
    assert alone.p_value < shared.p_value == negative_binomial_tail(5, 4 * usual, spread)
    assert (shared.expected, shared.days, shared.count) == (4 * usual, 9.0, 5)


def test_the_past_is_forgotten_by_halves() -> None:
    key = Key()
    key.days(160, 9, busy=6)
    workdays, others = periods.cells_of(key.memory)[48:]
    assert 20 <= workdays < 40
    assert 20 <= others < 40
    usual = periods.expected(key.memory, START + 24 * 161 + 9, 1)
    assert usual == pytest.approx((3 * workdays + 0.25) / (workdays + 1), rel=0.05)  # its neighbours are idle
    assert number(key.memory, 2) / number(key.memory, 1) == pytest.approx(6.0)


def test_after_a_long_pause_little_is_left() -> None:
    key = Key()
    key.days(20, 9, busy=6)
    before = sum(periods.cells_of(key.memory)[:48])
    key.hour(START + 24 * 400, 0)
    assert periods.expected(key.memory, START + 24 * 400 + 9, 1) < 1.0
    assert sum(periods.cells_of(key.memory)[:48]) < before
    assert key.memory.day == (START + 24 * 399) // 24


def test_a_bucket_is_ten_minutes() -> None:
    assert STEP * 6 == HOUR


def test_what_was_learned_of_days_is_left_alone_by_hours_and_leaves_them_alone() -> None:
    """They share one piece of memory; 300 hours at work halve what lies beside it."""
    alone, beside, days = PeriodMemory(), PeriodMemory(), bytes(range(1, 1 + len(drift.NOTHING)))
    periods.put_drifting(beside, days)
    for hour in range(START, START + 300):
        for memory in (alone, beside):
            periods.take_in(memory, hour, 0b101)
    assert periods.drifting(beside) == days
    periods.put_drifting(beside, drift.NOTHING)
    assert beside == alone
