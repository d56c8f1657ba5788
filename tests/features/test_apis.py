"""Which resources a key uses: what is new, how many in an hour, and how surprising either is."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features.apis import ApiMemory, Apis, ApiSettings
from detector.features.known import chance_of_new
from detector.features.tails import negative_binomial_tail
from detector.features.timeline import HOUR, Horizon
from tests.features import naive

START = naive.START // HOUR
LATE = Horizon.of(HOUR, 1200.0)


def feature(*, lateness: float = 1200.0, capacity: int = 256, spread_floor: int = 4) -> Apis:
    return Apis(ApiSettings(capacity, spread_floor), Horizon.of(HOUR, lateness))


def told(apis: Apis, *hours: str | list[str], start: int = START) -> ApiMemory:
    """A memory that used these resources in consecutive hours."""
    memory = ApiMemory()
    for place, resources in enumerate(hours):
        for resource in resources:
            apis.observe(memory, resource, start + place)
    return memory


streams = st.integers(0, 3600).flatmap(
    lambda lateness: st.tuples(
        st.just(lateness),
        naive.arrivals(lateness, most=40, longest=3 * HOUR).flatmap(
            lambda times: st.tuples(*[st.tuples(st.just(time), st.sampled_from("abcdef")) for time in times])
        ),
    )
)


@pytest.mark.untraced
@given(streams)
@settings(max_examples=60)
def test_experience_and_distinct_resources_are_those_of_the_plain_telling(
    stream: tuple[int, tuple[tuple[int, str], ...]],
) -> None:
    lateness, requests = stream
    apis, memory = feature(lateness=lateness), ApiMemory()
    used: dict[int, set[str]] = defaultdict(set)
    first: dict[str, int] = {}
    for time, resource in requests:
        hour = time // HOUR
        first[resource] = min(hour, first.get(resource, hour))
        known = apis.observe(memory, resource, hour)
        used[hour].add(resource)
        assert known == (resource in naive.known(first.items(), hour, apis.horizon))
        assert set(apis.used_in(memory, hour)) == used[hour]
        assert len(apis.used_in(memory, hour)) == len(used[hour])
        assert apis.experience(memory, hour) == pytest.approx(naive.experience(used, hour, apis.horizon))
        assert apis.novelty(memory, hour).kinds == len(naive.known(first.items(), hour, apis.horizon))


@pytest.mark.untraced
@given(streams)
@settings(max_examples=60)
def test_the_spread_is_that_of_the_plain_telling(stream: tuple[int, tuple[tuple[int, str], ...]]) -> None:
    lateness, requests = stream
    apis, memory = feature(lateness=lateness, spread_floor=2), ApiMemory()
    used: dict[int, set[str]] = defaultdict(set)
    first: dict[str, int] = {}
    for time, resource in requests:
        hour = time // HOUR
        first[resource] = min(hour, first.get(resource, hour))
        known = apis.observe(memory, resource, hour)
        used[hour].add(resource)
        seen, usual = naive.experience(used, hour, apis.horizon)
        distinct = len(used[hour])
        spread = apis.spread(memory, hour, known=known)
        if abs(distinct - 2 * usual) < 1e-9:
            continue  # either side of twice the usual, by rounding
        if distinct < 2 or not seen or (known and 2 < distinct < 2 * usual):
            assert spread is None
            continue
        kinds = naive.known(first.items(), hour, apis.horizon)
        assert spread is not None
        assert (spread.distinct, spread.unknown, spread.hour) == (distinct, len(used[hour] - kinds), hour)
        dispersion = 0.1 + 1 / (1 + seen)
        strange = negative_binomial_tail(spread.unknown, chance_of_new(len(kinds), seen) * usual, dispersion)
        many = negative_binomial_tail(distinct, usual, dispersion) if distinct >= 2 * usual else 1.0
        assert spread.p_value == pytest.approx(min(1.0, 2 * min(strange, many)))


def test_a_memory_that_knows_nothing_is_not_surprised() -> None:
    apis = feature()
    memory = told(apis, "abcdefgh")
    assert not memory.closed
    assert not memory.exposure
    assert apis.experience(memory, START) == (0.0, 0.0)
    assert apis.spread(memory, START, known=False) is None
    assert apis.novelty(memory, START).p_value == 1.0


def test_novelty_falls_with_experience_and_rises_with_variety() -> None:
    apis = feature()
    focused = told(apis, *["a"] * 50)
    varied = told(apis, *["abcdef"] * 50)
    young = told(apis, *["a"] * 5)
    now = START + 60
    assert apis.novelty(focused, now).p_value < apis.novelty(varied, now).p_value < apis.novelty(young, now).p_value
    assert apis.novelty(focused, now).kinds == 1
    assert apis.novelty(focused, now).seen == pytest.approx(50, rel=0.1)


@pytest.mark.parametrize(("distinct", "judged"), [(3, False), (4, True)])
def test_no_spread_is_judged_below_the_floor(distinct: int, judged: bool) -> None:
    apis = feature()
    memory = told(apis, *["a"] * 50, "bcdefgh"[:distinct])
    assert (apis.spread(memory, START + 50, known=False) is not None) == judged


def test_known_resources_are_judged_from_twice_the_usual_number_on() -> None:
    apis = feature(spread_floor=2)
    memory = told(apis, "abcdefgh", *["ab"] * 60, "abc")
    now = START + 61
    _, usual = apis.experience(memory, now)
    assert usual == pytest.approx(2.1, abs=0.1)
    assert apis.spread(memory, now, known=True) is None
    for resource in "de":
        apis.observe(memory, resource, now)
    spread = apis.spread(memory, now, known=True)
    assert spread is not None
    assert (spread.distinct, spread.unknown) == (5, 0)


def test_unknown_resources_are_more_surprising_than_known_ones() -> None:
    apis = feature()
    history = ["abcdefgh", *["ab"] * 60]
    familiar, strange = told(apis, *history, "cdefgh"), told(apis, *history, "uvwxyz")
    now = START + 61
    known, unknown = apis.spread(familiar, now, known=True), apis.spread(strange, now, known=False)
    assert known is not None
    assert unknown is not None
    assert unknown.p_value < known.p_value / 100
    assert unknown.unknown == 6


def test_an_hour_before_the_last_one_is_gone() -> None:
    apis = feature()
    memory = told(apis, "a", "b", "c")
    assert [apis.used_in(memory, START + hour) for hour in range(4)] == [(), ("b",), ("c",), ()]


def test_of_an_hour_before_these_two_it_is_not_remembered_what_was_used() -> None:
    apis, memory = feature(), ApiMemory()
    apis.observe(memory, "a", START + 5)
    assert not apis.observe(memory, "b", START + 1)
    assert (memory.used, memory.used_before, apis.used_in(memory, START + 1)) == (("a",), (), ())


def test_the_hour_before_is_empty_after_a_pause() -> None:
    apis = feature()
    memory = told(apis, "a")
    apis.observe(memory, "b", START + 5)
    assert apis.used_in(memory, START + 4) == ()
    apis.observe(memory, "c", START + 4)
    assert apis.used_in(memory, START + 4) == ("c",)


def test_a_flood_of_resources_is_bounded_in_the_hour_and_in_memory() -> None:
    apis = feature(capacity=16)
    memory = told(apis, "a", [f"invented {n}" for n in range(1000)])
    for n in range(1000):
        apis.observe(memory, f"late {n}", START + 1)
    assert len(memory.values) == 16
    assert len(memory.used) == 16


def test_memory_stays_small_however_long_the_story() -> None:
    apis = feature()
    memory = told(apis, *["ab"] * 1000)
    assert len(memory.closed) <= 2 * 12
    assert memory.exposure > 0
