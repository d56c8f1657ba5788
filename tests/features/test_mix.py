"""In how many of its hours at work a key uses which resource."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import mix
from detector.features.mix import CAPACITY, WINDOW, MixMemory, Shift
from detector.features.tails import beta_binomial_tail

APART = 8
"""Hours that have not taught yet."""


def told(*hours: Sequence[str], into: MixMemory | None = None) -> MixMemory:
    """Hours with these resources, the last of which finds what it finds."""
    memory = into or MixMemory()
    for used in hours:
        mix.take_in(memory, list(used), 4, 48.0)
    return memory


def found_in(memory: MixMemory, *used: str) -> list[Shift]:
    """What one more hour finds."""
    return mix.take_in(memory, list(used), 4, 48.0)


def rare(number: int, *, every: int = 50, after: int = 6) -> MixMemory:
    """`number` hours of mail, each `every`th with the vault too, and then some with both."""
    return told(*(("mail", "vault") if hour % every == 0 else ("mail",) for hour in range(number)), *(BOTH,) * after)


BOTH = ("mail", "vault")


@pytest.mark.untraced
@given(st.lists(st.sets(st.sampled_from("abc"), min_size=1), max_size=60))
def test_what_was_learned_is_what_one_would_count(hours: list[set[str]]) -> None:
    memory = told(*map(tuple, hours))
    assert memory.names == tuple(sorted(set().union(*hours))) if hours else memory.names == ()
    for name in memory.names:
        first = next(place for place, used in enumerate(hours) if name in used)
        taught = [name in used for used in hours[first : max(first, len(hours) - APART)]]
        assert mix.newest(memory, name) == sum(name in used for used in hours[-WINDOW:])
        _, since, taken = memory.hours[memory.names.index(name) :: CAPACITY]
        assert (max(0, since - APART), taken) == (len(taught), sum(taught))


def test_a_resource_that_is_seldom_used_and_then_every_hour_is_a_shift() -> None:
    [found] = found_in(rare(101, after=5), *BOTH)
    assert (found.resource, found.count, found.seen) == ("vault", 6, 99)
    assert found.usual == pytest.approx(6 * 2 / 99)
    worth = 24 / 99
    assert found.p_value == beta_binomial_tail(6, 6, 1.5 * worth, 97.5 * worth)
    assert found.p_value < 1e-5


@pytest.mark.parametrize(("after", "found"), [(3, 0), (4, 1), (6, 1)])
def test_below_the_floor_there_is_none(after: int, found: int) -> None:
    assert len(found_in(rare(110, after=after - 1), *BOTH)) == found


@pytest.mark.parametrize(("number", "found"), [(49, 0), (50, 1)])
def test_a_resource_that_has_been_known_for_few_hours_is_none(number: int, found: int) -> None:
    assert len(found_in(rare(number, every=1_000, after=5), *BOTH)) == found


def test_it_must_be_twice_as_often_as_usual() -> None:
    assert found_in(rare(100, every=2, after=5), *BOTH) == []
    assert [shift.resource for shift in found_in(rare(100, every=3, after=5), *BOTH)] == ["vault"]


def test_only_an_hour_in_which_it_is_used_is_told() -> None:
    memory = rare(100, after=5)
    assert found_in(memory, "mail") == []
    assert mix.newest(memory, "vault") == 5


def test_a_resource_that_is_used_all_the_time_since_it_came_is_no_shift() -> None:
    assert found_in(told(*(("mail",),) * 200, *(BOTH,) * 100), *BOTH) == []


def test_what_is_new_work_is_learned() -> None:
    assert found_in(rare(100, after=300), *BOTH) == []


def test_numbers_stay_bytes_and_shares_stay_what_they_are() -> None:
    memory = told(*(("mail", "vault") if hour % 10 == 0 else ("mail",) for hour in range(2_000)))
    _, since, taken = memory.hours[memory.names.index("vault") :: CAPACITY]
    assert 48 <= since - APART <= 120
    assert taken / (since - APART) == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize(("hours", "taught"), [(127, 119), (128, 60), (129, 61)])
def test_a_resource_is_halved_when_it_has_taught_for_long(hours: int, taught: int) -> None:
    memory = told(*(("mail",),) * (hours - 3), *(BOTH,) * 3)
    assert [memory.hours[CAPACITY + place] for place in (0, 1)] == [taught + APART, 3]
    assert memory.hours[2 * CAPACITY] == taught


def test_a_younger_resource_is_not_halved_with_it() -> None:
    """Else a theft that begins just then would find too little known to be told."""
    memory = told(*(("mail",),) * 50, BOTH, *(("mail",),) * 73, *(BOTH,) * 5)
    assert memory.hours[CAPACITY] == 61 + APART
    assert memory.hours[CAPACITY + 1] == 79
    assert [shift.resource for shift in mix.take_in(memory, list(BOTH), 4, 48.0)] == ["vault"]


def test_it_is_bounded_whatever_is_told() -> None:
    memory = told(("mail",), [f"api {number:02}" for number in range(50)], *([f"other {n}"] for n in range(99)))
    assert len(memory.names) == CAPACITY
    assert len(memory.hours) == 3 * CAPACITY


def test_of_those_that_come_at_once_the_first_by_name_are_remembered() -> None:
    memory = told(("mail",), [f"api {number:02}" for number in range(50)])
    assert memory.names == (*(f"api {number:02}" for number in range(7)), "mail")


def test_who_is_not_at_work_and_was_used_least_makes_room() -> None:
    apis = [f"api {number}" for number in range(6)]
    memory = told(*(["mail", "seldom"],) * 2, *(["mail", *apis],) * 9, ["mail", "new"])
    assert memory.names == (*apis, "mail", "new")
    assert mix.newest(memory, "mail") == 6
    again = told(["late"], into=memory)
    assert again.names == memory.names, "all others were at work in the newest hours"
    assert mix.newest(again, "mail") == 5


def test_equal_names_are_one_object_and_memory_is_small() -> None:
    one, other = rare(100), rare(90)
    assert one.names is other.names
    assert len(msgspec.msgpack.encode(one)) < 60


@pytest.mark.parametrize(
    ("values", "mixed"),
    [
        ({}, False),
        ({"a": 5}, False),
        ({"a": 5, "b": 7}, True),
        ({"a": 5, "b": -99}, False),
        ({"a": -98, "b": -98}, True),
    ],
)
def test_a_mix_has_two_parts_by_the_end_of_the_hour(values: dict[str, int], *, mixed: bool) -> None:
    assert mix.is_mixed(values, 98) == mixed
