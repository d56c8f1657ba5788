"""A ledger is a set of entries, and a sequence is found among them whatever order they came in."""

from __future__ import annotations

from collections.abc import Sequence as Several
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.ledger import CAPACITY, KEPT, Entry, Ledger, Sequence, Step
from detector.features.timeline import DAY, HOUR

entries = st.lists(
    st.builds(
        Entry,
        st.integers(0, 400).map(lambda day: day * DAY / 2),
        st.sampled_from(["added", "used", "moved", "ended"]),
        st.sampled_from(["", "a", "b"]),
        who=st.sampled_from(["", "eve"]),
    ),
    max_size=12,
)


def step(*kinds: str, **relations: Any) -> Step:
    return Step(kinds=frozenset(kinds), **relations)


def ledger_of(told: Several[Entry]) -> Ledger:
    ledger = Ledger()
    for entry in told:
        ledger.add(entry)
    return ledger


def naive(told: Several[Entry]) -> list[Entry]:
    """What should be kept: of the last half year, the newest of each kind."""
    kept = sorted({entry for entry in told if entry.time >= max(each.time for each in told) - KEPT})
    return [entry for entry in kept if entry in [each for each in kept if each.kind == entry.kind][-CAPACITY:]]


def told_of(sequence: Sequence, told: Several[Entry]) -> set[Entry]:
    """The first steps of all that is found while the entries arrive."""
    ledger, found = Ledger(), set[Entry]()
    for entry in told:
        if ledger.add(entry):
            found.update(made[0] for made in sequence.found(ledger, entry))
    return found


# ------------------------------------------------------------------------------------------------------ the set


@pytest.mark.untraced
@given(entries, st.randoms())
def test_what_is_kept_does_not_depend_on_the_order_nor_on_copies(told: list[Entry], dice: Any) -> None:
    shuffled = told + told
    dice.shuffle(shuffled)
    assert ledger_of(shuffled).entries == ledger_of(told).entries == (naive(told) if told else [])


@given(st.permutations([Entry(float(n), "used", str(n)) for n in range(CAPACITY + 8)]))
def test_the_newest_of_a_kind_are_kept_and_those_of_another_kind_stay(told: list[Entry]) -> None:
    ledger = ledger_of([Entry(0.0, "added"), *told])
    assert ledger.entries == [Entry(0.0, "added"), *sorted(told)[-CAPACITY:]]


def test_an_entry_that_is_not_kept_is_no_news() -> None:
    full = ledger_of([Entry(float(n), "used") for n in range(1, CAPACITY + 1)])
    assert not full.add(Entry(0.5, "used"))
    assert not full.add(Entry(1.0, "used"))
    assert full.add(Entry(1.5, "used"))
    assert full.entries[0] == Entry(1.5, "used")


@pytest.mark.parametrize(("age", "kept"), [(KEPT, True), (KEPT + 1, False)])
def test_entries_are_kept_for_half_a_year(age: float, kept: bool) -> None:
    old, new = Entry(0.0, "added"), Entry(age, "used")
    assert (old in ledger_of([old, new]).entries) == kept
    assert ledger_of([new]).add(old) == kept


@pytest.mark.untraced
@given(entries)
def test_a_restart_changes_nothing(told: list[Entry]) -> None:
    ledger = ledger_of(told)
    ledger.watches["risk"], ledger.ends["risk"] = 1.0, 2.0
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(ledger), type=Ledger) == ledger


def test_of_one_fact_what_is_told_first_is_kept() -> None:
    first, again = Entry(1.0, "used", "a", address="192.0.2.9"), Entry(1.0, "used", "a", address="192.0.2.7")
    for told in ([first, again], [first, Entry(1.0, "used", "b"), Entry(0.0, "used"), again]):
        assert again not in ledger_of(told).entries
    assert (
        len(ledger_of([first, Entry(1.0, "used", "a", record_id="r"), Entry(1.0, "used", "a", who="eve")]).entries) == 3
    )


def test_entries_are_found_by_kind() -> None:
    ledger = ledger_of([Entry(2.0, "used"), Entry(1.0, "added"), Entry(3.0, "ended")])
    assert ledger.of("added", "used") == [Entry(1.0, "added"), Entry(2.0, "used")]


