"""D28: many refused token requests within an hour."""

from __future__ import annotations

import pytest

from detector.detectors.failure_burst import FailureBurst
from tests.detectors.stage import AGENT, BLUEPRINT, NOW, TENANT, said, same_however_told, signal
from tests.stories import BLOCKED, DAY, HOUR, INVALID, THROTTLED, in_order, network

NAME = "failure_burst"
OUTAGE = 90033


def test_a_burst_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, TENANT.sign_ins(AGENT, NOW, 40, every=30, error=BLOCKED))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D28",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "10 failed token requests within an hour"
    assert alert.explanation == (
        "10 token requests failed in 1 hour, the latest with error 53003 (blocked by ca); expected about 0.003, "
        "learned from 188 active hours (p < 1e-12)."
    )


@pytest.mark.parametrize(("failures", "alerts"), [(9, 0), (10, 1)])
def test_below_the_floor_no_burst_is_judged(failures: int, alerts: int) -> None:
    assert len(said(NAME, TENANT.sign_ins(AGENT, NOW, failures, every=30, error=BLOCKED))) == alerts


@pytest.mark.parametrize("error", [OUTAGE, THROTTLED])
def test_an_outage_is_no_burst(error: int) -> None:
    assert said(NAME, TENANT.sign_ins(AGENT, NOW, 500, every=5, error=error)) == []


def test_an_outage_hides_no_guessing() -> None:
    outage = TENANT.sign_ins(AGENT, NOW, 200, every=10, error=OUTAGE)
    guesses = TENANT.sign_ins(AGENT, NOW + 5, 12, every=100, error=INVALID, origin=network(1))
    (alert,) = said(NAME, outage, guesses)
    assert "the latest with error 7000215 (credential invalid)" in alert.explanation
    assert alert.evidence.addresses == ("198.51.100.7",)


def test_an_agent_that_fails_every_hour_has_learned_to() -> None:
    hourly = [TENANT.sign_ins(AGENT, NOW + hour * HOUR, 8, every=60, error=BLOCKED) for hour in range(48)]
    one_more = TENANT.sign_ins(AGENT, NOW + 2 * DAY, 12, every=60, error=BLOCKED)
    assert said(NAME, *hourly, one_more) == []


def test_failures_across_the_hour_are_counted_by_clock_hours() -> None:
    assert said(NAME, TENANT.sign_ins(AGENT, NOW + HOUR - 270, 18, every=30, error=BLOCKED)) == []


def test_the_principal_of_the_blueprint_is_watched_as_well() -> None:
    (alert,) = said(NAME, TENANT.sign_ins(BLUEPRINT, NOW, 12, every=30, error=INVALID))
    assert (alert.subject.kind, alert.subject.id) == ("blueprint", BLUEPRINT.id)


def test_a_newborn_has_no_right_to_fail_much_either() -> None:
    newborn = TENANT.agent("newborn")
    assert len(said(NAME, TENANT.sign_ins(newborn, NOW, 30, every=30, error=INVALID))) == 1


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(TENANT.sign_ins(AGENT, NOW, 12, every=30, error=BLOCKED), TENANT.sign_ins(AGENT, NOW, 9, every=60))
    assert len(same_however_told(story, NAME)) == 1
    assert same_however_told(TENANT.sign_ins(AGENT, NOW, 9, every=30, error=BLOCKED), NAME) == []


def test_failures_that_come_late_belong_to_their_own_hour() -> None:
    story = in_order(
        TENANT.sign_ins(AGENT, NOW + HOUR - 200, 10, every=20, error=BLOCKED), TENANT.sign_ins(AGENT, NOW + HOUR, 3)
    )
    assert len(same_however_told(story, NAME)) == 1


@pytest.mark.parametrize(("count", "severity"), [(99.0, "medium"), (100.0, "high")])
def test_a_hundred_are_high(count: float, severity: str) -> None:
    finding = FailureBurst().judge(signal("failure_burst", value=count, usual=0.1))
    assert finding is not None
    assert finding.severity == severity


@pytest.mark.parametrize(("p_value", "found"), [(1e-6, False), (9.9e-7, True)])
def test_the_tail_must_fall_below_the_threshold(p_value: float, found: bool) -> None:
    assert (FailureBurst().judge(signal("failure_burst", p_value=p_value, value=20.0)) is not None) == found
