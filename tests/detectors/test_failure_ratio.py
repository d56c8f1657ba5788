"""D29: an unusual share of refused token requests in six hours."""

from __future__ import annotations

import pytest

from detector.detectors.failure_ratio import FailureRatio
from detector.domain.events import Event
from tests.detectors.stage import AGENT, NOW, TENANT, engine, said, same_however_told, signal
from tests.stories import BLOCKED, DAY, EXPIRED, HOUR, MINUTE, THROTTLED, in_order, tell

NAME = "failure_ratio"


def mixed(failed: int, granted: int, *, at: float = NOW, error: int = BLOCKED) -> list[Event]:
    """Refused and granted requests spread over three hours, too few an hour to be a burst."""
    return in_order(
        TENANT.sign_ins(AGENT, at, failed, every=3 * HOUR / failed, error=error),
        TENANT.sign_ins(AGENT, at + MINUTE, granted, every=3 * HOUR / max(granted, 1)),
    )


def test_a_quiet_agent_that_suddenly_fails_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, mixed(6, 4), TENANT.sign_in(AGENT, NOW + HOUR, error=EXPIRED))
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D29",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", AGENT.id)
    assert alert.title == "64% of token requests failed"
    assert alert.explanation == (
        "7 of 11 token requests failed in 6 hours (mostly blocked by ca); usually 0.1% do, learned from 400 requests "
        "(p < 1e-12)."
    )
    assert alert.evidence.details["class"] == ("blocked_by_ca", "credential_expired")


@pytest.mark.parametrize(("failures", "alerts"), [(3, 0), (4, 1)])
def test_below_the_floor_no_ratio_is_judged(failures: int, alerts: int) -> None:
    assert len(said(NAME, mixed(failures, 2))) == alerts


@pytest.mark.parametrize(("granted", "alerts"), [(68, 1), (69, 0)])
def test_less_than_the_least_share_is_not_worth_saying(granted: int, alerts: int) -> None:
    assert len(said(NAME, mixed(12, granted))) == alerts


def test_an_outage_is_no_ratio() -> None:
    assert said(NAME, mixed(50, 2, error=THROTTLED)) == []


def test_it_waits_until_the_window_is_final() -> None:
    """Six hours and the lateness; successes may come until then."""
    playing = engine()
    assert [a for a in tell(playing, mixed(6, 4)) if a.detector == NAME] == []
    assert tell(playing, [TENANT.sign_in(AGENT, NOW + 6 * HOUR + 19 * MINUTE)]) == []
    (alert,) = tell(playing, [TENANT.sign_in(AGENT, NOW + 6 * HOUR + 20 * MINUTE)])
    assert alert.detector == NAME
    assert alert.time == "2026-03-12T06:00:00.000Z"


def test_an_archive_that_ends_is_judged_to_its_end() -> None:
    playing = engine()
    tell(playing, mixed(6, 4))
    assert [alert.detector for alert in playing.finish()] == [NAME]
    assert playing.finish() == []


def test_an_agent_that_always_fails_half_the_time_has_learned_to() -> None:
    """It is said on the first day and then no more."""
    days = [mixed(10, 10, at=NOW + quarter * 6 * HOUR) for quarter in range(40)]
    alerts = said(NAME, *days)
    assert 1 <= len(alerts) <= 3
    assert max(alert.time for alert in alerts) < "2026-03-16"


def test_an_agent_that_goes_on_failing_is_said_once_a_day() -> None:
    """Four windows tip in each day; the first of them speaks for the day that it began in."""
    always = TENANT.sign_ins(AGENT, NOW, 72, every=HOUR, error=BLOCKED)
    alerts = same_however_told(always, NAME)
    assert [alert.time for alert in alerts] == [f"2026-03-{day}T06:00:00.000Z" for day in (12, 13, 14)]
    assert all(alert.explanation.startswith("6 of 6 token requests failed") for alert in alerts)


def test_a_day_is_said_when_only_its_last_window_tips() -> None:
    failing = mixed(6, 4, at=NOW + 18 * HOUR), mixed(6, 4, at=NOW + 24 * HOUR)
    assert [alert.time[:13] for alert in said(NAME, *failing)] == ["2026-03-13T00", "2026-03-13T06"]


@pytest.mark.untraced
def test_fewer_failures_than_usual_are_never_an_alert() -> None:
    always = [TENANT.sign_ins(AGENT, NOW + hour * HOUR, 9, every=60, error=BLOCKED) for hour in range(240)]
    better = mixed(400, 600, at=NOW + 10 * DAY)
    alerts = said(NAME, *always, better)
    assert max(alert.time for alert in alerts) <= "2026-03-22T00:00:00.000Z"  # the last window of nothing but failures


def test_it_is_the_same_alert_however_it_is_told() -> None:
    story = in_order(mixed(6, 4), TENANT.sign_ins(AGENT, NOW + 6 * HOUR, 3))
    assert len(same_however_told(story, NAME)) == 1
    assert same_however_told(mixed(3, 2), NAME) == []


def test_failures_that_come_late_belong_to_their_own_window() -> None:
    story = in_order(
        TENANT.sign_ins(AGENT, NOW + 6 * HOUR - 300, 6, every=40, error=BLOCKED),
        TENANT.sign_ins(AGENT, NOW + 6 * HOUR, 9),
    )
    (alert,) = same_however_told(story, NAME)
    assert alert.explanation.startswith("6 of 6 token requests failed")


@pytest.mark.parametrize(
    ("p_value", "share", "found"), [(1e-6, 0.5, False), (9.9e-7, 0.15, True), (9.9e-7, 0.149, False)]
)
def test_surprise_and_share_have_their_thresholds(p_value: float, share: float, found: bool) -> None:
    told = signal("failure_ratio", p_value=p_value, value=share, facts={"failures": 3, "attempts": 10})
    finding = FailureRatio().judge(told)
    assert (finding is not None) == found
    if finding is not None:
        assert "(mostly unknown)" in finding.explanation
