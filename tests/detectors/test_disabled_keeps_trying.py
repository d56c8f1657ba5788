"""D58: a disabled agent, or an agent of a disabled blueprint, keeps asking for tokens."""

from __future__ import annotations

from typing import Any

import pytest

from detector.domain.events import Change, Event
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, NOW, TENANT, said, same_however_told
from tests.stories import BLOCKED, DAY, HOUR, INVALID, MINUTE, NOWHERE, Agent, network

NAME = "disabled_keeps_trying"
DISABLED = 7000112


def switched(at: float = NOW, agent: Agent = AGENT, *, on: bool = False, **fields: Any) -> Change:
    return TENANT.change("update service principal", at, agent, enabled=on, **fields)


def trying(number: int = 3, at: float = NOW + 10 * MINUTE, agent: Agent = AGENT, **words: Any) -> list[Event]:
    return TENANT.sign_ins(agent, at, number, **({"error": DISABLED} | words))


def test_who_is_switched_off_and_asks_is_said_since_when_how_often_and_from_where() -> None:
    (alert,) = said(NAME, switched(), trying())
    assert alert.severity == "low"
    assert alert.catalogue_ids == ("D58",)
    assert alert.subject.id == AGENT.id
    assert alert.explanation == (
        "invoices has been switched off by admin@example.com since 2026-03-12 00:00 UTC and asked for tokens 3 times "
        "within 6 hours, at last from 192.0.2.7."
    )


def test_the_agent_of_a_blueprint_that_is_switched_off_is_off_since_then() -> None:
    (alert,) = said(NAME, switched(agent=BLUEPRINT), trying(agent=CREW[2]))
    assert alert.subject.id == CREW[2].id
    assert "refunds has been switched off by admin@example.com since 2026-03-12 00:00 UTC" in alert.explanation


def test_without_a_record_of_the_change_nobody_knows_since_when() -> None:
    (alert,) = said(NAME, trying())
    assert alert.explanation == (
        "invoices is switched off, nobody knows since when, and asked for tokens 3 times within 6 hours, at last from "
        "192.0.2.7."
    )


def test_a_change_that_was_undone_or_came_later_is_not_why() -> None:
    for changes in ([switched(), switched(NOW + MINUTE, on=True)], [switched(NOW + HOUR)]):
        (alert,) = said(NAME, changes, trying())
        assert "nobody knows since when" in alert.explanation


@pytest.mark.parametrize("error", [0, INVALID, BLOCKED, 50057])
def test_other_answers_are_other_matters(error: int) -> None:
    """50057 says that a user is disabled, who may be anyone that the agent acts for."""
    assert said(NAME, switched(), trying(error=error)) == []


@pytest.mark.parametrize(("number", "alerts"), [(2, 0), (3, 1), (30, 1)])
def test_three_attempts_within_six_hours_are_enough(number: int, alerts: int) -> None:
    assert len(said(NAME, trying(number))) == alerts


def test_attempts_in_different_windows_are_counted_apart_and_days_said_apart() -> None:
    assert said(NAME, trying(2, NOW + 5 * HOUR), trying(2, NOW + 7 * HOUR)) == []
    assert len(said(NAME, trying(3, NOW), trying(3, NOW + 7 * HOUR))) == 1
    assert len(said(NAME, trying(3, NOW), trying(3, NOW + DAY))) == 2


@pytest.mark.parametrize(
    ("origin", "severity", "shown"),
    [
        (network(5), "medium", "at last from 2001:db8:5::7, from where it was never granted any."),
        (NOWHERE, "low", "at last from an unknown address."),
    ],
)
def test_from_elsewhere_it_is_graver_and_nowhere_is_not_elsewhere(origin: Any, severity: str, shown: str) -> None:
    (alert,) = said(NAME, trying(origin=origin))
    assert alert.severity == severity
    assert alert.explanation.endswith(shown)


def test_of_one_who_was_never_granted_anything_nothing_is_elsewhere() -> None:
    stranger = TENANT.agent("stranger")
    (alert,) = said(NAME, trying(agent=stranger, origin=network(5)))
    assert alert.severity == "low"


def test_it_is_the_same_alert_however_it_is_told() -> None:
    """The record of the change comes after the refusals as often as before."""
    assert len(same_however_told([switched(), *trying(4)], NAME)) == 1
    assert len(same_however_told([*trying(2, NOW + 1), switched(NOW + 2), *trying(2, NOW + 7 * HOUR)], NAME)) == 0
