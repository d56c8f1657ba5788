"""What grows is told again under a budget: its first word is weak and may be held back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.domain.alerts import Alert
from detector.engine.settings import EngineSettings
from detector.features.budget import BudgetSettings, place
from detector.features.tails import grade
from tests.detectors.stage import AGENT, NOW, TENANT, everything, same_however_told
from tests.stories import HOUR, defaults

NAME = "token_spike"
MEDIUM = 2
EXTREME = 3
"""The grade from which on each span speaks for itself."""


def budgeted(rank: int = 20) -> EngineSettings:
    """Spikes are frequent up to a rank and rare beyond it; every other detector is silent."""
    shipped = {f"{NAME}/10 minutes": ((place(MEDIUM, 0), 5.0), (place(MEDIUM, rank), 0.001))}
    only = tuple(each for each in defaults().detectors if each.name == NAME)
    return replace(defaults(), detectors=only, budget=BudgetSettings(shipped=shipped), retells=True)


def flood(requests: int, at: float = NOW) -> list[Alert]:
    return everything(TENANT.sign_ins(AGENT, at, requests, every=2), chosen=budgeted())


def test_a_flood_whose_first_requests_were_held_back_is_sent_once_it_is_one() -> None:
    told = sorted(flood(200), key=lambda alert: alert.evidence.observed)
    first, *others = [alert for alert in told if alert.sort == "10 minutes"]
    sent = next(alert for alert in others if alert.held is None)
    assert first.evidence.observed == 20
    assert first.held is not None, "bursts of twenty are frequent"
    assert sent.evidence.observed < 40
    assert sent.score > first.score


def test_a_burst_that_goes_no_further_stays_held_back() -> None:
    (alert,) = flood(22)
    assert alert.held is not None


def test_each_grade_is_one_alert_and_an_extreme_one_is_one_of_each_span() -> None:
    alerts = [alert for alert in flood(250) if "without a pause" not in alert.sort]
    grades = [(grade(10.0**-alert.score, 1e-7, 2.0, extreme=EXTREME), alert.sort) for alert in alerts]
    first = [reached for reached, _ in grades if reached < EXTREME]
    assert len(set(first)) == len(first) > 1
    extreme = [each for each in grades if each[0] >= EXTREME]
    assert len(set(extreme)) == len(extreme)
    assert {span for _, span in extreme} == {"10 minutes", "1 hour"}
    assert len({alert.id for alert in alerts}) == len(alerts)
    assert len(flood(200, NOW + HOUR)) == len(flood(200)), "no clock but event time"


def test_the_hour_of_a_flood_is_sent_where_such_ten_minutes_are_frequent() -> None:
    frequent = BudgetSettings(shipped={f"{NAME}/10 minutes": ((0, 5.0),)})
    alerts = everything(TENANT.sign_ins(AGENT, NOW, 250, every=2), chosen=replace(budgeted(), budget=frequent))
    assert {alert.held is None for alert in alerts if alert.sort == "10 minutes"} == {False}
    assert any(alert.held is None for alert in alerts if alert.sort == "1 hour")


@pytest.mark.parametrize("requests", [20, 45, 200])
def test_it_is_the_same_however_it_is_told(requests: int) -> None:
    """Copies, delays, batches and a restart change neither what is told nor what is held back."""
    same_however_told(TENANT.sign_ins(AGENT, NOW, requests, every=2), NAME, chosen=budgeted())


def test_without_a_budget_it_is_told_once() -> None:
    assert len([each for each in everything(TENANT.sign_ins(AGENT, NOW, 200, every=2)) if each.detector == NAME]) == 1
