"""What the agents of a blueprint lend each other: the level of an active hour and the shape of the week."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features.fleet import CELLS, FleetHours, activate, cell_of, learn, presence, priors, usual_agents
from detector.features.timeline import HOUR, STEP, STEPS_PER_HOUR, Horizon, horizons, weight
from detector.features.token_rate import Prior, RateMemory, insert, roll
from tests.features import naive

START = naive.START // HOUR
FLOORS = (10**9, 10**9, 10**9)


class Fleet:
    """A fleet's memory told of requests the way the engine does it."""

    def __init__(self, lateness: float) -> None:
        self.horizon = Horizon.of(HOUR, lateness)
        self.spans = horizons(lateness)
        self.hours = FleetHours()
        self.rates = RateMemory()
        self.seen: set[tuple[int, str]] = set()

    def __call__(self, time: int, agent: str = "a") -> None:
        bucket, hour = time // STEP, time // HOUR
        if (hour, agent) not in self.seen:
            self.seen.add((hour, agent))
            activate(self.hours, hour)
        rates = self.rates
        if bucket == rates.bucket:
            rates.n += 1
        elif bucket > rates.bucket:
            if rates.bucket // STEPS_PER_HOUR != hour:
                learn(self.hours, rates, hour, self.horizon)
            roll(rates, bucket, self.spans, FLOORS)
        else:
            insert(rates, bucket, FLOORS)

    def priors(self, hour: int) -> tuple[Prior, Prior]:
        return priors(self.hours, self.rates, hour, self.horizon)


