"""Where reading begins: always an explicit place, and what is lost is counted to the message."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.domain.delivery import Position
from detector.sources.event_hubs.positions import Ahead, PartitionProperties, Start, beginning, first_start, resumed

WHEN = datetime(2026, 11, 23, tzinfo=UTC)


def holding(first: int, last: int, *, empty: bool = False) -> PartitionProperties:
    return PartitionProperties(first, last, WHEN, empty)


NEVER_USED = holding(0, -1, empty=True)


def test_the_answer_of_the_sdk_is_read() -> None:
    answer = {
        "beginning_sequence_number": 3,
        "last_enqueued_sequence_number": 9,
        "last_enqueued_time_utc": WHEN,
        "is_empty": False,
    }
    assert PartitionProperties.of(answer) == holding(3, 9)


def test_latest_becomes_the_last_sequence_number() -> None:
    assert first_start("latest", holding(5, 9)) == Start(9, Position(9, ""))


@pytest.mark.parametrize("properties", [NEVER_USED, holding(10, 9, empty=True)])
def test_latest_of_an_empty_partition_is_everything_that_will_come(properties: PartitionProperties) -> None:
    assert first_start("latest", properties) == Start("-1", Position(properties.last, "-1"))


def test_earliest_and_an_added_partition_are_read_from_their_beginning() -> None:
    assert first_start("earliest", holding(5, 9)) == beginning(holding(5, 9)) == Start("-1", Position(4, "-1"))


def test_a_time_is_inclusive_and_teaches_no_position() -> None:
    start = first_start("2026-11-23T09:00:00+01:00", holding(5, 9))
    assert start == Start(datetime(2026, 11, 23, 8, tzinfo=UTC), None, inclusive=True)


def test_a_stored_position_is_resumed_by_its_offset() -> None:
    position = Position(6, "opaque:6")
    assert resumed(position, holding(5, 9)) == Start("opaque:6", position)


def test_without_an_offset_or_when_it_is_refused_the_sequence_number_is_used() -> None:
    assert resumed(Position(6, ""), holding(5, 9)).at == 6
    assert resumed(Position(6, "opaque:6"), holding(5, 9), by_sequence=True).at == 6
    assert resumed(Position(-1, ""), holding(0, 9)).at == "-1"


def test_a_position_at_the_end_is_no_other_hub() -> None:
    assert resumed(Position(9, "o"), holding(5, 9)).lost == 0
    assert resumed(Position(-1, "-1"), NEVER_USED).at == "-1"


def test_a_position_beyond_the_end_belongs_to_another_hub() -> None:
    with pytest.raises(Ahead):
        resumed(Position(10, "o"), holding(5, 9))
    with pytest.raises(Ahead):
        resumed(Position(0, "o"), NEVER_USED)


def test_the_oldest_message_may_be_the_next_one() -> None:
    assert resumed(Position(4, "o"), holding(5, 9)).lost == 0


@given(st.integers(-1, 1000), st.integers(0, 1000), st.integers(0, 1000), st.booleans())
def test_what_is_lost_is_what_is_neither_taken_nor_held(taken: int, first: int, length: int, empty: bool) -> None:
    last = first + length
    properties = holding(last + 1 if empty else first, last, empty=empty)
    if taken > last:
        return
    held = set() if empty else set(range(first, last + 1))
    start = resumed(Position(taken, "o"), properties)
    assert start.lost == len(set(range(taken + 1, last + 1)) - held)
    assert start.position is not None
    wanted = set(range(taken + 1, last + 1)) & held
    assert wanted == {number for number in held if number > start.position.sequence}
