"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from detector.detectors.wording import (
    actor,
    address,
    amount,
    by_hour,
    counted,
    duration,
    inside,
    lapse,
    listed,
    moment,
    number,
    odds,
    several,
    span,
    step_actor,
    step_address,
    text,
    words,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1, "1"),
        (3.0, "3"),
        (0.25, "0.2"),
        (2.345, "2.3"),
        (9.96, "10"),
        (10.4, "10"),
        (1234.5, "1,234"),
        (1_000_000, "1,000,000"),
        (0.0512, "0.051"),
        (0.000123, "0.00012"),
    ],
)
def test_an_amount_has_as_many_digits_as_it_deserves(value: float, shown: str) -> None:
    assert amount(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0, "0 hours"), (1, "1 hour"), (1.5, "1.5 hours"), (2000, "2,000 hours")])
def test_things_are_counted_in_the_right_number(value: float, shown: str) -> None:
    assert counted(value, "hour") == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "1 second"), (1, "1 second"), (59.4, "59 seconds"), (60, "1 minute"), (293, "5 minutes"), (5400, "1.5 hours")],
)
def test_a_duration_is_one_number(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(600, "10 minutes"), (3600, "1 hour"), (21600, "6 hours"), (90, "90 seconds")]
)
def test_spans_have_names(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


@pytest.mark.parametrize(("p_value", "shown"), [(0.034, "p = 0.03"), (2.1e-9, "p = 2e-09"), (1e-300, "p < 1e-12")])
def test_odds_are_rounded_and_end_somewhere(p_value: float, shown: str) -> None:
    assert odds(p_value) == shown


@pytest.mark.parametrize(
    ("fact", "shown"), [(None, "unknown"), ("", "unknown"), ("a", "a"), (3, "3"), (("a", "b"), "a, b")]
)
def test_a_missing_fact_is_said_to_be_unknown(fact: str | int | tuple[str, ...] | None, shown: str) -> None:
    assert text(fact) == shown


def test_names_out_of_tables_become_words() -> None:
    assert words("credential_invalid") == "credential invalid"


@pytest.mark.parametrize(
    ("facts", "shown"),
    [({"actor_name": "kim", "actor_id": "1"}, "kim"), ({"actor_id": "1"}, "1"), ({}, "somebody unknown")],
)
def test_an_actor_is_named_as_well_as_the_record_can(facts: dict[str, str], shown: str) -> None:
    assert actor(facts) == shown


def test_an_address_that_is_not_there_is_unknown() -> None:
    assert address({"address": "192.0.2.7"}) == "192.0.2.7"
    assert address({}) == "an unknown address"


def test_a_number_that_is_not_there_is_zero() -> None:
    assert (number(3), number(None), number("three")) == (3.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", "b"), "a and b"),
        (("a", "b", "c"), "a, b and c"),
        (("a", "b", "c", "d"), "a, b, c and 1 more"),
        (("", "b"), "unknown and b"),
    ],
)
def test_names_are_listed_as_people_list_them(names: tuple[str, ...], shown: str) -> None:
    assert listed(names) == shown


def test_a_list_that_is_not_there_is_empty() -> None:
    assert (several(("a",)), several(None), several("a")) == (("a",), (), ())


def test_a_change_is_inside_a_pipeline_when_nothing_deviates() -> None:
    assert inside({"pipeline": "release"})
    assert not inside({"pipeline": "release", "deviation": "address"})
    assert not inside({})


def test_a_moment_is_shown_to_the_minute_and_an_hour_by_its_end() -> None:
    assert moment(1_773_274_859.9) == "2026-03-12 00:20 UTC"
    assert moment(None) == "1970-01-01 00:00 UTC"
    assert by_hour(1_773_277_199.0) == "2026-03-12 01:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(240, "4 minutes"), (172_799, "48 hours"), (172_800, "2 days"), (820_800, "9.5 days"), (1_226_880, "14 days")],
)
def test_a_lapse_may_be_days(seconds: float, shown: str) -> None:
    assert lapse(seconds) == shown


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"step_2_name": "kim", "step_2_who": "1", "step_2_address": "192.0.2.7"}, ("kim", "192.0.2.7")),
        ({"step_2_who": "1"}, ("1", "an unknown address")),
        ({"step_1_name": "eve"}, ("somebody unknown", "an unknown address")),
    ],
)
def test_a_step_is_named_as_well_as_its_record_can(facts: dict[str, str], shown: tuple[str, str]) -> None:
    assert (step_actor(facts, 2), step_address(facts, 2)) == shown