def plain_priors(requests: list[tuple[int, str]], hour: int, horizon: Horizon) -> tuple[Prior, Prior]:
    """Every record kept, everything summed anew."""
    counts: dict[int, int] = defaultdict(int)
    agents: dict[int, set[str]] = defaultdict(set)
    for time, agent in requests:
        if time // HOUR <= hour - horizon.lag:
            counts[time // HOUR] += 1
            agents[time // HOUR].add(agent)

    def sums(hours: list[int]) -> tuple[float, float, float]:
        weights = [weight(h * HOUR) / weight(hour * HOUR) for h in hours]
        return (
            sum(w * counts[h] for w, h in zip(weights, hours, strict=True)),
            sum(w * len(agents[h]) for w, h in zip(weights, hours, strict=True)),
            sum(weights),
        )

    if not counts:
        return Prior(0.0, 0.0, 1.0), Prior(0.0, 0.0, 1.0)
    n, agent_hours, hours = sums(list(counts))
    cell_n, cell_agent_hours, cell_hours = sums([h for h in counts if cell_of(h) == cell_of(hour)])

    def shape(requests: float, exposure: float, usual: float) -> float:
        return min(4.0, max(0.25, (requests + 6 * usual) / (exposure + 6) / usual))

    return (
        Prior(n / agent_hours, agent_hours, shape(cell_n, cell_agent_hours, n / agent_hours)),
        Prior(0.0, 0.0, shape(cell_n, cell_hours, n / hours)),
    )


def numbers(pair: tuple[Prior, Prior]) -> list[float]:
    return [number for prior in pair for number in (prior.mean, prior.seen, prior.shape)]


@pytest.mark.untraced
@given(
    st.integers(0, 3600).flatmap(
        lambda lateness: st.tuples(
            st.just(lateness),
            naive.arrivals(lateness, most=40, longest=30 * HOUR).flatmap(
                lambda times: st.tuples(*[st.tuples(st.just(time), st.sampled_from("abc")) for time in times])
            ),
        )
    )
)
@settings(max_examples=60)
def test_what_is_lent_is_what_the_plain_telling_gives(stream: tuple[int, tuple[tuple[int, str], ...]]) -> None:
    lateness, requests = stream
    fleet = Fleet(lateness)
    for place, (time, agent) in enumerate(requests):
        fleet(time, agent)
        expected = plain_priors(list(requests[: place + 1]), time // HOUR, fleet.horizon)
        assert numbers(fleet.priors(time // HOUR)) == pytest.approx(numbers(expected))


@given(st.integers(0, 10 * 24 * 365))
def test_a_cell_is_the_hour_of_the_day_on_working_days_or_weekends(hours: int) -> None:
    moment = datetime.fromtimestamp((START + hours) * HOUR, UTC)
    assert cell_of(START + hours) == moment.hour + (24 if moment.isoweekday() > 5 else 0)
    assert cell_of(START + hours) < CELLS


def test_a_fleet_without_history_lends_nothing() -> None:
    fleet = Fleet(1200.0)
    fleet(naive.START)
    assert fleet.priors(START) == (Prior(0.0, 0.0, 1.0), Prior(0.0, 0.0, 1.0))


def test_a_young_agent_is_lent_the_level_of_its_siblings() -> None:
    fleet = Fleet(1200.0)
    for hour in range(48):
        for agent in "abcd":
            for n in range(6):
                fleet(naive.START + hour * HOUR + n, agent)
    to_agent, to_sum = fleet.priors(START + 48)
    assert to_agent.mean == pytest.approx(6.0)
    assert to_agent.seen == pytest.approx(4 * 47, rel=0.1)
    assert (to_sum.mean, to_sum.seen) == (0.0, 0.0)


def test_busy_hours_have_a_shape_above_one_and_quiet_ones_below() -> None:
    fleet = Fleet(1200.0)
    for day in range(21):
        for hour in range(24):
            for n in range(20 if hour == 9 else 2):
                fleet(naive.START + (day * 24 + hour) * HOUR + n)
    later = START + 21 * 24
    assert fleet.priors(later + 9)[0].shape > 2.0
    assert fleet.priors(later + 9)[1].shape > 2.0
    assert fleet.priors(later + 15)[0].shape < 0.9
    assert fleet.priors(later + 5 * 24 + 9)[0].shape > 1.4  # the Saturday has learned less


def test_no_shape_is_steeper_than_four() -> None:
    fleet = Fleet(1200.0)
    for day in range(14):
        for hour in range(24):
            for agent in "abcdefghijkl":
                for n in range(200 if hour == 9 else 1):
                    fleet(naive.START + (day * 24 + hour) * HOUR + n, agent)
    later = START + 14 * 24
    assert fleet.priors(later + 9)[0].shape == 4.0
    assert fleet.priors(later + 15)[0].shape == 0.25


def test_agents_may_become_active_in_any_order_of_hours() -> None:
    hours = FleetHours()
    for hour in (START + 1, START, START + 1, START + 3, START + 2, START):
        activate(hours, hour)
    assert hours.active == [START, 2, START + 1, 2, START + 2, 1, START + 3, 1]


def test_memory_stays_small_however_long_the_story() -> None:
    fleet = Fleet(3600.0)
    for hour in range(2_000):
        fleet(naive.START + hour * HOUR)
    assert len(fleet.hours.active) <= 2 * (fleet.horizon.keep + 1)


def test_how_often_a_blueprint_is_at_work_in_an_hour_of_the_week() -> None:
    """Three weeks of working days from eight to five; of a weekend nothing is ever seen."""
    memory, rates, late = FleetHours(), RateMemory(), Horizon.of(HOUR, 1200.0)
    start = naive.START // HOUR
    start += next(hour for hour in range(168) if cell_of(start + hour) == 0 and cell_of(start + hour - 1) == 47)
    busy = [hour for hour in range(21 * 24) if hour % 168 < 5 * 24 and 8 <= hour % 24 < 17]
    assert presence(memory, start) == (1.0, 0.0)
    for hour in busy:
        learn(memory, rates, start + hour, late)
        activate(memory, start + hour)
    now = start + 21 * 24
    learn(memory, rates, now, late)
    share, seen = presence(memory, now + 12)
    assert share == pytest.approx(168 / 45, rel=0.05)
    assert seen == pytest.approx(sum(2 ** ((hour - 21 * 24 - 12) / 336) for hour in busy))
    assert presence(memory, now + 3)[0] == presence(memory, now + 5 * 24 + 12)[0] == 0


# How many agents are usually active


def test_the_usual_number_of_agents_is_that_of_final_hours() -> None:
    memory, hourly = FleetHours(), Horizon.of(HOUR, 1_200.0)
    assert [activate(memory, START + hour) for hour in (1, 1, 1, 2, 0, 2)] == [1, 2, 3, 1, 1, 2]
    assert usual_agents(memory, START + 1, hourly) == (0.0, 0.0), "nothing was final before"
    mean, seen = usual_agents(memory, START + 3, hourly)
    assert mean == pytest.approx(2.0, rel=0.01)
    assert seen == pytest.approx(2.0, rel=0.02)
    assert usual_agents(memory, START + 40, hourly)[0] == pytest.approx(2.0, rel=0.01)


def test_more_agents_are_usual_at_the_hour_in_which_most_are_at_work() -> None:
    memory, rates, hourly = FleetHours(), RateMemory(), Horizon.of(HOUR, 1_200.0)
    first = START - START % 24
    for hour in range(first, first + 24 * 10):
        learn(memory, rates, hour, hourly)
        for _ in range(12 if hour % 24 == 3 else 2):
            activate(memory, hour)
    busy, calm = (usual_agents(memory, first + 24 * 11 + hour, hourly)[0] for hour in (3, 9))
    assert busy > 2 * calm
