"""D04: an agent that runs by the clock works between its runs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from detector.detectors.off_schedule import OffSchedule
from detector.domain.events import Event
from tests.detectors.stage import CREW, NOW, TENANT, said, same_however_told, signal
from tests.stories import BLOCKED, DAY, HOUR, MINUTE, Agent, defaults, in_order

NAME = "off_schedule"
JOB = TENANT.agent("nightly import", blueprint="jobs")
SIBLINGS = tuple(TENANT.agent(f"job {number}", blueprint="jobs") for number in range(3))
NOON = NOW + 6 * DAY + 12 * HOUR


def runs(agent: Agent = JOB, *, days: float = 6, every: float = HOUR, past: float = 5 * MINUTE) -> list[Event]:
    """A run at five past every hour."""
    return TENANT.sign_ins(agent, NOW + past, int(days * DAY / every), every=every)


@cache
def history() -> tuple[Event, ...]:
    return tuple(runs())


def more(agent: Agent = JOB, *, number: int = 6, at: float = NOON, error: int = 0) -> list[Event]:
    """Requests ten minutes apart that begin at a quarter past, and one of somebody else by which time passes."""
    extra = TENANT.sign_ins(agent, at + 15 * MINUTE, number, every=10 * MINUTE, error=error)
    return [*extra, TENANT.sign_in(CREW[1], at + 3 * HOUR)]


def test_runs_between_the_runs_are_said_with_their_numbers() -> None:
    (alert,) = said(NAME, history(), more())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D04",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", JOB.id)
    assert alert.time == "2026-03-18T13:00:00.000Z"
    assert alert.title == "At work in 5 ten-minute periods between its runs"
    assert alert.explanation == (
        "nightly import runs by the clock, in the ten minutes from :00 of an hour. From 2026-03-18 11:00 to 2026-03-18 "
        "13:00 UTC it asked for tokens in 5 ten-minute periods besides; usually in 0.037, learned from 133 hours at "
        "work (p = 6e-08)."
    )


@pytest.mark.untraced
def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told([*history(), *more()], NAME)) == 1
    assert same_however_told([*history(), *more(number=2)], NAME) == []


@pytest.mark.parametrize(("number", "alerts"), [(3, 0), (4, 1)])
def test_a_few_requests_are_none_of_it(number: int, alerts: int) -> None:
    assert len(said(NAME, history(), more(number=number))) == alerts


def test_more_at_its_own_minutes_is_no_matter_of_the_clock() -> None:
    burst = TENANT.sign_ins(JOB, NOON + 5 * MINUTE, 60, every=4.0)
    assert said(NAME, history(), burst, TENANT.sign_in(CREW[1], NOON + 3 * HOUR)) == []


def test_refused_requests_count_as_well() -> None:
    assert len(said(NAME, history(), more(error=BLOCKED))) == 1


def test_a_clock_that_goes_faster_is_off_schedule() -> None:
    """Every quarter of an hour instead of every hour."""
    faster = TENANT.sign_ins(JOB, NOON + 5 * MINUTE, 8, every=15 * MINUTE)
    assert len(said(NAME, history(), faster, TENANT.sign_in(CREW[1], NOON + 3 * HOUR))) == 1


def test_who_works_at_any_minute_has_no_schedule() -> None:
    assert said(NAME, runs(every=53 * MINUTE), more()) == []


def test_all_six_ten_minutes_are_a_schedule_without_a_between() -> None:
    assert said(NAME, runs(every=10 * MINUTE, past=60.0), more()) == []


@pytest.mark.parametrize(("days", "alerts"), [(3.5, 0), (5, 1)])
def test_an_agent_of_few_days_is_not_judged(days: float, alerts: int) -> None:
    at = NOW + days * DAY + 6 * HOUR
    assert len(said(NAME, runs(days=days), more(at=at))) == alerts


def test_an_agent_that_was_seldom_at_work_is_not_judged() -> None:
    assert said(NAME, runs(every=8 * HOUR), more()) == []


def test_what_all_siblings_do_is_their_common_work() -> None:
    """A backfill of the whole blueprint."""
    together = (JOB, *SIBLINGS)
    known = in_order(*(runs(agent) for agent in together))
    strayed = in_order(*(more(agent) for agent in together))
    assert said(NAME, known, strayed) == []
    assert len(said(NAME, known, more())) == 1


def test_a_sibling_without_a_schedule_explains_nothing() -> None:
    known = in_order(runs(), runs(SIBLINGS[0], every=53 * MINUTE))
    assert len(said(NAME, known, in_order(more(), more(SIBLINGS[0])))) == 1


def test_an_agent_without_siblings_is_judged_alone() -> None:
    """A classic workload identity has no blueprint."""
    classic = TENANT.agent("classic", blueprint=None)
    assert len(said(NAME, runs(classic), more(classic))) == 1


def test_a_moved_schedule_is_learned() -> None:
    later = TENANT.sign_ins(JOB, NOON + 35 * MINUTE, 24 * 14, every=HOUR)
    (*_, last) = [NOON, *(alert.evidence.last_seen for alert in said(NAME, history(), later))]
    assert last in (NOON, "2026-03-19T00:00:00.000Z") or str(last) < "2026-03-22"


def test_a_late_record_counts_in_its_period() -> None:
    story = [*history(), *more(number=4)]
    late = TENANT.sign_in(JOB, NOON + 56 * MINUTE)
    assert len(said(NAME, story[:-2], TENANT.sign_in(CREW[1], NOON + 66 * MINUTE), late, story[-1])) == 1


def test_it_is_said_once_a_day() -> None:
    again = TENANT.sign_ins(JOB, NOON + 5 * HOUR + 15 * MINUTE, 4, every=10 * MINUTE)
    assert len(said(NAME, history(), more(number=4), again, TENANT.sign_in(CREW[1], NOON + 9 * HOUR))) == 1


def test_nobody_listens_when_it_is_switched_off() -> None:
    chosen = replace(defaults(), detectors=(OffSchedule(enabled=False),))
    assert said(NAME, history(), more(), chosen=chosen) == []


@pytest.mark.parametrize(("value", "p_value", "found"), [(4, 9.9e-5, True), (3, 9.9e-5, False), (4, 1e-4, False)])
def test_every_threshold_has_its_edge(value: float, p_value: float, *, found: bool) -> None:
    facts = {"agent_name": "job", "at_work_at": (":00", ":30"), "siblings_factor": 2.04}
    finding = OffSchedule().judge(signal("off_schedule", value=value, usual=0.5, p_value=p_value, facts=facts))
    assert (finding is not None) == found
    if finding is not None:
        assert "in the ten minutes from :00 and :30 of an hour" in finding.explanation
        assert "at work and times 2.0, for its siblings are busier than usual too (p" in finding.explanation
