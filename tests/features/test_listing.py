"""What an object was seen to hold: looks arrive in any order, and what is gone is gone only for sure."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.listing import CAPACITY, Lacks, Listed, Span, horizon_of, kept

HORIZON = horizon_of(1200.0)
DAY_100 = 100 * 24 * 60
"""The first minute of day 100."""
LOOKS = st.lists(
    st.tuples(st.integers(1000, 1000 + HORIZON.lag), st.sets(st.sampled_from("abc"))), min_size=1, max_size=12
)


def listed(*looks: tuple[int, str]) -> Listed:
    """A listing after looks that each showed the values that are letters of a text."""
    made = Listed()
    for bucket, values in looks:
        made.observe(values, bucket, HORIZON)
    return made


def held_in(made: Listed, bucket: int) -> list[str]:
    return sorted(span.value for span in made.held(bucket, HORIZON))


def test_what_was_never_seen_is_not_held() -> None:
    assert not Listed().holds("a", 1000, HORIZON)
    assert not Listed().looked(1000)
    assert not listed((1000, "")).holds("a", 1000, HORIZON)


def test_it_was_looked_at_since_the_first_look() -> None:
    made = listed((1000, ""))
    assert not made.looked(999)
    assert made.looked(1000)


@pytest.mark.parametrize(("later", "held"), [(HORIZON.lag - 1, True), (HORIZON.lag, False), (HORIZON.lag + 5, False)])
def test_a_value_is_held_until_a_final_look_does_not_show_it(later: int, held: bool) -> None:
    """A look counts once nothing can arrive for its bucket: `lag` buckets later."""
    made = listed((1000, "a"), (1001, ""))
    assert made.holds("a", 1001 + later, HORIZON) is held
    assert held_in(made, 1001 + later) == (["a"] if held else [])


def test_what_comes_later_was_not_held_before_but_counts_as_held_when_asked() -> None:
    made = listed((1000, "a"), (1002, "ab"))
    assert held_in(made, 1001) == ["a"]
    assert held_in(made, 1002) == ["a", "b"]
    assert made.holds("b", 1001, HORIZON)


def test_a_value_that_is_shown_again_is_held() -> None:
    made = listed((1000, "a"), (1010, ""), (1020, "a"))
    assert made.holds("a", 1090, HORIZON)


@pytest.mark.untraced
@given(LOOKS, st.integers())
def test_any_order_of_looks_within_the_lateness_gives_the_same_answers(
    looks: list[tuple[int, set[str]]], seed: int
) -> None:
    shuffled = list(looks)
    Random(seed).shuffle(shuffled)
    one, other = Listed(), Listed()
    for bucket, values in looks:
        one.observe(values, bucket, HORIZON)
    for bucket, values in shuffled:
        other.observe(values, bucket, HORIZON)
    assert one.looks == other.looks
    for bucket in range(1000, 1000 + 2 * HORIZON.lag):
        assert held_in(one, bucket) == held_in(other, bucket)
        for value in "abc":
            assert one.span(value, bucket, HORIZON) == other.span(value, bucket, HORIZON)


@pytest.mark.untraced
@given(
    st.lists(st.tuples(st.integers(1000, 1000 + 9 * HORIZON.lag), st.sets(st.sampled_from("abc"))), max_size=20),
    st.randoms(use_true_random=False),
)
def test_no_order_of_arrival_within_the_lateness_changes_the_runs(
    looks: list[tuple[int, set[str]]], dice: Random
) -> None:
    """Over so long a time that values go and come again, and looks are forgotten."""
    late = HORIZON.lag - 1
    one, other = Listed(), Listed()
    for bucket, values in sorted(looks, key=lambda look: look[0]):
        one.observe(values, bucket, HORIZON)
    for bucket, values in sorted(looks, key=lambda look: look[0] + dice.choice((0, late, dice.randint(0, late)))):
        other.observe(values, bucket, HORIZON)
    newest = max((bucket for bucket, _ in looks), default=1000)
    for bucket in range(newest - 2 * HORIZON.lag, newest + HORIZON.lag):
        assert held_in(one, bucket) == held_in(other, bucket)
        for value in "abc":
            assert one.span(value, bucket, HORIZON) == other.span(value, bucket, HORIZON)


def test_what_is_shown_again_after_it_was_gone_for_sure_is_held_anew() -> None:
    back = 1001 + HORIZON.lag
    assert listed((1000, "a"), (1001, ""), (back, "a")).span("a", back, HORIZON) == Span("a", back, back)
    assert listed((1000, "a"), (1001, ""), (back - 1, "a")).span("a", back, HORIZON) == Span("a", 1000, back - 1)
    late = listed((1000, "a"), (1001, ""), (back, "a"), (back - 1, "a"))
    assert late.span("a", back, HORIZON) == Span("a", 1000, back), "one that came late joins both"


def test_looks_are_forgotten_but_the_one_that_is_still_needed() -> None:
    made = listed(*((bucket, "a") for bucket in range(1000, 1400)))
    assert made.looks == list(range(1399 - kept(HORIZON), 1400))
    sparse = listed((1000, "a"), (2000, "a"), (3000, "a"))
    assert sparse.looks == [2000, 3000]


def test_values_that_are_long_gone_are_forgotten() -> None:
    made = listed((1000, "ab"), (1001, "b"), (2000, "b"))
    assert set(made.values) == {"b"}
    assert not made.holds("a", 2000, HORIZON)


def test_a_flood_of_values_pushes_out_those_seen_least_lately() -> None:
    made = listed((1000, "a"))
    made.observe([f"n{number}" for number in range(CAPACITY + 9)], 1001, HORIZON)
    assert len(made.values) == CAPACITY
    assert "a" not in made.values


# -------------------------------------------------------------------------------------------------- repairs


def test_nothing_is_noted_of_what_was_never_missing() -> None:
    made = listed((DAY_100 + 1, "a"))
    made.note_missing(100, missing=False)
    assert made.lacks is None


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 2, 3)])
def test_a_look_of_the_next_day_may_come_before_the_one_that_missed_something(order: tuple[int, ...]) -> None:
    looks = [(100, ""), (101, "a"), (102, "a"), (104, "")]
    made = Listed()
    for day, values in (looks[place] for place in order):
        made.observe(values, day * 24 * 60 + (1400 if day == 100 else 3), HORIZON)
        made.note_missing(day, missing=not values)
    assert made.lacks is not None
    assert made.lacks.repaired_before(104) == 101


def lacks(days: str, start: int = 100) -> Lacks:
    """What days showed: `x` it was missing, `o` it was there, a space for no look."""
    made = Lacks()
    for day, letter in enumerate(days, start):
        if letter != " ":
            made.observe(day, missing=letter == "x")
    return made


@pytest.mark.parametrize(
    ("days", "asked", "repaired"),
    [
        ("x", 100, -1),
        ("ox", 101, -1),
        ("oooooox", 106, -1),
        ("xo", 101, -1),
        ("xoox", 103, 101),
        ("xox", 102, -1),
        ("xoxx", 103, 101),
        ("xoxxxxxxxx", 109, 101),
        ("xoxoxx", 105, 103),
        ("x   o   x", 108, 104),
        ("xoooooox", 107, 101),
    ],
)
def test_a_repair_counts_two_days_later(days: str, asked: int, repaired: int) -> None:
    """By then nothing can arrive that changes it, and the next day does not change the answer."""
    assert lacks(days).repaired_before(asked) == repaired


def test_a_day_on_which_it_was_missing_once_is_no_repair() -> None:
    made = lacks("xo")
    made.observe(101, missing=True)
    made.observe(101, missing=False)
    made.observe(103, missing=True)
    assert made.repaired_before(103) == -1


@pytest.mark.untraced
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=20), st.integers())
def test_a_day_and_the_day_before_may_arrive_in_any_order(looks: list[tuple[int, bool]], seed: int) -> None:
    """Looks of neighbouring days swap places; what is asked of a day is the same."""
    looks.sort(key=lambda look: look[0])
    dice, swapped = Random(seed), list(looks)
    for place in range(len(swapped) - 1):
        if dice.random() < 0.5 and swapped[place + 1][0] - swapped[place][0] <= 1:
            swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
    one, other = Lacks(), Lacks()
    for (day, missing), (another, lacking) in zip(looks, swapped, strict=True):
        one.observe(day, missing=missing)
        other.observe(another, missing=lacking)
    newest = max((day for day, _ in looks), default=0)
    assert one.repaired_before(newest) == other.repaired_before(newest)
    assert len(one.days) <= 4
