"""D56: an agent that used to work has been granted no token for a long time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from detector.detectors.dormant_agent import DormantAgent
from detector.domain.alerts import Alert
from detector.domain.events import Event
from detector.domain.signals import Fact
from detector.engine.settings import EngineSettings
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, LONER, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, INVALID, MINUTE, defaults

NAME = "dormant_agent"
OTHER = CREW[1]


def world(days: float, agent: Any = OTHER) -> list[Event]:
    """Somebody else is at work for so many days, so that time passes."""
    return TENANT.calm(agent, hours=int(days * 24), at=NOW, per_hour=1)


def of(alerts: Sequence[Alert], agent: Any = AGENT) -> list[Alert]:
    return [alert for alert in alerts if alert.subject.id == agent.id]


def impatient(days: float = 7.0) -> EngineSettings:
    chosen = defaults()
    fewer = tuple(replace(each, min_days=days) if each.name == NAME else each for each in chosen.detectors)  # type: ignore[type-var]
    return replace(chosen, detectors=fewer)


@pytest.mark.untraced
def test_an_agent_that_does_nothing_for_a_month_is_said_once() -> None:
    (alert,) = of(said(NAME, world(70)))
    assert alert.severity == "low"
    assert alert.catalogue_ids == ("D56",)
    assert alert.time == "2026-04-11T00:00:00.000Z"
    assert alert.title == "Asleep for 30 days"
    assert alert.explanation == (
        "invoices has been granted no token for 30 days; before, it was at work every 1 hour or so (learned from 189 "
        "active hours)."
    )
    assert alert.evidence.record_ids == ()


def test_who_works_is_not_asleep() -> None:
    assert of(said(NAME, world(40)), OTHER) == []


@pytest.mark.parametrize(("days", "number"), [(29.9, 0), (30, 1), (30.1, 1)])
def test_a_month_is_thirty_days(days: float, number: int) -> None:
    assert len(of(said(NAME, TENANT.sign_in(OTHER, NOW + days * DAY)))) == number


@pytest.mark.untraced
@pytest.mark.parametrize(("after", "number"), [(DAY * 30 - 1, 0), (DAY * 30, 1)])
def test_work_in_the_last_hour_before_the_day_is_work(after: float, number: int) -> None:
    """And so it is when its record comes late, or when the agent is at work again once the day has begun."""
    back = TENANT.sign_in(AGENT, NOW + after)
    assert len(of(said(NAME, world(30.2), back))) == number
    assert len(of(same_however_told([*world(30.2), back], NAME))) == number


@pytest.mark.untraced
def test_a_rare_job_is_not_asleep_as_long_as_it_rests_as_ever() -> None:
    """It works once in three days; sixty days are twenty of its pauses."""
    rare = TENANT.agent("rare")
    jobs = [TENANT.sign_in(rare, NOW + 3 * day * DAY) for day in range(30)]
    assert of(said(NAME, world(90 + 58), jobs), rare) == []
    (alert,) = of(said(NAME, world(90 + 62), jobs), rare)
    assert "at work every 72 hours or so" in alert.explanation


def test_who_keeps_asking_in_vain_is_said_to() -> None:
    (alert,) = of(said(NAME, world(31), TENANT.sign_ins(AGENT, NOW + DAY, 3, error=INVALID)))
    assert "for 30 days, though it still asks; before" in alert.explanation


@pytest.mark.untraced
def test_too_little_was_seen_of_the_young() -> None:
    young = TENANT.agent("young")
    assert of(said(NAME, world(40), TENANT.calm(young, hours=2, at=NOW)), young) == []
    assert len(of(said(NAME, world(40), TENANT.calm(young, hours=6, at=NOW)), young)) == 1


@pytest.mark.untraced
def test_who_was_switched_off_is_as_it_should_be() -> None:
    off = TENANT.change("update service principal", NOW, AGENT, enabled=False)
    assert of(said(NAME, world(40), off)) == []
    assert len(of(said(NAME, world(40), off), LONER)) == 1
    on = TENANT.change("update service principal", NOW + HOUR, AGENT, enabled=True)
    assert len(of(said(NAME, world(40), off, on))) == 1


@pytest.mark.untraced
def test_who_was_deleted_and_the_agents_of_a_blueprint_that_was_switched_off_are_left_out() -> None:
    gone = TENANT.change("remove service principal", NOW, AGENT)
    assert of(said(NAME, world(40), gone)) == []
    off = TENANT.change("update service principal", NOW, BLUEPRINT, enabled=False)
    assert [alert.subject.name for alert in said(NAME, world(40), off)] == ["loner"]


@pytest.mark.untraced
def test_whoever_falls_asleep_again_is_said_again() -> None:
    """Its longest pause was 35 days; another one is dormancy when it is half as long again."""
    back = TENANT.calm(AGENT, hours=30, at=NOW + 35 * DAY)
    assert len(of(said(NAME, world(35 + 1.25 + 52), back))) == 1
    assert len(of(said(NAME, world(35 + 1.25 + 54), back))) == 2


def test_the_day_is_judged_even_when_time_jumps() -> None:
    """Nothing at all happens for fifty days; then the agent itself wakes."""
    (alert,) = of(said(NAME, TENANT.sign_in(AGENT, NOW + 50 * DAY + 10 * MINUTE)))
    assert alert.time == "2026-04-11T00:00:00.000Z"


@pytest.mark.untraced
def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = world(35) + TENANT.sign_ins(AGENT, NOW + 2 * DAY - 5 * MINUTE, 3, every=5 * MINUTE)
    assert len(of(same_however_told(story, NAME))) == 1
    assert len(of(same_however_told(world(10), NAME, impatient()))) == 1


@pytest.mark.parametrize(
    ("value", "facts", "seen", "said_so"),
    [
        (30.0, {}, 4.0, True),
        (29.9, {}, 4.0, False),
        (30.0, {"usual_pauses": 19.9}, 4.0, False),
        (30.0, {}, 3.9, False),
        (30.0, {"stage": "awake"}, 4.0, False),
        (30.0, {"switched_off": True}, 4.0, False),
    ],
)
def test_each_threshold_counts(value: float, facts: dict[str, Fact], seen: float, said_so: bool) -> None:
    told: dict[str, Fact] = {"stage": "asleep", "usual_pauses": 20.0, "usual_hours": 5.0}
    finding = DormantAgent().judge(signal("dormancy", value=value, seen=seen, facts=told | facts))
    assert (finding is not None) == said_so
