"""Requests of whole days, and what days add up to."""

from __future__ import annotations

from math import exp, log
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import drift
from detector.features.drift import NOTHING, Drift
from detector.features.timeline import STEP, horizons
from detector.features.token_rate import RateMemory, insert, roll
from tests.features.naive import START, arrivals

MONDAY = START // 86_400
FLOORS = (1_000, 1_000, 1_000)
DAYS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2_000), st.floats(-2.0, 2.0)), max_size=80)


class Days:
    """What a key has learned, day by day."""

    def __init__(self) -> None:
        self.learned = NOTHING

    def take_in(self, day: int, requests: int, shared: float, least: int) -> Drift | None:
        self.learned, found = drift.take_in(self.learned, day, requests, shared, least)
        return found


class Naive:
    """Every day kept, everything reckoned anew each time but the sum, which remembers by what it is."""

    def __init__(self) -> None:
        self.taught: tuple[list[float], list[float]] = ([], [])
        self.errors: list[float] = []
        self.total = 0.0
        self.rise: list[tuple[int, bool]] = []

    @staticmethod
    def mean(values: list[float]) -> float:
        """The plain one up to 43 values, later one that forgets."""
        level = 0.0
        for place, value in enumerate(values, 1):
            level += (value - level) / min(place, 43)
        return level

    def take_in(self, day: int, requests: int, shared: float, least: int) -> Drift | None:
        if len(self.rise) >= 30:
            self.__init__()  # type: ignore[misc]
        weekend, found = day % 7 in {2, 3}, None
        own, taught = self.taught[weekend], sum(min(len(each), 43) for each in self.taught)
        number, level = min(len(own), 43), self.mean(own)
        off = max(-log(4), min(log(4), log(requests + 1) - level)) if own else 0.0
        if own and taught >= least:
            worth = min(len(self.errors), 43)
            variance = (5 * (0.09 + exp(-level)) + worth * self.mean(self.errors)) / (5 + worth)
            variance *= 1 + (len(self.rise) + 1) / number
            ratio = log(1.4) / variance * (off - max(0.0, shared) - log(1.4) / 2)
            self.total = max(0.0, self.total + max(-log(16), min(log(16), ratio)))
            self.rise = [*self.rise, (day, ratio > 0)] if self.total else []
            if ratio > 0:
                rises = sum(up for _, up in self.rise)
                usual = exp(level + max(0.0, shared)) - 1
                found = Drift(usual, self.rise[0][0], rises, exp(-self.total), taught)
        if self.total < log(10):
            if own:
                nearest = min(max(off, min(shared, 0.0)), 0.0) if shared <= 0 else shared
                self.errors.append(max(-log(4), min(log(4), off - nearest)) ** 2 / (1 + 1 / number))
            own.append(level + off if own else log(requests + 1))
        return found


def test_a_key_that_works_on_while_its_siblings_rest_is_as_steady_as_before() -> None:
    """A holiday of theirs must not hide what rises later; nor is it an error to rest with them."""
    alone, beside, resting = Days(), Days(), Days()
    for day in range(10):
        idle = -1.0 if day == 8 else 0.0
        for memory, shared, number in ((alone, 0.0, 100), (beside, idle, 100), (resting, idle, 36 if idle else 100)):
            memory.take_in(MONDAY + day, number, shared, 5)
    squares = [drift._NUMBERS.unpack(memory.learned)[2] for memory in (alone, beside, resting)]
    assert squares[1] == squares[0]
    assert squares[2] < 0.01, "a day of a third is an error of 1.0 squared, and one of nine"


# ----------------------------------------------------------------------------------------------------- requests


