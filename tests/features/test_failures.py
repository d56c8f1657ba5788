"""Refused requests: bursts, ratios, runs of guesses; each a question about the set of records, not their order."""

from __future__ import annotations

import random
from collections import Counter
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features.failures import FailureMemory, Failures, FailureSettings
from detector.features.tails import beta_binomial_tail, negative_binomial_tail
from detector.features.timeline import HOUR, SIX_HOURS, STEP, Horizon, horizons, weight
from detector.features.token_rate import RateMemory, roll
from tests.features import naive

START = naive.START
FLOORS = (10**9, 10**9, 10**9)
GUESS, EXPIRED, OUTAGE = "credential_invalid", "credential_expired", "service_error"


def feature(lateness: float = 1200.0, **changes: int) -> Failures:
    chosen = FailureSettings(
        classes={7000215: GUESS, 7000222: EXPIRED, 90033: OUTAGE},
        transient=frozenset({OUTAGE}),
        guesses=frozenset({GUESS}),
        **changes,
    )
    return Failures(chosen, Horizon.of(HOUR, lateness), Horizon.of(SIX_HOURS, lateness))


def requests(*times: int, lateness: float = 1200.0) -> RateMemory:
    """A memory of requests, in order."""
    memory, spans = RateMemory(), horizons(lateness)
    for time in times:
        if time // STEP == memory.bucket:
            memory.n += 1
        else:
            roll(memory, time // STEP, spans, FLOORS)
    return memory


def hourly(hours: int, *, first: int = START, each: int = 1) -> list[int]:
    return [first + hour * HOUR + n for hour in range(hours) for n in range(each)]


def failed(failures: Failures, times: list[int], kind: str = GUESS) -> FailureMemory:
    memory = FailureMemory()
    for time in times:
        failures.observe(memory, kind, time)
    return memory


def test_codes_belong_to_classes_and_unlisted_ones_to_none() -> None:
    failures = feature()
    assert failures.class_of(7000215) == GUESS
    assert failures.class_of(12345) == "other_failure"


# ---------------------------------------------------------------------------------------------- counting


@pytest.mark.untraced
@given(
    st.integers(0, 3600).flatmap(
        lambda lateness: st.tuples(
            st.just(lateness),
            naive.arrivals(lateness, most=60, longest=9 * HOUR).flatmap(
                lambda times: st.tuples(
                    *[st.tuples(st.just(t), st.sampled_from([GUESS, EXPIRED, OUTAGE])) for t in times]
                )
            ),
        )
    )
)
@settings(max_examples=150)
def test_counts_are_those_of_the_plain_telling(stream: tuple[int, tuple[tuple[int, str], ...]]) -> None:
    lateness, refused = stream
    failures, memory = feature(lateness), FailureMemory()
    hours: Counter[int] = Counter()
    classes: Counter[tuple[int, str]] = Counter()
    for time, kind in refused:
        hour, window = time // HOUR, time // SIX_HOURS
        classes[window, kind] += 1
        hours[hour] += kind != OUTAGE
        expected = (0 if kind == OUTAGE else hours[hour], classes[window, kind])
        assert failures.observe(memory, kind, float(time)) == expected
        limit = hour - failures.hour.lag
        plain = sum(weight(h * HOUR) * n for h, n in hours.items() if h <= limit)
        assert failures._learned(memory, limit) == pytest.approx(plain)


def test_memory_stays_small_however_long_the_story() -> None:
    memory = failed(feature(3600.0), hourly(2_000))
    assert len(memory.hours) <= 2 * 6 * 5
    assert len(memory.classes) == 1


# ------------------------------------------------------------------------------------------------ bursts


@pytest.mark.parametrize(("count", "judged"), [(9, False), (10, True)])
def test_no_burst_is_judged_below_the_floor(count: int, judged: bool) -> None:
    failures = feature()
    burst = failures.burst(FailureMemory(), RateMemory(), START // HOUR, count)
    assert (burst is not None) == judged


def test_a_burst_is_judged_against_the_prior_and_the_hours_so_far() -> None:
    failures, hours = feature(), 100
    now = START // HOUR + hours
    memory = failed(failures, hourly(20, each=2))
    rates = requests(*hourly(hours, each=3), now * HOUR)
    burst = failures.burst(memory, rates, now, 15)
    assert burst is not None
    learned = sum(2 * weight(START + h * HOUR) for h in range(20)) / weight(now * HOUR)
    seen = sum(weight(START + h * HOUR) for h in range(hours - 1)) / weight(now * HOUR)
    assert burst.seen == pytest.approx(seen)
    assert burst.expected == pytest.approx((0.05 * 12 + learned) / (12 + seen))
    assert burst.p_value == pytest.approx(negative_binomial_tail(15, burst.expected, 1 + 1 / (12 + seen)))


def test_a_burst_is_more_surprising_for_the_experienced() -> None:
    failures = feature()
    now = START // HOUR + 100
    young = failures.burst(FailureMemory(), requests(now * HOUR), now, 12)
    old = failures.burst(FailureMemory(), requests(*hourly(100), now * HOUR), now, 12)
    assert young is not None
    assert old is not None
    assert old.p_value < young.p_value


def test_an_outage_counts_in_no_burst() -> None:
    failures, memory = feature(), FailureMemory()
    counts = [failures.observe(memory, OUTAGE, START + n)[0] for n in range(1000)]
    assert set(counts) == {0}
    assert memory.hours == []


# ------------------------------------------------------------------------------------------------ ratios


def window_of(
    failures: Failures, refused: int, granted: int, *, past: int = 0, past_failed: int = 0, kind: str = GUESS
) -> tuple[FailureMemory, RateMemory, int]:
    """A window with so many refused and granted requests, days after hours of history."""
    start = START + 10 * SIX_HOURS
    history = hourly(past)
    memory = failed(failures, history[:past_failed])
    for n in range(refused):
        failures.observe(memory, kind, start + n)
    return memory, requests(*history, *(start + n for n in range(refused + granted))), start // SIX_HOURS


@pytest.mark.parametrize(("refused", "judged"), [(3, False), (4, True)])
def test_no_ratio_is_judged_below_the_floor(refused: int, judged: bool) -> None:
    failures = feature()
    assert (failures.ratio(*window_of(failures, refused, 10)) is not None) == judged


def test_a_ratio_is_a_beta_binomial_tail_over_prior_and_history() -> None:
    failures = feature()
    memory, rates, window = window_of(failures, 6, 4, past=30, past_failed=3)
    ratio = failures.ratio(memory, rates, window)
    assert ratio is not None
    now = weight(window * SIX_HOURS)
    past = sum(6 * weight(START + n * SIX_HOURS) for n in range(5)) / now
    bad = sum(weight(START + n * HOUR) for n in range(3)) / now
    alpha, beta = 0.5 + bad, 24.5 + past - bad
    assert (ratio.failures, ratio.attempts) == (6, 10)
    assert ratio.seen == pytest.approx(past)
    assert ratio.usual == pytest.approx(alpha / (alpha + beta))
    assert ratio.p_value == pytest.approx(beta_binomial_tail(6, 10, alpha, beta))


def test_a_long_history_is_worth_no_more_than_four_hundred_attempts() -> None:
    failures = feature()
    memory, rates, window = window_of(failures, 6, 4, past=60)
    few = failures.ratio(memory, rates, window)
    busy = requests(*hourly(60, each=200), *(START + 10 * SIX_HOURS + n for n in range(10)))
    many = failures.ratio(memory, busy, window)
    assert few is not None
    assert many is not None
    assert many.seen == 400.0
    assert many.usual == pytest.approx(0.5 / 425)


def test_classes_are_named_by_how_often_they_occurred_and_outages_not_at_all() -> None:
    failures = feature()
    memory, rates, window = window_of(failures, 3, 10)
    for kind in (EXPIRED, EXPIRED, EXPIRED, EXPIRED, OUTAGE, "other_failure"):
        failures.observe(memory, kind, float(window * SIX_HOURS))
    ratio = failures.ratio(memory, rates, window)
    assert ratio is not None
    assert ratio.classes == (EXPIRED, GUESS, "other_failure")
    assert ratio.failures == 8


def test_an_outage_counts_in_no_ratio() -> None:
    failures = feature()
    assert failures.ratio(*window_of(failures, 500, 0, kind=OUTAGE)) is None


def test_only_the_newest_two_windows_can_be_judged() -> None:
    failures = feature()
    memory, rates, window = window_of(failures, 6, 4)
    assert failures.ratio(memory, rates, window - 2) is None
    assert failures.ratio(memory, rates, window - 1) is None
    assert failures.ratio(memory, rates, window + 1) is None
    failures.observe(memory, GUESS, float((window + 1) * SIX_HOURS))
    earlier = failures.ratio(memory, rates, window)
    assert earlier is not None
    assert earlier.failures == 6
    failures.observe(memory, GUESS, float((window + 3) * SIX_HOURS))
    assert failures.ratio(memory, rates, window + 2) is None


def test_a_late_failure_belongs_to_the_window_of_its_own_time() -> None:
    failures = feature()
    memory, rates, window = window_of(failures, 3, 10)
    failures.observe(memory, GUESS, float((window + 1) * SIX_HOURS))
    failures.observe(memory, GUESS, float((window + 1) * SIX_HOURS - 1))
    ratio = failures.ratio(memory, rates, window)
    assert ratio is not None
    assert ratio.failures == 4


# ------------------------------------------------------------------------------------------------- runs


def guessed(failures: Failures, times: list[float]) -> tuple[FailureMemory, float]:
    memory, armed = FailureMemory(), inf
    for time in times:
        armed = min(armed, failures.guess(memory, time))
    return memory, armed


@pytest.mark.parametrize(("guesses", "armed"), [(7, inf), (8, START + 7.0), (30, START + 7.0)])
def test_a_run_is_complete_with_its_last_guess(guesses: int, armed: float) -> None:
    assert guessed(feature(), [START + float(n) for n in range(guesses)])[1] == armed


@given(st.lists(st.integers(0, 2 * HOUR - 1), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_a_run_does_not_depend_on_the_order_of_its_guesses(offsets: list[int], chance: random.Random) -> None:
    """Within the lateness, so that the two newest hours are all there are."""
    failures, times = feature(3600.0, run=3), [float(START + offset) for offset in offsets]
    shuffled = times[:]
    chance.shuffle(shuffled)
    if max(times) // HOUR > min(times) // HOUR:  # the older hour may come late, but not before the first
        shuffled = [max(times), *shuffled]
        times = [*times, max(times)]
    in_order, _ = guessed(failures, sorted(times))
    disordered, _ = guessed(failures, shuffled)
    for memory in (in_order, disordered):
        for offset in range(0, 4 * HOUR, 300):
            success = float(START + offset)
            assert failures.runs_before(memory, success) == failures.runs_before(in_order, success)
    expected = sorted(t for t in times if t // HOUR == in_order.run_hour)[:3]
    assert in_order.run == disordered.run == expected


@pytest.mark.parametrize(
    ("after", "found"), [(7.0, False), (7.5, True), (HOUR - 1.0, True), (2 * HOUR - 1.0, True), (2 * HOUR, False)]
)
def test_a_success_follows_a_run_in_the_same_hour_or_the_next(after: float, found: bool) -> None:
    failures = feature()
    memory, _ = guessed(failures, [START + float(n) for n in range(8)])
    expected = [(START // HOUR, START + 7.0)] if found else []
    assert failures.runs_before(memory, START + after) == expected


def test_a_success_before_the_run_is_complete_is_nothing() -> None:
    failures = feature()
    memory, _ = guessed(failures, [START + 100.0 + n for n in range(8)])
    assert failures.runs_before(memory, START + 50.0) == []
    assert failures.armed_after(memory, START + 50.0) == START + 107.0


def test_the_runs_of_two_hours_before_are_remembered_and_an_older_one_is_not() -> None:
    """A success in the hour after a run may be an hour late."""
    failures = feature()
    memory, _ = guessed(failures, [START + float(n) for n in range(8)])
    run = (START // HOUR, START + 7.0)
    for hour, remembered in ((1, True), (2, True), (3, False)):
        failures.guess(memory, START + hour * HOUR + 1.0)
        assert failures.runs_before(memory, START + HOUR + 2.0) == [run] * remembered
    again, _ = guessed(failures, [START + float(n) for n in range(8)])
    failures.guess(again, START + 2 * HOUR)
    assert failures.runs_before(again, START + HOUR + 2.0) == [run]
    failures.guess(again, START + 9 * HOUR)
    assert failures.runs_before(again, START + HOUR + 2.0) == []


def test_a_success_may_follow_two_runs() -> None:
    failures = feature()
    memory, _ = guessed(failures, [START + hour * HOUR + float(n) for hour in range(2) for n in range(8)])
    assert [start - START // HOUR for start, _ in failures.runs_before(memory, START + HOUR + 60.0)] == [0, 1]


@pytest.mark.parametrize(("hours", "armed"), [(0, inf), (1, inf), (2, START + 7.0), (3, START + 7.0), (4, inf)])
def test_a_run_that_no_success_follows_stays_armed_while_one_may_still_arrive(hours: int, armed: float) -> None:
    failures = feature()
    memory, _ = guessed(failures, [START + float(n) for n in range(8)])
    assert failures.armed_after(memory, START + hours * HOUR + 10.0) == armed


def test_nothing_is_armed_without_a_run() -> None:
    failures = feature()
    memory, _ = guessed(failures, [START + 1.0])
    assert failures.armed_after(memory, START + 2.0) == inf


def test_horizons_are_those_given() -> None:
    failures = feature(0.0)
    assert (failures.hour, failures.window) == (Horizon(HOUR, 1, 1), Horizon(SIX_HOURS, 1, 1))


def test_a_run_that_was_told_does_not_arm_again() -> None:
    """A busy agent would otherwise be asked about it with every token for hours."""
    failures = feature()
    memory, _ = guessed(failures, [START + float(n) for n in range(8)])
    assert failures.runs_before(memory, START + 10.0) == [(START // HOUR, START + 7.0)]
    memory.told.append(START // HOUR)
    assert failures.runs_before(memory, START + 11.0) == []
    assert failures.armed_after(memory, START + 2.0 * HOUR) == inf
    assert failures.guess(memory, START + 12.0) == inf
    failures.guess(memory, START + 2.0 * HOUR)
    assert memory.told == [START // HOUR]
    failures.guess(memory, START + 3.0 * HOUR)
    assert memory.told == []
