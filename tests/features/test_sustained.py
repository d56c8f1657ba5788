"""Requests minute by minute: counted as one would on paper, and looked at when nine of ten minutes are filled."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import sustained
from detector.features.sustained import FILLED, MOST, RUNGS, WINDOW, beginning, filled, opened, raised, size_for

SIZE = size_for(3)
"""Of a lateness of twenty minutes."""
BUCKETS = SIZE // WINDOW


@st.composite
def requests(draw: st.DrawFn) -> list[int]:
    """Minutes of requests in the order of arrival: none lies further back than the minutes that are counted."""
    found, newest = [1_000], 1_000
    for _ in range(draw(st.integers(0, 60))):
        bucket = newest // WINDOW + draw(st.sampled_from((-3, -2, -1, 0, 0, 0, 0, 1, 1, 2, 5)))
        found.append(bucket * WINDOW + draw(st.integers(0, WINDOW - 1)))
        newest = max(newest, found[-1])
    return found


def told(minutes: list[int], size: int = SIZE) -> tuple[bytes, int]:
    """The counts, and the newest bucket."""
    counts, newest = b"", -1
    for minute in minutes:
        bucket = minute // WINDOW
        if bucket > newest:
            counts, newest = opened(counts, bucket - newest, minute % WINDOW, size), bucket
        else:
            place = size - WINDOW * (newest - bucket + 1) + minute % WINDOW
            if place >= 0:
                counts = raised(counts, place, size)
    return counts, newest


@given(requests())
def test_minutes_are_counted_as_on_paper(minutes: list[int]) -> None:
    counts, newest = told(minutes)
    first = (newest - BUCKETS + 1) * WINDOW
    on_paper = Counter(minute - first for minute in minutes)
    in_reach, highest = Counter[int](), 0
    for minute in minutes:  # what lay too far back when it came is not counted, and nothing else is missed
        highest = max(highest, minute // WINDOW)
        in_reach[minute - first] += minute // WINDOW > highest - BUCKETS
    assert len(counts) == SIZE
    assert list(counts) == [in_reach[place] for place in range(SIZE)]
    assert all(on_paper[place] >= in_reach[place] for place in range(SIZE))


@given(st.lists(st.integers(0, 5), min_size=SIZE, max_size=SIZE), st.integers(0, SIZE - 1))
def test_ten_minutes_are_filled_as_on_paper(minutes: list[int], place: int) -> None:
    def reached(counts: list[int]) -> set[tuple[int, int]]:
        return {
            (start, rung)
            for start in range(SIZE - WINDOW + 1)
            for rung in RUNGS
            if start % WINDOW != 1
            and min(counts[start : start + WINDOW]) > 0
            and sum(count >= rung for count in counts[start : start + WINDOW]) >= FILLED
        }

    after = list(minutes)
    after[place] += 1
    found = set(filled(bytes(after), place)) if sustained.is_rung(after[place]) else set()
    assert reached(after) - reached(minutes) <= found, "whatever is completed is found"
    assert found <= reached(after), "and nothing else is"


def test_nine_of_ten_minutes_are_enough_where_none_is_empty() -> None:
    counts = bytes(20) + bytes([3, 3, 3, 1, 3, 3, 3, 3, 3, 3]) + bytes(10)
    assert filled(counts, 29) == [(20, 3)]
    assert filled(counts.replace(b"\1", b"\0"), 29) == []
    assert filled(counts[:28] + b"\1" + counts[29:], 29) == [], "eight are not"


def test_the_first_request_of_the_last_minute_completes_all_that_the_others_have_reached() -> None:
    counts = bytes(20) + bytes([4, 5, 4, 1, 4, 9, 4, 4, 4, 4]) + bytes(10)
    assert filled(counts, 23) == [(20, 2), (20, 3), (20, 4)]
    assert sustained.least_sum(4) == 37


def test_a_burst_fills_no_ten_minutes_however_large_it_is() -> None:
    counts = bytes(30) + bytes([200, 120, 70, 40, 20, 9, 3, 1, 1, 0])
    assert filled(counts, 36) == []


def test_ten_minutes_that_end_with_the_first_of_a_bucket_are_left_to_their_neighbours() -> None:
    counts = bytes(21) + bytes([2] * 19)
    starts = [start for start, _ in filled(counts, 30)]
    assert 22 in starts
    assert 21 not in starts


def test_a_minute_holds_no_more_than_is_told_apart() -> None:
    counts = beginning(0, SIZE)
    for _ in range(MOST + 5):
        counts = raised(counts, SIZE - WINDOW, SIZE)
    assert counts[SIZE - WINDOW] == MOST


@pytest.mark.parametrize(("older", "newer"), [(20, 40), (40, 20), (0, 40)])
def test_minutes_of_another_lateness_are_taken_over(older: int, newer: int) -> None:
    counts = raised(opened(b"", 7, 4, older), older - 1, older) if older else b""
    wider = raised(counts, newer - 1, newer)
    assert (len(wider), wider[-1], wider[newer - 6]) == (newer, 2 if older else 1, 1 if older else 0)
    assert len(opened(wider, 1, 9, newer)) == newer


def test_equal_beginnings_are_one_object() -> None:
    assert opened(b"", 7, 4, SIZE) is opened(bytes(SIZE), 1, 4, SIZE) is beginning(4, SIZE)


def test_rungs_rise_and_can_be_reached() -> None:
    assert list(RUNGS) == sorted(set(RUNGS))
    assert RUNGS[-1] <= MOST
    assert [sustained.is_rung(count) for count in (1, 2, 5, 192)] == [True, True, False, True]
