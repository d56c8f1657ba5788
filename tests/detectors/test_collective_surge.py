"""D108: several agents of a blueprint are far busier than usual in the same two or six hours."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from detector.detectors.collective_surge import CollectiveSurge
from detector.domain.events import Event
from detector.domain.signals import Fact
from tests.detectors.stage import CREW, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, Agent, defaults, in_order

NAME = "collective_surge"
TEAM = tuple(TENANT.agent(f"hand {number}", blueprint="farm") for number in range(6))
NIGHT = NOW + 10 * DAY + 2 * HOUR


def work(agent: Agent, days: int = 10) -> list[Event]:
    """A request every three hours."""
    return TENANT.sign_ins(agent, NOW + 20 * MINUTE, 8 * days, every=3 * HOUR)


@cache
def history(days: int = 10, agents: int = 6) -> tuple[Event, ...]:
    return tuple(in_order(*(work(agent, days) for agent in TEAM[:agents])))


def theft(agents: int = 6, *, number: int = 3, at: float = NIGHT) -> list[Event]:
    """A few requests of each, ten minutes apart, and somebody else by whom time passes."""
    moments = [TENANT.sign_ins(agent, at + 60, number, every=10 * MINUTE) for agent in TEAM[:agents]]
    return in_order(*moments, TENANT.sign_in(CREW[1], at + 3 * HOUR))


def test_a_little_of_each_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, history(), theft())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D108",)
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", TEAM[0].blueprint)
    assert {each.id for each in alert.entities if each.kind == "agent"} == {agent.id for agent in TEAM}
    assert alert.title == "6 agents of one blueprint busier than usual at once"
    assert alert.explanation == (
        "The agents of dc659bd4-19ab-5115-8449-282dbf7ec124 asked for tokens in 18 ten-minute periods, summed up, from "
        "2026-03-22 01:00 to 2026-03-22 03:00 UTC; at these hours usually in 2.9. 6 of 6 are busier than usual, most "
        "of all hand 2, hand 1, hand 3 and 3 more (p = 3e-07)."
    )


@pytest.mark.untraced
def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told([*history(), *theft()], NAME)) == 1
    assert same_however_told([*history(), *theft(number=1)], NAME) == []


@pytest.mark.parametrize(("agents", "alerts"), [(2, 0), (4, 1)])
def test_one_or_two_are_not_several(agents: int, alerts: int) -> None:
    assert len(said(NAME, history(), theft(agents, number=6))) == alerts


def test_two_among_others_who_do_their_usual_work_are_no_crowd() -> None:
    assert said(NAME, history(11), theft(2, number=6, at=NOW + 10 * DAY + 3 * HOUR)) == []


def test_a_blueprint_of_two_has_no_crowd() -> None:
    assert said(NAME, history(agents=2), theft(2, number=6)) == []


def test_a_burst_of_minutes_is_no_surge() -> None:
    burst = [TENANT.sign_ins(agent, NIGHT, 40, every=5.0) for agent in TEAM]
    assert said(NAME, history(), *burst, TENANT.sign_in(CREW[1], NIGHT + 3 * HOUR)) == []


def test_young_agents_do_not_count() -> None:
    assert said(NAME, history(4), theft(at=NOW + 4 * DAY + 2 * HOUR)) == []


def test_a_little_more_of_all_for_six_hours_adds_up() -> None:
    """Five requests more of each agent: no two hours of it are worth a word."""
    start = NIGHT + 4 * HOUR
    more = [
        TENANT.sign_ins(agent, start + number * 10 * MINUTE, 5, every=64 * MINUTE) for number, agent in enumerate(TEAM)
    ]
    (alert,) = said(NAME, in_order(history(11), *more))
    assert alert.evidence.details["hours"] == 6
    assert "from 2026-03-22 05:00 to 2026-03-22 11:00 UTC" in alert.explanation


def test_the_usual_crowd_is_usual() -> None:
    assert said(NAME, history(), history(20)) == []


def test_it_is_said_once_a_day() -> None:
    assert len(said(NAME, history(), theft(number=12), theft(at=NIGHT + 6 * HOUR))) == 1


def test_nobody_looks_when_nobody_listens() -> None:
    assert said(NAME, history(), theft(), chosen=replace(defaults(), detectors=())) == []


@pytest.mark.parametrize(
    ("p_value", "agents", "seen", "found"),
    [(9.9e-6, 3, 5, True), (1e-5, 3, 5, False), (9.9e-6, 2, 5, False), (9.9e-6, 3, 4.9, False)],
)
def test_every_threshold_has_its_edge(p_value: float, agents: int, seen: float, *, found: bool) -> None:
    facts: dict[str, Fact] = {
        "agents": agents,
        "agents_known": 5,
        "hours": 2,
        "blueprint_name": "farm",
        "busiest": ("a", "b"),
    }
    told = signal("together", p_value=p_value, seen=seen, value=20.0, usual=3.0, facts=facts)
    assert (CollectiveSurge().judge(told) is not None) == found
