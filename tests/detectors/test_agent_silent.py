"""D03: an agent that works regularly falls silent, while its siblings work on."""

from __future__ import annotations

from functools import cache

import pytest

from detector.detectors.agent_silent import AgentSilent
from detector.domain.events import Event
from tests.detectors.stage import CREW, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, Agent, in_order

NAME = "agent_silent"
LINE = tuple(TENANT.agent(f"line {number}", blueprint="plant") for number in range(4))
AGENT = LINE[0]
THEN = NOW + 14 * DAY
"""A Thursday, midnight."""


def work(agent: Agent, hours: float, *, at: float = NOW, every: float = 2 * HOUR) -> list[Event]:
    """A request every two hours."""
    return TENANT.sign_ins(agent, at + 30 * MINUTE, int(hours * HOUR / every), every=every)


@cache
def history(days: int = 14) -> tuple[Event, ...]:
    return tuple(in_order(*(work(agent, 24 * days) for agent in LINE)))


def stops(hours: float = 36, *, others: int = 3, at: float = THEN) -> list[Event]:
    """The first of them does not go on, so many others do."""
    return in_order(*(work(agent, hours, at=at) for agent in LINE[1 : 1 + others]))


def test_silence_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, history(), stops())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D03",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.time == "2026-03-26T07:00:00.000Z"
    assert alert.title == "Silent for 8 hours"
    assert alert.explanation == (
        "line 0 has asked for no token for 8 hours, in which it is usually at work in 4.0 ten-minute periods; the "
        "longest pause of a day is usually worth 1.3, learned from 12 days (p = 0.0002). Its siblings are at work."
    )


@pytest.mark.untraced
def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told([*history(), *stops()], NAME)) == 1
    assert same_however_told([*history(), *stops(6)], NAME) == []


@pytest.mark.parametrize(("hours", "alerts"), [(6, 0), (10, 1), (120, 1)])
def test_a_short_pause_is_none_and_a_long_one_is_said_once(hours: int, alerts: int) -> None:
    assert len(said(NAME, history(), stops(hours))) == alerts


def test_when_all_are_silent_something_else_is_wrong() -> None:
    """An outage, a holiday or a gap in the log: nobody is there to be compared with."""
    assert said(NAME, history(), TENANT.calm(CREW[1], hours=72, at=THEN, per_hour=1)) == []


def test_when_most_are_silent_one_of_them_is_not_told() -> None:
    assert said(NAME, history(), stops(others=1)) == []


@pytest.mark.parametrize(("before", "alerts"), [(48.0, 1), (14.0, 1), (12.0, 0)])
def test_those_who_had_stopped_well_before_are_another_story(before: float, alerts: int) -> None:
    """Two of four were taken out of service, and keep their usual numbers: they witness nothing."""
    others = in_order(*(work(agent, 14 * 24 - before) for agent in LINE[2:]))
    story = in_order(*(work(agent, 24 * 14) for agent in LINE[:2]), others, work(LINE[1], 36, at=THEN))
    assert [alert.subject.name for alert in said(NAME, story)] == ["line 0"] * alerts


def test_after_a_gap_in_the_log_nobody_was_silent() -> None:
    back = in_order(*(work(agent, 24, at=THEN + 3 * DAY) for agent in LINE))
    assert said(NAME, history(), back) == []


def test_who_was_switched_off_is_rightly_silent() -> None:
    off = TENANT.change("agent_disabled", THEN + HOUR, AGENT)
    assert said(NAME, history(), stops(), off) == []


def test_an_agent_of_the_day_is_silent_at_night() -> None:
    office = [
        event
        for agent in LINE
        for day in range(16)
        for event in TENANT.sign_ins(agent, NOW + day * DAY + 9 * HOUR, 9, every=HOUR)
    ]
    awake = TENANT.calm(LINE[3], hours=16 * 24, at=NOW, per_hour=1)
    assert said(NAME, office, awake) == []


def test_a_young_agent_is_not_judged() -> None:
    """Five days that are over for a day."""
    assert said(NAME, history(5), stops(at=NOW + 5 * DAY)) == []
    assert len(said(NAME, history(8), stops(at=NOW + 8 * DAY))) == 1


def test_before_the_first_weekend_was_learned_nothing_is_missed() -> None:
    monday = NOW + 4 * DAY
    week = in_order(*(work(agent, 24 * 6, at=monday) for agent in LINE))
    assert said(NAME, week, stops(at=monday + 6 * DAY)) == []


def test_a_lone_agent_has_no_witnesses() -> None:
    lone = TENANT.agent("lone", blueprint="island")
    assert said(NAME, work(lone, 14 * 24), TENANT.calm(CREW[1], hours=72, at=THEN, per_hour=1)) == []


@pytest.mark.parametrize(("p_value", "seen", "found"), [(9.9e-4, 5, True), (1e-3, 12, False), (9.9e-4, 4.9, False)])
def test_surprise_and_experience_have_their_thresholds(p_value: float, seen: float, *, found: bool) -> None:
    facts: dict[str, int | float | str] = {"hours": 16, "agent_name": "line 0"}
    told = signal("silence", p_value=p_value, seen=seen, value=8.0, usual=1.0, facts=facts)
    assert (AgentSilent().judge(told) is not None) == found
