"""D107: an agent asks for more tokens from day to day, away from its siblings."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from detector.detectors.slow_drift import SlowDrift
from detector.domain.events import Event
from detector.domain.signals import Fact
from tests.detectors.stage import AGENT, CREW, LONER, NOW, TENANT, engine, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, Agent, in_order, tell

NAME = "slow_drift"
SIBLINGS = CREW[1:]
USUAL = 96
"""Requests a day of everybody."""
MONDAY = NOW + 4 * DAY
RISE = (120, 145, 170, 195, 220, 245, 270)


def of_days(agent: Agent, numbers: Iterable[int], *, at: float = MONDAY) -> list[Event]:
    """So many requests a day, evenly."""
    return [
        event
        for day, number in enumerate(numbers)
        if number
        for event in TENANT.sign_ins(agent, at + day * DAY, number, every=DAY // number)
    ]


def scene(*stories: Iterable[Event], days: int = len(RISE)) -> list[Event]:
    """Days in which siblings work on, and somebody by whom they pass."""
    passing = TENANT.sign_in(LONER, MONDAY + days * DAY + 30 * MINUTE)
    return in_order(*stories, *(of_days(each, (USUAL,) * days) for each in SIBLINGS), passing)


# Positive


def test_a_rise_from_day_to_day_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, scene(of_days(AGENT, RISE)))
    assert (alert.severity, alert.catalogue_ids) == ("low", ("D107",))
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "220 token requests a day, usually 103, and rising"
    assert alert.explanation == (
        "invoices asked for 220 tokens on 2026-03-20; 103 were to be expected from its usual level. It was above it on "
        "5 days since 2026-03-16, learned from 11 days (p = 0.0002)."
    )
    assert ("blueprint", AGENT.blueprint) in {(each.kind, each.id) for each in alert.entities}
    assert alert.time == "2026-03-21T00:00:00.000Z"


def test_a_level_that_stays_a_little_higher_is_said_too() -> None:
    assert len(said(NAME, scene(of_days(AGENT, (170,) * 7)))) == 1


def test_an_agent_without_siblings_is_compared_with_the_others() -> None:
    (alert,) = said(NAME, scene(of_days(LONER, RISE)))
    assert alert.subject.id == LONER.id
    everybody = (of_days(each, RISE) for each in CREW)
    assert said(NAME, in_order(of_days(LONER, RISE), *everybody)) == []


# Negative


def test_growth_that_siblings_share_is_none() -> None:
    everybody = in_order(*(of_days(each, RISE) for each in CREW), TENANT.sign_in(LONER, MONDAY + 7 * DAY + 30 * MINUTE))
    assert said(NAME, everybody) == []


def test_a_flood_of_one_day_is_none() -> None:
    assert said(NAME, scene(of_days(AGENT, (USUAL, 5_000, USUAL, USUAL, USUAL, USUAL, USUAL)))) == []


def test_siblings_that_fall_silent_make_no_rise() -> None:
    passing = TENANT.sign_in(SIBLINGS[0], MONDAY + 7 * DAY + 30 * MINUTE)
    assert said(NAME, of_days(AGENT, (USUAL,) * 7), passing) == []


def test_pauses_and_what_comes_after_them_are_none() -> None:
    assert said(NAME, scene(of_days(AGENT, (USUAL, 0, 0, USUAL, USUAL, 0, USUAL)))) == []


@pytest.mark.untraced
def test_weekends_are_none() -> None:
    """Nothing at weekends but a few requests, for three weeks; and the other way round."""
    week = (USUAL,) * 5 + (5, 5)
    other = (20,) * 5 + (USUAL, USUAL)
    for numbers in (week, other):
        newcomer = TENANT.agent(f"from {numbers[0]}", blueprint="office")
        assert said(NAME, scene(of_days(newcomer, numbers * 3), days=21)) == []


@pytest.mark.untraced
def test_a_new_level_is_learned() -> None:
    alerts = said(NAME, scene(of_days(AGENT, (200,) * 60), days=60))
    assert alerts
    assert max(alert.time for alert in alerts) < "2026-04-16"


# Boundary


@pytest.mark.parametrize(("days", "alerts"), [(2, 0), (3, 1)])
def test_it_takes_three_days(days: int, alerts: int) -> None:
    assert len(said(NAME, scene(of_days(AGENT, (1_000,) * days), days=days))) == alerts


@pytest.mark.parametrize(("before", "alerts"), [(4, 0), (5, 1)])
def test_five_whole_days_must_have_taught(before: int, alerts: int) -> None:
    """The first day is not a whole one."""
    newcomer = TENANT.agent("newcomer", blueprint="office")
    numbers = (USUAL,) * (1 + before) + (1_000,) * 3
    story = in_order(of_days(newcomer, numbers), TENANT.sign_in(LONER, MONDAY + len(numbers) * DAY + HOUR))
    assert len(said(NAME, story)) == alerts


@pytest.mark.parametrize(
    ("days", "p_value", "seen", "found"),
    [(3, 9.9e-4, 5, True), (2, 9.9e-4, 5, False), (3, 1e-3, 5, False), (3, 9.9e-4, 4, False)],
)
def test_every_threshold_has_its_edge(days: int, p_value: float, seen: float, *, found: bool) -> None:
    facts: dict[str, Fact] = {"days": days, "agent_name": "invoices", "siblings_factor": 1.0, "since": NOW}
    judged = SlowDrift().judge(
        signal("drift", value=200, usual=96, p_value=p_value, seen=seen, window=(NOW, NOW + DAY), facts=facts)
    )
    assert (judged is not None) == found


def test_it_cannot_speak_of_a_tenant_in_its_first_days() -> None:
    assert SlowDrift().ripens == 9


@pytest.mark.parametrize(("last", "alerts"), [(DAY - 11 * MINUTE, 0), (DAY - MINUTE, 1)])
def test_the_last_day_of_an_archive_counts_when_its_records_reach_the_end(last: float, alerts: int) -> None:
    """Half a day would look like a fall."""
    day = MONDAY + 2 * DAY
    third = [event for event in of_days(AGENT, (1_000,), at=day) if event.time < day + DAY - 12 * MINUTE]
    assert len(said(NAME, of_days(AGENT, (1_000,) * 2), third, TENANT.sign_in(LONER, day + last))) == alerts


# Late, duplicate, restart


@pytest.mark.untraced
def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told(scene(of_days(AGENT, RISE)), NAME)) == 1
    assert same_however_told(scene(of_days(AGENT, (USUAL, *RISE[:2])), days=3), NAME) == []


@pytest.mark.parametrize("minute", [6, 19])
def test_late_records_of_a_day_count_until_it_is_judged(minute: int) -> None:
    """All of the third day but half an hour of it, of which the records come behind the midnight after it."""
    end = MONDAY + 3 * DAY
    story = in_order(of_days(AGENT, (1_000,) * 3))
    late = [event for event in story if event.time >= end - 30 * MINUTE + minute * MINUTE + 10 * MINUTE]
    playing = engine()
    found = tell(playing, [event for event in story if event not in late])
    found += tell(playing, [TENANT.sign_in(LONER, end + minute * MINUTE), *late])
    assert playing.accounting.late == 0
    found += tell(playing, [TENANT.sign_in(LONER, end + 20 * MINUTE)])
    (alert,) = [each for each in found if each.detector == NAME]
    assert alert.explanation.startswith("invoices asked for 1,000 tokens on 2026-03-18;")
