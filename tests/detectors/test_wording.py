"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from detector.detectors.wording import actor, address, amount, counted, duration, number, odds, span, text, words


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
