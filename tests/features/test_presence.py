"""Where an identity gets its tokens from while it may be in two places at once."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.domain.events import Origin
from detector.features import presence
from detector.features.known import meet
from detector.features.presence import News, Presence, see, turns, watch, window
from detector.features.timeline import HOUR, STEP, Horizon
from tests.stories import HOME, NOWHERE, START, network

HOURLY = Horizon.of(HOUR, 1_200.0)
FIRST = int(START) // HOUR
AWAY, THIRD = network(1), network(2)
BEGIN = window(FIRST, 1200.0)[0] * STEP
"""The watch for news of the first hour."""


def news(origin: Origin = AWAY, hour: int = FIRST) -> News:
    return News(hour, origin.asn or 0, origin.country or "", 1e-3, 100.0, 1, siblings_know=False)


def watched(*told: News) -> Presence:
    memory = Presence()
    for each in told or (news(),):
        assert watch(memory, each, 1200.0)
    return memory


@pytest.mark.parametrize(
    ("lateness", "minutes"), [(0.0, 60), (1200.0, 80), (900.0, 80), (3600.0, 120), (1.0, 70), (1201.0, 90)]
)
def test_the_watch_begins_when_nothing_of_the_hour_can_arrive_any_more(lateness: float, minutes: int) -> None:
    start, end = window(FIRST, lateness)
    assert start * STEP == START + minutes * 60
    assert end - start == 6


@pytest.mark.parametrize(
    ("origin", "level"),
    [
        (HOME, None),
        (NOWHERE, None),
        (AWAY, "country"),
        (network(1, country=HOME.country), "asn"),
        (network(1, asn=HOME.asn), "country"),
        (network(1, asn=HOME.asn, country=HOME.country), None),
    ],
)
def test_a_place_is_new_by_country_or_else_by_system(origin: Origin, level: str | None) -> None:
    memory: dict[str, int] = {}
    for value in (f"a{HOME.asn}", f"c{HOME.country}"):
        meet(memory, value, FIRST, HOURLY, 9)
    assert presence.new_level(memory, origin, FIRST + 2, HOURLY) == level
    assert presence.new_level(memory, HOME, FIRST + 1, HOURLY) == "country", "not known in the hour after it"


def test_the_same_news_are_news_once_and_there_is_an_end_to_them() -> None:
    memory = watched(news(hour=FIRST + 1), news(hour=FIRST))
    assert not watch(memory, news(), 1200.0)
    assert (memory.since, memory.until) == (BEGIN, BEGIN + 2 * HOUR)
    assert [each.hour for each in memory.news] == [FIRST, FIRST + 1]
    added = [watch(memory, news(hour=FIRST + 2 + n), 1200.0) for n in range(2 * presence.MOST_NEWS)]
    assert len(memory.news) == presence.MOST_NEWS
    assert not added[-1]


@pytest.mark.parametrize(
    ("at", "origin", "kept"),
    [
        (BEGIN, HOME, True),
        (BEGIN - 1.0, HOME, False),
        (BEGIN + HOUR - 1.0, HOME, True),
        (BEGIN + HOUR, HOME, False),
        (BEGIN, NOWHERE, False),
    ],
)
def test_what_lies_outside_the_watch_or_says_no_place_is_left(at: float, origin: Origin, kept: bool) -> None:
    assert see(watched(), at, origin, 1200.0) is kept


def test_of_each_place_the_first_and_the_last_of_ten_minutes_are_kept() -> None:
    memory = watched()
    assert [see(memory, BEGIN + second, HOME, 1200.0) for second in (50, 30, 40, 50, 70)] == [
        True,
        True,
        False,
        False,
        True,
    ]
    (sight,) = memory.sights
    assert (sight.first, sight.last, sight.address) == (BEGIN + 30, BEGIN + 70, HOME.ip)


def test_a_flood_of_places_is_bounded() -> None:
    memory = watched()
    kept = [see(memory, BEGIN, network(3 + n, asn=70_000 + n), 1200.0) for n in range(2 * presence.MOST_SIGHTS)]
    assert sum(kept) == len(memory.sights) == presence.MOST_SIGHTS


def took_turns(times: list[tuple[float, Origin]], about: tuple[News, ...] = (news(),)) -> bool:
    memory = watched(*about)
    for at, origin in times:
        see(memory, BEGIN + at, origin, 1200.0)
    return bool(turns(memory, 1200.0))


def test_turns_are_found_for_the_new_place_only() -> None:
    assert took_turns([(1.0, HOME), (2.0, AWAY), (3.0, HOME)])
    assert took_turns([(1.0, AWAY), (2.0, HOME), (3.0, AWAY)])
    assert not took_turns([(1.0, HOME), (2.0, AWAY), (3.0, THIRD)])
    assert not took_turns([(1.0, HOME), (2.0, THIRD), (3.0, HOME), (4.0, THIRD)])
    assert not took_turns([(1.0, HOME), (1.0, AWAY), (1.0, HOME)])
    assert not took_turns([(1.0, HOME), (3.0, HOME)])


def test_turns_of_a_later_watch_are_not_those_of_an_earlier_one() -> None:
    other = news(THIRD, FIRST + 1)
    late = [(HOUR + 1.0, HOME), (HOUR + 2.0, AWAY), (HOUR + 3.0, HOME)]
    assert not took_turns(late, (news(), other))
    assert took_turns([(at, THIRD if place is AWAY else place) for at, place in late], (news(), other))


def naive(times: list[tuple[float, Origin]]) -> bool:
    """Three tokens of the hour, in order of time, the outer two of one place: by all records, one at a time."""
    told = sorted((at, origin is AWAY) for at, origin in times if 0 <= at < HOUR)
    return any(
        first[1] == third[1] != second[1] and first[0] < second[0] < third[0]
        for first, second, third in combinations(told, 3)
    )


SIGHTS = st.lists(
    st.tuples(st.integers(-5, 3_605).map(float) | st.integers(0, 30).map(float), st.sampled_from((HOME, AWAY))),
    max_size=9,
)


@pytest.mark.untraced
@given(SIGHTS, st.randoms(use_true_random=False))
def test_the_first_and_the_last_are_enough_in_any_order(times: list[tuple[float, Origin]], dice: object) -> None:
    shuffled = list(times)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert took_turns(times) == took_turns(shuffled) == naive(times)


@pytest.mark.untraced
@given(SIGHTS)
def test_what_was_found_once_is_found_for_good(times: list[tuple[float, Origin]]) -> None:
    found = [took_turns(times[:number]) for number in range(len(times) + 1)]
    assert found == sorted(found)
