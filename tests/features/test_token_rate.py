"""Counts per bucket are exact, judged against final buckets alone, and trip on the rungs of a ladder of counts."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import inf
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features import moments, token_rate
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import HOUR, SIX_HOURS, STEP, horizons
from detector.features.token_rate import (
    NEVER,
    NO_PRIOR,
    Busiest,
    Prior,
    RateMemory,
    RateSettings,
    Spike,
    TokenRate,
    baseline,
    bucket_of,
    count_in,
    insert,
    is_experienced,
    nobody,
    roll,
)
from tests.features.naive import START, Counts, arrivals

EASY = RateSettings(floors=(3, 4, 6), p_value=0.3, ratio=1.2, min_seen=1.0)
"""Thresholds so low that random streams cross them."""

DEFAULT = RateSettings(floors=(20, 40, 90), p_value=1e-7, ratio=3.0, min_seen=12.0)
PRIORS = (NO_PRIOR, Prior(4.0, 100.0, 0.5), Prior(2.0, 3.0, 2.0), Prior(9.0, 1.0, 1.0))
streams = st.integers(0, 3600).flatmap(lambda lateness: st.tuples(st.just(lateness), arrivals(lateness)))


class Told:
    """A memory told of requests the way the engine does it, and the spikes that each of them showed."""

    def __init__(self, rates: RateSettings, lateness: float, prior: Prior = NO_PRIOR) -> None:
        self.memory = RateMemory()
        self.feature = TokenRate(rates, horizons(lateness))
        self.prior = prior
        self.busiest: Busiest = nobody

    def __call__(self, time: int) -> list[Spike]:
        memory, bucket, floors = self.memory, bucket_of(time), self.feature.settings.floors
        found: list[Spike] = []
        if bucket == memory.bucket:
            memory.n += 1
        elif bucket > memory.bucket:
            roll(memory, bucket, self.feature.spans, floors)
        elif insert(memory, bucket, floors):
            found += self.feature.judge_older(memory, bucket, self.prior, self.busiest)
        if memory.n >= memory.trip:
            found += self.feature.judge_open(memory, self.prior, self.busiest)
        return found


def told(rates: RateSettings, times: list[int], lateness: float = 1200.0, prior: Prior = NO_PRIOR) -> list[Spike]:
    tell = Told(rates, lateness, prior)
    return [spike for time in times for spike in tell(time)]


def calm(buckets: int, each: int) -> list[int]:
    """`each` requests in each of so many ten-minute buckets."""
    return [START + bucket * STEP + n for bucket in range(buckets) for n in range(each)]


# ------------------------------------------------------------------------------- against the plain telling


@pytest.mark.untraced
@given(streams, st.sampled_from(PRIORS))
@settings(max_examples=80)
def test_a_bucket_is_a_spike_on_every_rung_that_is_surprising_and_on_no_other(
    stream: tuple[int, list[int]], prior: Prior
) -> None:
    """Each spike once, with the numbers of the plain telling, and of several at once the least likely first."""
    lateness, times = stream
    tell, plain = Told(EASY, lateness, prior), Counts(lateness)
    said: set[tuple[int, int, int]] = set()
    for time in times:
        found = tell(time)
        plain.add(time)
        new: dict[bool, list[Spike]] = {True: [], False: []}
        for index, (ratio, span) in enumerate(zip((1, 6, 36), (STEP, HOUR, SIX_HOURS), strict=True)):
            for spike in plain.judge(index, time // span, EASY, prior):
                if (span, spike.start, spike.count) not in said:
                    said.add((span, spike.start, spike.count))
                    new[tell.memory.bucket // ratio == time // span].append(spike)
        assert found == [spike for both in (False, True) for spike in sorted(new[both], key=lambda s: s.p_value)]


@pytest.mark.untraced
@given(streams)
@settings(max_examples=80)
def test_counts_and_baselines_are_those_of_the_plain_telling(stream: tuple[int, list[int]]) -> None:
    lateness, times = stream
    tell, plain = Told(DEFAULT, lateness), Counts(lateness)
    for time in times:
        tell(time)
        plain.add(time)
        for index, span in enumerate((STEP, HOUR, SIX_HOURS)):
            bucket = time // span
            assert count_in(tell.memory, index, bucket) == plain.counts[index][bucket]
            assert baseline(tell.memory, index, bucket, plain.spans[index]) == plain.baseline(index, bucket)


@given(streams)
@settings(max_examples=50)
def test_when_closed_buckets_are_folded_makes_no_difference(stream: tuple[int, list[int]]) -> None:
    lateness, times = stream
    lazy, eager = Told(EASY, lateness), Told(EASY, lateness)
    for time in times:
        with patch.object(token_rate, "_fold", lambda _memory, _index, _span, closed, _limit: closed):
            found = lazy(time)
        with patch.object(token_rate, "FOLD", 3):
            assert eager(time) == found
        for index, span in enumerate((STEP, HOUR, SIX_HOURS)):
            horizon = lazy.feature.spans[index]
            assert baseline(lazy.memory, index, time // span, horizon) == baseline(
                eager.memory, index, time // span, horizon
            )


@given(streams)
@settings(max_examples=50)
def test_the_order_of_arrival_changes_neither_counts_nor_the_buckets_that_are_spikes(
    stream: tuple[int, list[int]],
) -> None:
    lateness, times = stream
    disordered, sorted_ = Told(EASY, lateness), Told(EASY, lateness)
    for time in times:
        disordered(time)
    for time in sorted(times):
        sorted_(time)
    for time in times:
        for index, span in enumerate((STEP, HOUR, SIX_HOURS)):
            assert disordered.memory.bucket == sorted_.memory.bucket
            if time // span > max(times) // span - disordered.feature.spans[index].keep:
                assert count_in(disordered.memory, index, time // span) == count_in(sorted_.memory, index, time // span)
    newest = max(times) // STEP
    for index, ratio in enumerate((1, 6, 36)):
        horizon = disordered.feature.spans[index]
        assert baseline(disordered.memory, index, newest // ratio, horizon) == baseline(
            sorted_.memory, index, newest // ratio, horizon
        )


crowds = st.lists(st.tuples(st.integers(0, 2), st.integers(START, START + HOUR - 1)), min_size=1, max_size=120)
"""Requests of three agents within an hour."""


class Together:
    """Three agents and what they add up to, told as the engine tells them."""

    def __init__(self) -> None:
        self.agents = [Told(EASY, 3_600.0) for _ in range(3)]
        self.sum = Told(EASY, 3_600.0, Prior(0.5, 100.0, 1.0))
        self.sum.busiest = lambda index, bucket: max(count_in(each.memory, index, bucket) for each in self.agents)
        self.spikes: list[Spike] = []

    def __call__(self, agent: int, time: int) -> None:
        self.agents[agent](time)
        self.spikes += self.sum(time)


@given(crowds, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_what_the_busiest_agent_does_alone_is_no_spike_of_all_in_whatever_order(
    crowd: list[tuple[int, int]], shuffled: Random
) -> None:
    """Every rung of what is left is looked at, and in every order the same ones are."""
    one, other = Together(), Together()
    for told_to, requests in ((one, crowd), (other, shuffled.sample(crowd, len(crowd)))):
        for agent, time in requests:
            told_to(agent, time)
    rungs = {(spike.span, spike.start, spike.count) for spike in one.spikes}
    assert rungs == {(spike.span, spike.start, spike.count) for spike in other.spikes}
    counts = Counter((agent, time // STEP * STEP) for agent, time in crowd)
    for start in {time // STEP * STEP for _, time in crowd}:
        each = [counts[agent, start] for agent in range(3)]
        reached = [count for span, begin, count in rungs if (span, begin) == (STEP, start)]
        assert max(reached, default=0) <= sum(each) - max(each)
        assert bool(reached) == (sum(each) - max(each) >= EASY.floors[0]), "three surprise who made none"


# -------------------------------------------------------------------------------------------- boundaries


def limit_after(times: list[int], rates: RateSettings = DEFAULT) -> int:
    """The count at which the ten minutes that start at the next whole hour are a spike."""
    plain = Counts(1200.0)
    for time in times:
        plain.add(time)
    bucket = (times[-1] // HOUR + 2) * HOUR // STEP
    seen, mean, variance = plain.baseline(0, bucket)
    own = max(0.0, (variance - mean) / mean**2)
    dispersion = (4.0 + seen * own) / (8.0 + seen) + 1 / (4 + seen)
    limit = max(rates.floors[0], int(rates.ratio * mean) + 1)
    while negative_binomial_tail(limit, mean, dispersion) >= rates.p_value:
        limit += 1
    return limit


@pytest.mark.parametrize("each", [1, 5, 20])
def test_a_spike_is_found_at_its_limit_or_at_most_a_tenth_above_it(each: int) -> None:
    history = calm(60, each)
    limit = limit_after(history)
    start = (history[-1] // HOUR + 2) * HOUR
    burst = [start + n % STEP for n in range(limit + limit // 10 + 1)]
    assert told(DEFAULT, history + burst[: limit - 1]) == []
    (spike, *_) = told(DEFAULT, history + burst)
    assert (spike.span, spike.start) == (STEP, start)
    assert limit <= spike.count <= limit * 1.1 + 1
    assert spike.p_value < DEFAULT.p_value
    assert spike.expected == pytest.approx(each)


@pytest.mark.parametrize("count", [19, 20])
def test_nobody_is_woken_below_the_floor(count: int) -> None:
    rates = RateSettings(floors=(20, 400, 900), p_value=0.1, ratio=1.0, min_seen=2.0)
    history = calm(40, 1)
    start = (history[-1] // HOUR + 2) * HOUR
    assert len(told(rates, history + [start + n for n in range(count)])) == (count >= 20)


def test_a_spike_is_at_least_the_ratio_however_regular_the_key() -> None:
    rates = RateSettings(floors=(1, 10**6, 10**6), p_value=0.5, ratio=5.0, min_seen=2.0)
    history = calm(200, 10)
    start = (history[-1] // HOUR + 2) * HOUR
    (spike,) = told(rates, history + [start + n for n in range(60)])[-1:]
    assert spike.count == 50
    assert spike.count >= 5 * spike.expected


def test_a_spike_that_grows_is_one_again_a_quarter_higher_each_time() -> None:
    history = calm(60, 2)
    start = (history[-1] // HOUR + 2) * HOUR
    spikes = told(DEFAULT, history + [start + n % STEP for n in range(500)])
    counts = [spike.count for spike in spikes if spike.span == STEP]
    assert counts[0] < 30
    assert counts[-1] > 400, "a flood is not what its first requests were"
    assert all(later == earlier + earlier // 4 + 1 for earlier, later in pairwise(counts))
    assert sorted((spike.p_value for spike in spikes if spike.span == STEP), reverse=True) == [
        spike.p_value for spike in spikes if spike.span == STEP
    ]


def test_a_newborn_without_a_blueprint_is_not_judged() -> None:
    assert told(DEFAULT, [START + n % STEP for n in range(10_000)]) == []


def test_a_newborn_is_judged_by_what_its_blueprint_lends() -> None:
    prior = Prior(mean=12.0, seen=200.0, shape=1.0)
    (first, *_) = told(DEFAULT, [START + n % STEP for n in range(200)], prior=prior)
    assert first.expected == pytest.approx(2.0)
    assert first.seen == 0.0


def test_a_blueprint_that_is_young_itself_lends_nothing() -> None:
    prior = Prior(mean=12.0, seen=11.9, shape=1.0)
    assert told(DEFAULT, [START + n % STEP for n in range(200)], prior=prior) == []


def test_six_hours_take_nothing_from_the_blueprint() -> None:
    rates = RateSettings(floors=(10**6, 10**6, 10), p_value=0.1, ratio=1.0, min_seen=2.0)
    prior = Prior(mean=1.0, seen=200.0, shape=0.25)
    assert told(rates, [START + n for n in range(1000)], prior=prior) == []


def test_the_shape_of_the_week_moves_the_expectation() -> None:
    history = calm(60, 4)
    start = (history[-1] // HOUR + 2) * HOUR
    burst = [start + n % STEP for n in range(150)]
    quiet, busy = (told(DEFAULT, history + burst, prior=Prior(0.0, 0.0, shape))[0] for shape in (0.5, 2.0))
    assert quiet.expected == pytest.approx(2.0)
    assert busy.expected == pytest.approx(8.0)
    assert quiet.count < busy.count


def test_of_several_spans_the_least_likely_comes_first() -> None:
    """The hour of a burst trips with its first ten minutes."""
    rates = RateSettings(floors=(30, 30, 10**6), p_value=1e-3, ratio=1.0, min_seen=2.0)
    history = calm(60, 1)
    start = (history[-1] // HOUR + 2) * HOUR
    spikes = told(rates, history + [start + n for n in range(30)])
    assert [spike.span for spike in spikes] == [STEP, HOUR]


def test_a_spike_does_not_teach_while_it_can_still_grow_and_then_at_most_thrice_the_usual() -> None:
    tell = Told(DEFAULT, 1200.0)
    for time in calm(60, 2) + [START + 60 * STEP + n % STEP for n in range(500)] + [START + 63 * STEP]:
        tell(time)
    means = [baseline(tell.memory, 0, START // STEP + bucket, tell.feature.spans[0])[1] for bucket in (60, 62, 63)]
    assert means == [2.0, 2.0, pytest.approx(2.0 + 4.0 / 61, rel=1e-2)]


def test_a_late_request_may_tip_an_older_bucket_and_the_open_hour() -> None:
    """One request for the closed ten minutes tips them; the hour around them is open still and tips as well."""
    rates = RateSettings(floors=(30, 31, 10**6), p_value=1e-3, ratio=1.0, min_seen=2.0)
    history = calm(60, 1)
    start = (history[-1] // HOUR + 2) * HOUR
    tell = Told(rates, 1200.0)
    for time in [*history, *[start + n for n in range(29)], start + STEP]:
        assert tell(time) == []
    older, open_ = tell(start + 5)
    assert (older.span, older.count) == (STEP, 30)
    assert (open_.span, open_.count) == (HOUR, 31)


def test_a_late_request_may_tip_a_closed_hour() -> None:
    rates = RateSettings(floors=(10**6, 30, 10**6), p_value=1e-3, ratio=1.0, min_seen=2.0)
    history = calm(60, 1)
    start = (history[-1] // HOUR + 2) * HOUR
    tell = Told(rates, 1200.0)
    for time in [*history, *[start + HOUR - 30 + n for n in range(29)], start + HOUR]:
        assert tell(time) == []
    (spike,) = tell(start + HOUR - 1)
    assert (spike.span, spike.start, spike.count) == (HOUR, start, 30)


def test_a_floor_of_one_looks_at_a_single_late_request() -> None:
    rates = RateSettings(floors=(1, 1, 1), p_value=0.9, ratio=1.0, min_seen=1.0)
    memory = RateMemory()
    roll(memory, 100, horizons(1200.0), rates.floors)
    assert insert(memory, 99, rates.floors)


# ---------------------------------------------------------------------------------------------- memory


def test_an_empty_memory_holds_and_knows_nothing() -> None:
    memory = RateMemory()
    assert [count_in(memory, index, 0) for index in range(3)] == [0, 0, 0]
    assert baseline(memory, 0, 5, horizons(0.0)[0]) == (0.0, 0.0, 0.0)
    assert (memory.granted, memory.armed) == (-inf, inf)


def test_memories_share_nothing_they_write_to() -> None:
    one, other = RateMemory(), RateMemory()
    spans = horizons(1200.0)
    for bucket in range(0, 60 * 36, 36):
        roll(one, START // STEP + bucket, spans, DEFAULT.floors)
    assert moments.of_span(one.base, 0)[0] > 0.0
    assert other == RateMemory()
    assert not any(moments.NOTHING)


def test_a_key_is_experienced_once_hours_of_it_were_folded() -> None:
    tell = Told(DEFAULT, 1200.0)
    seen = [bool(tell(START + hour * HOUR)) or is_experienced(tell.memory) for hour in range(12)]
    assert seen == [False] * 4 + [True] * 8


def test_memory_stays_small_however_long_the_story() -> None:
    tell = Told(DEFAULT, 3600.0)
    longest = 0
    for hour in range(2_000):
        tell(START + hour * HOUR)
        longest = max(longest, len(tell.memory.steps), len(tell.memory.hours), len(tell.memory.sixes))
    assert longest <= 3 * (6 + 13)


def test_the_hours_that_witnesses_ask_for_are_kept_however_little_may_be_late() -> None:
    tell, hour = Told(DEFAULT, 0.0), START // HOUR
    for number in range(20):
        tell(START + number * HOUR)
    assert [count_in(tell.memory, 1, hour + 19 - age) for age in range(5)] == [1, 1, 1, 1, 0]


def test_a_key_that_cannot_be_judged_is_not_looked_at_again_in_the_bucket() -> None:
    tell = Told(DEFAULT, 1200.0)
    for n in range(100):
        tell(START + n)
    assert tell.memory.step_check == NEVER


@pytest.mark.parametrize(
    ("count", "expected", "dispersion", "told"),
    [
        (19, 1.0, 0.1, True),
        (19, 1.0, 2.0, False),
        (19, 7.0, 0.01, False),
        (22, 7.0, 0.001, False),
        (19, 0.0, 0.0, False),
    ],
)
def test_a_count_of_ten_minutes_must_be_as_surprising_as_a_bucket(
    count: int, expected: float, dispersion: float, *, told: bool
) -> None:
    spike = TokenRate(DEFAULT, horizons(1200.0)).judge_count(7, count, expected, dispersion, 50.0)
    assert (spike is not None) == told
    if spike is not None:
        assert (spike.start, spike.span, spike.count, spike.seen) == (7 * STEP, STEP, count, 50.0)
        assert spike.p_value == negative_binomial_tail(count, expected, dispersion)