@given(arrivals(3_600, most=60, longest=7 * 3_600), st.sampled_from([0.0, 1_200.0, 3_600.0]))
def test_a_day_that_is_final_still_has_all_its_requests(order: list[int], lateness: float) -> None:
    spans, memory = horizons(lateness), RateMemory()
    watermark, told, judged = 0, list[int](), -1
    for time in order:
        if time < watermark - lateness:
            continue
        if time // STEP > watermark // STEP:
            day = int(time - lateness) // 86_400 - 1
            for each in {day, day - 1} if judged < day and told else ():
                if each > judged and each >= int(watermark) // 86_400 - 1:
                    assert drift.requests_of(memory, each) == sum(one // 86_400 == each for one in told)
            judged = max(judged, day)
        watermark = max(watermark, time)
        told.append(time)
        bucket = time // STEP
        if bucket > memory.bucket:
            roll(memory, bucket, spans, FLOORS)
        elif bucket == memory.bucket:
            memory.n += 1
        else:
            insert(memory, bucket, FLOORS)


def test_days_before_and_behind_have_none_of_its_requests() -> None:
    memory = RateMemory()
    for six in (3, 4, 5, 7):
        roll(memory, (MONDAY * 4 + six) * 36, horizons(3_600.0), FLOORS)
    assert [drift.requests_of(memory, MONDAY + day) for day in (-1, 0, 1, 2)] == [0, 1, 3, 0]


@pytest.mark.parametrize(("lateness", "kept"), [(0.0, 4), (1.0, 5), (1_200.0, 5), (3_600.0, 5)])
def test_six_hours_are_kept_until_their_day_is_judged(lateness: float, kept: int) -> None:
    assert horizons(lateness)[2].keep == kept


# --------------------------------------------------------------------------------------------------------- days


@pytest.mark.parametrize("shared", [0.0, -1.0, 0.5])
def test_how_far_a_day_stands_out_is_that_of_a_normal_level(shared: float) -> None:
    memory, numbers = Days(), (100, 130, 90, 110, 120)
    for place, number in enumerate(numbers):
        memory.take_in(MONDAY + place, number, 0.0, 99)
    found = drift.heavy(memory.learned, MONDAY + 7, 300, shared, 5)
    assert found is not None
    logs = [log(number + 1) for number in numbers]
    level, offs = logs[0], list[float]()
    for place, each in enumerate(logs[1:], 1):
        offs.append((each - level) ** 2 / (1 + 1 / place))
        level += (each - level) / (place + 1)
    variance = (5 * (0.09 + exp(-level)) + sum(offs)) / (5 + len(offs)) * (1 + 1 / 5)
    expected = level + max(0.0, shared)
    tail = NormalDist(expected, variance**0.5).cdf(2 * expected - log(301))
    assert found.p_value == pytest.approx(tail, rel=1e-3)
    assert (found.usual, found.since, found.seen) == (pytest.approx(exp(expected) - 1), MONDAY + 7, 5)


def test_of_too_few_days_and_of_a_kind_that_nothing_is_known_of_no_day_stands_out() -> None:
    memory = Days()
    assert drift.heavy(memory.learned, MONDAY, 10_000, 0.0, 0) is None
    for place in range(5):
        memory.take_in(MONDAY + place, 100, 0.0, 99)
    assert drift.heavy(memory.learned, MONDAY + 7, 10_000, 0.0, 6) is None
    assert drift.heavy(memory.learned, MONDAY + 5, 10_000, 0.0, 5) is None, "a Saturday"


def test_a_day_of_a_rise_is_one_story_with_it_until_that_is_the_new_level() -> None:
    memory, day = Days(), MONDAY
    for _ in range(6):
        memory.take_in(day, 100, 0.0, 5)
        day += 7
    first = day
    for _ in range(30):
        found = drift.heavy(memory.learned, day, 400, 0.0, 5)
        assert found is not None
        assert found.since == first
        memory.take_in(day, 400, 0.0, 5)
        day += 7
    assert drift.heavy(memory.learned, day, 400, 0.0, 5) is None


@given(DAYS, st.integers(2, 6))
def test_it_is_what_one_would_reckon(days: list[tuple[int, int, float]], least: int) -> None:
    memory, naive, day = Days(), Naive(), MONDAY
    for gap, requests, shared in days:
        day += gap
        told, wanted = memory.take_in(day, requests, shared, least), naive.take_in(day, requests, shared, least)
        if wanted is not None and wanted.p_value > 0.999:
            return  # so near to nothing that it depends on the last digit
        assert (told is None) == (wanted is None)
        if told is not None and wanted is not None:
            assert (told.since, told.days, told.seen) == (wanted.since, wanted.days, wanted.seen)
            assert told.usual == pytest.approx(wanted.usual, rel=1e-3)
            assert log(told.p_value) == pytest.approx(log(wanted.p_value), abs=0.02)
        if abs(naive.total - log(10)) < 0.01:
            return  # whether it is learned depends on the last digit


@given(DAYS)
def test_memory_is_bounded_and_p_values_are_probabilities(days: list[tuple[int, int, float]]) -> None:
    memory, day = Days(), MONDAY
    for gap, requests, shared in days:
        day += gap
        told = memory.take_in(day, requests, shared, 2)
        assert len(memory.learned) == len(NOTHING) <= 32
        assert told is None or (0.0 < told.p_value <= 1.0 and told.usual > 0.0)


def told(*numbers: int, into: Days | None = None, at: int = MONDAY, shared: float = 0.0) -> list[Drift | None]:
    """What the days of a key, one after the other, say."""
    memory = Days() if into is None else into
    return [memory.take_in(at + day, number, shared, 5) for day, number in enumerate(numbers)]


def settled(weeks: int = 2) -> Days:
    """A hundred requests on working days and ten on others."""
    memory = Days()
    told(*((100,) * 5 + (10,) * 2) * weeks, into=memory)
    return memory


def test_kinds_of_days_have_levels_of_their_own() -> None:
    memory = settled()
    assert drift.usual(memory.learned, MONDAY) == pytest.approx(100, rel=1e-5)
    assert drift.usual(memory.learned, MONDAY + 5) == pytest.approx(10, rel=1e-5)
    assert told(100, 100, 100, 100, 100, 10, 10, into=memory, at=MONDAY + 14) == [None] * 7


def test_of_too_few_days_nothing_is_usual() -> None:
    memory = Days()
    assert drift.usual(NOTHING, MONDAY) == 0.0
    told(100, into=memory)
    assert drift.usual(memory.learned, MONDAY + 1) == 0.0
    told(100, into=memory, at=MONDAY + 1)
    assert drift.usual(memory.learned, MONDAY + 2) == pytest.approx(100, rel=1e-5)
    assert drift.usual(memory.learned, MONDAY + 5) == 0.0


@pytest.mark.parametrize(("before", "judged"), [(2, False), (3, True)])
def test_it_takes_so_many_days_to_judge_one(before: int, *, judged: bool) -> None:
    """The days of both kinds count, and one of its own kind must be among them."""
    days = told(*(100,) * before, 10, 10, 300, at=MONDAY + 5 - before)
    assert (days[-1] is not None) == judged
    assert told(*(100,) * 5, 300) == [None] * 6, "there was no Saturday yet"


def test_what_siblings_ask_for_as_well_is_taken_off() -> None:
    alone, together = (
        told(200, into=settled(), at=MONDAY + 14),
        told(200, into=settled(), at=MONDAY + 14, shared=log(2)),
    )
    assert alone[0] is not None
    assert together == [None]
    assert told(100, into=settled(), at=MONDAY + 14, shared=-log(2)) == [None], "that they ask for less is no rise"


def test_no_day_counts_for_more_than_sixteen_to_one() -> None:
    days = told(10_000, 10_000, 10_000, into=settled(8), at=MONDAY + 56)
    assert [day and round(1 / day.p_value) for day in days] == [16, 256, 4_096]


def test_a_flood_teaches_nothing() -> None:
    memory = settled()
    told(10_000, into=memory, at=MONDAY + 14)
    assert drift.usual(memory.learned, MONDAY + 15) == pytest.approx(100, rel=1e-5)


def test_calm_days_bring_the_sum_back_to_nothing() -> None:
    memory = settled(8)
    days = told(10_000, 100, 100, 100, 100, into=memory, at=MONDAY + 56) + told(200, into=memory, at=MONDAY + 63)
    assert days[1:5] == [None] * 4
    assert days[5] is not None
    assert (days[5].since, days[5].days) == (MONDAY + 63, 1)


def test_what_rises_for_thirty_days_is_the_new_level() -> None:
    memory = settled(8)
    days = told(*(300,) * 60, into=memory, at=MONDAY + 56)
    assert [place for place, day in enumerate(days) if day is not None] == list(range(30))
    assert (
        drift.usual(memory.learned, MONDAY) == drift.usual(memory.learned, MONDAY + 5) == pytest.approx(300, rel=1e-5)
    )