@given(st.lists(st.integers(0, 1500).map(float), max_size=12), st.randoms())
def test_of_a_crowd_the_first_and_last_of_ten_minutes_are_kept(times: list[float], dice: Any) -> None:
    told = [Entry(time, "used", "a") for time in times]
    dice.shuffle(told)
    ledger = Ledger()
    for entry in told:
        ledger.add_ends(entry)
    steps = {int(time) // 600 for time in times}
    ends = [[time for time in times if int(time) // 600 == step] for step in sorted(steps)]
    assert [entry.time for entry in ledger.entries] == sorted({end for each in ends for end in (min(each), max(each))})


def test_a_crowd_is_of_entries_alike() -> None:
    ledger = Ledger()
    for number, about in enumerate("abababab"):
        ledger.add_ends(Entry(float(number), "used", about))
    assert [entry.time for entry in ledger.entries] == [0.0, 1.0, 6.0, 7.0]


# ------------------------------------------------------------------------------------------------------- steps

EVE = Entry(10.0, "added", "key", who="eve", detail="one two")


@pytest.mark.parametrize(
    ("made", "following", "fits"),
    [
        (step("used"), Entry(10.0, "used"), True),
        (step("used"), Entry(10.0, "moved"), False),
        (step("used", "moved"), Entry(10.0, "moved"), True),
        (step("used", within=5.0), Entry(15.0, "used"), True),
        (step("used", within=5.0), Entry(15.1, "used"), False),
        (step("used", at_least=5.0), Entry(15.0, "used"), True),
        (step("used", at_least=5.0), Entry(14.9, "used"), False),
        (step("used", same_about=0), Entry(11.0, "used", "key"), True),
        (step("used", same_about=0), Entry(11.0, "used", "other"), False),
        (step("used", same_who=0), Entry(11.0, "used", who="eve"), True),
        (step("used", same_who=0), Entry(11.0, "used", who="bob"), False),
        (step("used", about_is_who=0), Entry(11.0, "used", "eve"), True),
        (step("used", about_is_who=0), Entry(11.0, "used", "bob"), False),
        (step("used", who_is_about=0), Entry(11.0, "used", who="key"), True),
        (step("used", who_is_about=0), Entry(11.0, "used", who="bob"), False),
        (step("used", about_in=frozenset({"graph"})), Entry(11.0, "used", "graph"), True),
        (step("used", about_in=frozenset({"graph"})), Entry(11.0, "used", "vault"), False),
        (step("used", other_about=0), Entry(11.0, "used", "key"), False),
        (step("used", other_about=0), Entry(11.0, "used", "other"), True),
        (step("used", other_who=0), Entry(11.0, "used", who="eve"), False),
        (step("used", other_who=0), Entry(11.0, "used", who="bob"), True),
        (step("used", not_in_detail=0), Entry(11.0, "used", "one"), False),
        (step("used", not_in_detail=0), Entry(11.0, "used", "three"), True),
    ],
)
def test_a_step_is_made_by_what_stands_in_its_relations(made: Step, following: Entry, fits: bool) -> None:
    sequence = Sequence(name="it", steps=(step("added"), made))
    assert bool(list(sequence.found(ledger_of([EVE, following])))) == fits


def test_nothing_is_not_the_same_as_nothing() -> None:
    sequence = Sequence(name="it", steps=(step("added"), step("used", same_about=0)))
    assert not list(sequence.found(ledger_of([Entry(1.0, "added"), Entry(2.0, "used")])))


@pytest.mark.parametrize(("name", "found"), [("Billing API", True), ("Billing", False), ("", False)])
def test_a_thing_whose_id_is_not_known_is_known_by_its_name(name: str, found: bool) -> None:
    sequence = Sequence(name="it", steps=(step("added"), step("used", same_about=0)))
    told = [Entry(1.0, "added", "name:billing api"), Entry(2.0, "used", "some id", name=name)]
    assert bool(list(sequence.found(ledger_of(told)))) == found


# --------------------------------------------------------------------------------------------------- sequences

STORY = Sequence(
    name="story",
    steps=(step("added"), step("used", same_about=0, within=30 * DAY), step("moved", within=7 * DAY)),
)


def test_the_earliest_completion_of_each_first_step_is_found() -> None:
    first, second = Entry(0.0, "added", "a"), Entry(DAY, "added", "b")
    used = [Entry(2 * DAY, "used", "a"), Entry(3 * DAY, "used", "b"), Entry(4 * DAY, "used", "a")]
    moved = [Entry(5 * DAY, "moved"), Entry(6 * DAY, "moved")]
    found = list(STORY.found(ledger_of([first, second, *used, *moved])))
    assert found == [(first, used[0], moved[0]), (second, used[1], moved[0])]


def test_a_step_that_leads_nowhere_is_not_the_only_way() -> None:
    """The first use is followed by no move within a week, the second one is."""
    added, early, late = Entry(0.0, "added", "a"), Entry(DAY, "used", "a"), Entry(20 * DAY, "used", "a")
    moved = Entry(21 * DAY, "moved")
    assert list(STORY.found(ledger_of([added, early, late, moved]))) == [(added, late, moved)]


def test_steps_of_one_instant_stand_in_any_order() -> None:
    """What is dated at the end of the hour in which it was seen."""
    end = HOUR - 1.0
    told = [Entry(end, "added", "a"), Entry(end, "used", "a"), Entry(end, "moved")]
    sequence = Sequence(name="it", steps=(step("used"), step("moved"), step("added")))
    assert list(sequence.found(ledger_of(told))) == [(told[1], told[2], told[0])]


def test_one_entry_makes_one_step() -> None:
    sequence = Sequence(name="twice", steps=(step("used"), step("used")))
    assert not list(sequence.found(ledger_of([Entry(1.0, "used")])))
    assert len(list(sequence.found(ledger_of([Entry(1.0, "used"), Entry(2.0, "used")])))) == 1


def test_with_a_new_entry_only_what_it_is_a_step_of_is_found() -> None:
    added, used, moved, again = (
        Entry(0.0, "added", "a"),
        Entry(1.0, "used", "a"),
        Entry(2.0, "moved"),
        Entry(3.0, "moved"),
    )
    ledger = ledger_of([added, used, moved, again])
    assert list(STORY.found(ledger, moved)) == [(added, used, moved)]
    assert list(STORY.found(ledger, again)) == [(added, used, again)]
    assert list(STORY.found(ledger, added)) == [(added, used, moved)]
    assert not list(STORY.found(ledger, Entry(4.0, "unread")))


@pytest.mark.untraced
@given(entries, st.randoms())
def test_what_is_told_while_entries_arrive_is_what_is_found_at_the_end(told: list[Entry], dice: Any) -> None:
    """Within the bounds of a ledger, in any order, with copies."""
    told = [entry for entry in told if entry.time <= KEPT]
    expected = {made[0] for made in STORY.found(ledger_of(told))}
    shuffled = told + told
    dice.shuffle(shuffled)
    assert told_of(STORY, told) == told_of(STORY, shuffled) == expected


def test_every_order_of_a_story_tells_it_once() -> None:
    told = [Entry(0.0, "added", "a"), Entry(DAY, "used", "a"), Entry(2 * DAY, "moved"), Entry(3 * DAY, "ended")]
    assert {frozenset(told_of(STORY, order)) for order in permutations(told)} == {frozenset({told[0]})}


# ------------------------------------------------------------------------------------------------------ broken

SWITCH = Sequence(
    name="switch", steps=(step("off"), step("granted", at_least=5.0, within=60.0)), broken_by=frozenset({"on"})
)
OFF, EARLY, ON, LATE = (
    Entry(100.0, "off"),
    Entry(110.0, "granted", "a"),
    Entry(120.0, "on"),
    Entry(130.0, "granted", "b"),
)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([OFF, EARLY], True),
        ([OFF, EARLY, ON], True),
        ([OFF, ON, LATE], False),
        ([OFF, EARLY, ON, LATE], True),
        ([Entry(90.0, "on"), OFF, LATE], True),
        ([Entry(100.0, "on"), OFF, LATE], False),
    ],
)
def test_what_comes_between_ends_the_matter(told: list[Entry], found: bool) -> None:
    assert bool(list(SWITCH.found(ledger_of(told)))) == found


def test_a_held_sequence_is_asked_whether_it_was_broken_since() -> None:
    made = (OFF, LATE)
    assert SWITCH.unbroken(ledger_of([OFF, LATE]), made)
    assert not SWITCH.unbroken(ledger_of([OFF, ON, LATE]), made)
    assert SWITCH.unbroken(ledger_of([OFF]), made), "a full ledger gave it up"


def test_all_that_could_be_the_last_step_are_its_others() -> None:
    ledger = ledger_of([OFF, EARLY, Entry(103.0, "granted", "c"), LATE, Entry(500.0, "granted", "d")])
    assert SWITCH.others(ledger, (OFF, EARLY)) == [EARLY, LATE]
    assert SWITCH.others(ledger_of([OFF]), (OFF, EARLY)) == [EARLY]


def test_the_kinds_of_a_sequence_are_those_of_its_steps() -> None:
    assert STORY.kinds == {"added", "used", "moved"}
    assert SWITCH.kinds == {"off", "granted"}
