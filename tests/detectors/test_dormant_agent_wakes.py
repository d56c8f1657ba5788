"""D57: an agent was granted a token, the first after a very long pause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from detector.detectors.dormant_agent_wakes import DormantAgentWakes
from detector.domain.alerts import Alert
from detector.domain.signals import Fact
from tests.detectors.stage import AGENT, CREW, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, INVALID, MINUTE, NOWHERE, Agent, network

NAME = "dormant_agent_wakes"


def of(alerts: Sequence[Alert], agent: Agent = AGENT) -> list[Alert]:
    return [alert for alert in alerts if alert.subject.id == agent.id]


def test_the_first_token_after_a_long_pause_is_said_at_once() -> None:
    awake = TENANT.sign_ins(AGENT, NOW + 42 * DAY, 5, every=20 * MINUTE)
    (alert,) = said(NAME, awake)
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D57",)
    assert alert.time == "2026-04-23T00:00:00.000Z"
    assert alert.title == "Awake after 42 days"
    assert alert.explanation == (
        "invoices was granted a token from 192.0.2.7 for graph, the first after 42 days; before, it was at work every "
        "1 hour or so (learned from 189 active hours)."
    )
    assert alert.evidence.record_ids == (awake[0].record_id,)


def test_a_refused_request_wakes_nobody() -> None:
    assert said(NAME, TENANT.sign_ins(AGENT, NOW + 42 * DAY, 5, error=INVALID)) == []


@pytest.mark.parametrize(("after", "number"), [(30 * DAY - 1, 0), (30 * DAY, 1)])
def test_thirty_days_are_long(after: float, number: int) -> None:
    assert len(said(NAME, TENANT.sign_in(AGENT, NOW + after))) == number


def test_the_edge_does_not_depend_on_the_order_of_arrival() -> None:
    """Back just before thirty days are over, and again just after; the pause is that before the last final hour."""
    edge = NOW + 30 * DAY
    story = [TENANT.sign_in(AGENT, edge - 10 * MINUTE), TENANT.sign_in(AGENT, edge + 5 * MINUTE)]
    assert len(same_however_told(story, NAME)) == 1
    assert len(said(NAME, reversed(story))) == 1
    assert said(NAME, story[0], TENANT.sign_in(AGENT, edge + 2 * HOUR)) == []


@pytest.mark.parametrize(
    ("words", "severity", "shown"),
    [
        ({"origin": network(5)}, "high", "from 2001:db8:5::7 (a network never seen before) for graph, the first"),
        ({"resource": "vault"}, "high", "from 192.0.2.7 for vault, which it never used before, the first"),
        ({"origin": NOWHERE}, "medium", "from an unknown address for graph, the first"),
    ],
)
def test_a_new_network_or_resource_makes_it_worse(words: dict[str, Any], severity: str, shown: str) -> None:
    (alert,) = said(NAME, TENANT.sign_in(AGENT, NOW + 42 * DAY, **words))
    assert alert.severity == severity
    assert shown in alert.explanation


def test_a_monthly_job_is_not_asleep() -> None:
    """It is said once, as long as nothing is known of it but one burst of work."""
    monthly = TENANT.agent("monthly")
    jobs = [TENANT.sign_ins(monthly, NOW + 31 * month * DAY, 30, every=20 * MINUTE) for month in range(6)]
    (alert,) = of(said(NAME, *jobs), monthly)
    assert alert.time == "2026-04-12T00:00:00.000Z"


def test_too_little_was_seen_of_the_young() -> None:
    young = TENANT.agent("young")
    again = TENANT.sign_in(young, NOW + 60 * DAY)
    assert of(said(NAME, TENANT.calm(young, hours=2, at=NOW), again), young) == []
    assert len(of(said(NAME, TENANT.calm(young, hours=6, at=NOW), again), young)) == 1


def test_each_pause_is_an_alert_of_its_own() -> None:
    first, second = (TENANT.calm(AGENT, hours=12, at=NOW + day * DAY) for day in (40, 110))
    assert len(of(said(NAME, first, second))) == 2


def test_it_is_the_same_alert_however_it_is_told() -> None:
    awake = TENANT.sign_ins(AGENT, NOW + 42 * DAY + 50 * MINUTE, 6, every=5 * MINUTE)
    others = TENANT.sign_ins(CREW[1], NOW + 42 * DAY, 6, every=20 * MINUTE, resource="vault")
    assert len(of(same_however_told(awake + others, NAME))) == 1


@pytest.mark.parametrize(
    ("value", "facts", "seen", "said_so"),
    [
        (30.0, {}, 4.0, True),
        (29.9, {}, 4.0, False),
        (30.0, {"usual_pauses": 19.9}, 4.0, False),
        (30.0, {}, 3.9, False),
        (30.0, {"stage": "asleep"}, 4.0, False),
    ],
)
def test_each_threshold_counts(value: float, facts: dict[str, Fact], seen: float, said_so: bool) -> None:
    told: dict[str, Fact] = {"stage": "awake", "usual_pauses": 20.0, "usual_hours": 5.0}
    finding = DormantAgentWakes().judge(signal("dormancy", value=value, seen=seen, facts=told | facts))
    assert (finding is not None) == said_so
