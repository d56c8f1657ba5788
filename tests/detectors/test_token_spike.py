"""D01: a token-request spike of one agent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from detector.detectors.token_spike import TokenSpike
from detector.domain.alerts import Alert
from detector.domain.events import Event
from detector.features.budget import BudgetSettings
from tests.detectors.stage import (
    AGENT,
    BLUEPRINT,
    CREW,
    NOW,
    TENANT,
    engine,
    everything,
    said,
    same_however_told,
    signal,
)
from tests.stories import DAY, HOUR, MINUTE, Agent, alerts_of, defaults, in_order, tell

NAME = "token_spike"


def test_a_flood_is_said_with_its_numbers() -> None:
    (alert,) = everything(TENANT.sign_ins(AGENT, NOW, 50, every=5))
    assert alert.detector == NAME
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D01",)
    assert (alert.subject.kind, alert.subject.id, alert.subject.name) == ("agent", AGENT.id, "invoices")
    assert alert.subject.blueprint == AGENT.blueprint
    assert alert.title == "Token-request spike: 20 in 10 minutes"
    assert alert.explanation == (
        "20 token requests in 10 minutes; expected about 1.0 at this hour, learned from 756 active periods of "
        "10 minutes."
    )
    assert (alert.evidence.observed, alert.evidence.unit) == (20, "token requests")


@pytest.mark.parametrize(("requests", "alerts"), [(19, 0), (20, 1)])
def test_below_the_floor_nobody_is_woken(requests: int, alerts: int) -> None:
    assert len(said(NAME, TENANT.sign_ins(AGENT, NOW, requests, every=5))) == alerts


def test_six_hours_of_a_little_more_are_a_spike_too() -> None:
    (alert,) = said(NAME, TENANT.sign_ins(AGENT, NOW, 200, every=100))
    assert "in 6 hours; expected about 24, learned from" in alert.explanation


def test_failed_requests_count_as_well() -> None:
    assert len(said(NAME, TENANT.sign_ins(AGENT, NOW, 60, every=5, error=90033))) == 1


def test_calm_days_are_silent() -> None:
    assert everything(*(TENANT.calm(agent, hours=48, at=NOW, per_hour=4) for agent in CREW)) == []


def test_an_agent_that_works_in_bursts_may_go_on_doing_so() -> None:
    """Thirty at once each hour, for five days and for a sixth."""
    bursts = [TENANT.sign_ins(AGENT, NOW + hour * HOUR, 30, every=1) for hour in range(144)]
    story = [event for burst in bursts[:120] for event in burst]
    assert alerts_of(story, defaults()) == []
    assert said(NAME, *bursts[:6])  # the settled agent is not used to it
    assert alerts_of([*story, *(event for burst in bursts[120:] for event in burst)], defaults()) == []


def test_an_agent_younger_than_its_experience_is_not_judged_without_siblings() -> None:
    newborn = TENANT.agent("newborn", blueprint="alone")
    assert said(NAME, TENANT.calm(newborn, hours=3, at=NOW), TENANT.sign_ins(newborn, NOW + 4 * HOUR, 500)) == []


def test_a_newborn_with_siblings_is_judged_by_what_they_do() -> None:
    newborn = TENANT.agent("newborn")
    (alert,) = said(NAME, TENANT.sign_ins(newborn, NOW, 100, every=5))
    assert "at this hour, as much as the other agents of its blueprint make" in alert.explanation
    assert alert.subject.name == "newborn"


def test_a_blueprint_principal_has_a_baseline_of_its_own() -> None:
    (alert,) = said(NAME, TENANT.sign_ins(BLUEPRINT, NOW, 60, every=5))
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)


def test_a_second_burst_in_the_same_six_hours_is_not_said_again() -> None:
    first, second = TENANT.sign_ins(AGENT, NOW, 60, every=5), TENANT.sign_ins(AGENT, NOW + 3 * HOUR, 60, every=5)
    assert len(said(NAME, first, second)) == 1
    later = TENANT.sign_ins(AGENT, NOW + 7 * HOUR, 60, every=5)
    assert len(said(NAME, first, second, later)) == 2


def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told(TENANT.sign_ins(AGENT, NOW, 60, every=5), NAME)) == 1
    assert same_however_told(TENANT.sign_ins(AGENT, NOW, 19, every=5), NAME) == []


def test_requests_that_come_late_may_tip_their_own_ten_minutes() -> None:
    """Half of the burst arrives after the next ten minutes have begun."""
    burst = TENANT.sign_ins(AGENT, NOW, 20, every=5)
    after = TENANT.sign_in(AGENT, NOW + 12 * MINUTE)
    (alert,) = same_however_told(in_order(burst, after), NAME)
    assert alert.evidence.details["window_start"].startswith("2026-03-12T00:00")  # type: ignore[union-attr]


def test_a_spike_teaches_at_most_thrice_the_usual() -> None:
    """A flood every day for a week is still said on the last."""
    flood = [TENANT.sign_ins(AGENT, NOW + day * DAY, 300, every=2) for day in range(7)]
    calm = [TENANT.calm(AGENT, hours=24, at=NOW + day * DAY + HOUR / 8, per_hour=4) for day in range(7)]
    starts = {alert.time[:10] for alert in said(NAME, *flood, *calm)}
    assert "2026-03-18" in starts


@pytest.mark.parametrize(
    ("value", "days", "severity"), [(999.0, 3.0, "medium"), (1000.0, 3.0, "high"), (1000.0, 2.9, "medium")]
)
def test_fifty_times_the_usual_is_high_once_three_days_are_known(value: float, days: float, severity: str) -> None:
    facts: dict[str, int | float | bool] = {"span": 3600, "fleet": False, "known_days": days}
    told = signal("token_rate", value=value, usual=10.0, facts=facts)
    finding = TokenSpike().judge(told)
    assert finding is not None
    assert finding.severity == severity


@pytest.mark.parametrize(("p_value", "found"), [(1e-7, False), (9.9e-8, True)])
def test_the_tail_must_fall_below_the_threshold(p_value: float, found: bool) -> None:
    told = signal("token_rate", p_value=p_value, value=50.0, usual=5.0, facts={"span": 600})
    assert (TokenSpike().judge(told) is not None) == found


def test_what_a_fleet_does_is_another_matter() -> None:
    assert TokenSpike().judge(signal("token_rate", value=50.0, usual=5.0, facts={"span": 600, "fleet": True})) is None


# Requests that go on


def steady(minutes: int, *, each: int = 3, at: float = NOW, agent: Agent = AGENT) -> list[Event]:
    """So many requests in each of some minutes, beginning with the third of ten."""
    start = at + 2 * MINUTE + 7
    return [
        event for minute in range(minutes) for event in TENANT.sign_ins(agent, start + minute * MINUTE, each, every=11)
    ]


def going_on(*stories: Iterable[Event] | Event) -> list[Alert]:
    """Alerts of requests that go on, with a budget, as shipped."""
    found = everything(*stories, chosen=replace(defaults(), budget=BudgetSettings(), retells=True))
    return [alert for alert in found if "without a pause" in alert.sort]


def test_a_flood_that_goes_on_is_said_as_such_within_ten_minutes() -> None:
    alert, *_ = going_on(steady(10))
    assert (alert.detector, alert.severity) == (NAME, "medium")
    assert alert.title == "Token-request spike: 2 a minute for 10 minutes"
    assert alert.explanation == (
        "At least 2 token requests in each of nine of the ten minutes from 2026-03-12 00:02 UTC on "
        "and one in the tenth, 19 together; "
        "expected about 1.0 at this hour, learned from 757 active periods of 10 minutes."
    )
    assert alert.sort == "10 minutes without a pause"
    assert alert.time == "2026-03-12T00:11:07.000Z"


def test_nine_minutes_are_a_burst() -> None:
    assert going_on(steady(9)) == []


def test_two_a_minute_are_enough_and_one_is_not() -> None:
    assert len(going_on(steady(12, each=2))) == 1
    assert going_on(steady(40, each=1)) == []


def test_one_minute_may_be_quiet_and_none_may_be_empty() -> None:
    story = steady(10)
    assert going_on([event for event in story if event not in story[10:12]]) != []
    assert going_on([event for event in story if event not in story[9:12]]) == []


def test_bursts_are_none_of_it_however_large() -> None:
    assert going_on(TENANT.sign_ins(AGENT, NOW, 400, every=1)) == []


def test_who_always_asks_every_minute_may_go_on() -> None:
    clockwork = TENANT.agent("clockwork", blueprint="minutes")
    busy = [event for hour in range(48) for event in steady(55, each=2, at=NOW + hour * HOUR, agent=clockwork)]
    assert going_on(busy) == []


def test_more_and_more_a_minute_are_told_again() -> None:
    told = going_on(steady(10), steady(10, each=12, at=NOW + 20 * MINUTE))
    assert len(told) == len({alert.id for alert in told}) > 1


@pytest.mark.parametrize("minutes", [9, 10, 25])
def test_requests_that_go_on_are_the_same_however_they_are_told(minutes: int) -> None:
    chosen = replace(defaults(), budget=BudgetSettings(), retells=True)
    same_however_told(steady(minutes), NAME, chosen=chosen)


def test_a_late_minute_completes_the_ten() -> None:
    late = [event for event in steady(10) if event.time < NOW + 7 * MINUTE]
    rest = [event for event in steady(10) if event.time >= NOW + 7 * MINUTE]
    playing = engine(replace(defaults(), budget=BudgetSettings(), retells=True))
    before = tell(playing, rest)
    after = tell(playing, late)
    assert not any("without a pause" in alert.sort for alert in before)
    assert any("without a pause" in alert.sort for alert in after)


def test_without_a_budget_each_sort_is_told_once() -> None:
    assert sorted(alert.sort for alert in said(NAME, steady(30))) == ["10 minutes", "10 minutes without a pause"]
