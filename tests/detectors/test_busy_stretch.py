"""D05: at work nearly all of the time for two hours in which an agent usually is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.detectors.busy_stretch import BusyStretch
from detector.domain.events import Event
from tests.detectors.stage import CREW, NOW, TENANT, said, same_however_told, signal
from tests.stories import BLOCKED, DAY, HOUR, MINUTE, Agent, defaults, in_order

NAME = "busy_stretch"
CLERK = TENANT.agent("clerk", blueprint="desk")
COLLEAGUES = tuple(TENANT.agent(f"colleague {number}", blueprint="desk") for number in range(3))
NIGHT = NOW + 10 * DAY + HOUR
"""Ten days later, one o'clock on a Sunday night."""


def office(agent: Agent = CLERK, *, days: int = 10, every: float = 30 * MINUTE) -> list[Event]:
    """Days of work from nine to five."""
    hours = 8 * HOUR
    return in_order(
        *(TENANT.sign_ins(agent, NOW + day * DAY + 9 * HOUR, int(hours / every), every=every) for day in range(days))
    )


def night(agent: Agent = CLERK, *, number: int = 9, at: float = NIGHT, error: int = 0) -> list[Event]:
    """Requests ten minutes apart, and one of somebody else by which time passes."""
    return [*TENANT.sign_ins(agent, at, number, every=10 * MINUTE, error=error), TENANT.sign_in(CREW[1], at + 3 * HOUR)]


def test_work_in_the_night_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, office(), night())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D05",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", CLERK.id)
    assert alert.time == "2026-03-22T02:00:00.000Z"
    assert alert.title == "At work in 6 of 12 ten-minute periods, usually 0.3"
    assert alert.explanation == (
        "clerk asked for tokens in 6 of the 12 ten-minute periods from 2026-03-22 00:00 to 2026-03-22 02:00 UTC; at "
        "these hours usually in 0.3, learned from 9 days (p = 6e-06)."
    )


@pytest.mark.untraced
def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told([*office(), *night()], NAME)) == 1
    assert same_however_told([*office(), *night(number=2)], NAME) == []


@pytest.mark.parametrize(("number", "alerts"), [(4, 0), (8, 1)])
def test_a_few_requests_in_the_night_are_none_of_it(number: int, alerts: int) -> None:
    assert len(said(NAME, office(), night(number=number))) == alerts


def test_a_burst_of_minutes_is_one_period_or_two() -> None:
    burst = TENANT.sign_ins(CLERK, NIGHT, 200, every=5.0)
    assert said(NAME, office(), burst, TENANT.sign_in(CREW[1], NIGHT + 3 * HOUR)) == []


def test_refused_requests_are_work_as_well() -> None:
    assert len(said(NAME, office(), night(error=BLOCKED))) == 1


def test_the_usual_hours_are_usual() -> None:
    assert said(NAME, office(days=20)) == []


def test_who_works_every_night_is_left_alone() -> None:
    nights = [event for day in range(10) for event in night(at=NOW + day * DAY + HOUR)]
    assert said(NAME, nights, night()) == []


def test_an_agent_of_few_days_is_not_judged() -> None:
    """Five days that are over for a day."""
    assert said(NAME, office(days=5), night(at=NOW + 5 * DAY + HOUR)) == []
    assert len(said(NAME, office(days=6), night(at=NOW + 6 * DAY + HOUR))) == 1


def test_the_first_weekend_is_not_judged_by_working_days() -> None:
    monday = NOW + 4 * DAY

    def weeks(number: int) -> list[Event]:
        days = [week * 7 + day for week in range(number) for day in range(5)]
        return [
            event
            for day in days
            for event in TENANT.sign_ins(CLERK, monday + day * DAY + 9 * HOUR, 16, every=30 * MINUTE)
        ]

    assert said(NAME, weeks(1), night(at=monday + 6 * DAY + HOUR)) == []
    assert len(said(NAME, weeks(2), night(at=monday + 13 * DAY + HOUR))) == 1


def test_what_all_siblings_do_is_their_common_work() -> None:
    """A release, a retry storm or a busy customer moves all of them."""
    together = (CLERK, *COLLEAGUES)
    history = in_order(*(office(agent) for agent in together))
    moved = [event for agent in together for event in night(agent, number=6)]
    assert said(NAME, history, moved) == []
    assert len(said(NAME, history, night(number=6))) == 1


def test_a_late_record_counts_in_its_period() -> None:
    """The period of one o'clock is full before the next hour begins; the record comes after it."""
    story = [*office(), *night(number=6)]
    late = TENANT.sign_in(CLERK, NIGHT + 65 * MINUTE)
    assert len(said(NAME, story[:-1], TENANT.sign_in(CREW[1], NIGHT + 70 * MINUTE), late, story[-1])) == 1


def test_it_is_said_once_a_day() -> None:
    assert len(said(NAME, office(), night(number=30))) == 1


def test_nobody_listens_when_it_is_switched_off() -> None:
    chosen = replace(defaults(), detectors=(BusyStretch(enabled=False),))
    assert said(NAME, office(), night(), chosen=chosen) == []


def _facts(hours: int, factor: float = 1.0) -> dict[str, int | float | str]:
    return {"hours": hours, "siblings_factor": factor, "agent_name": "clerk"}


@pytest.mark.parametrize(
    ("hours", "value", "p_value", "seen", "found"),
    [
        (2, 5, 9.9e-5, 5, True),
        (24, 5, 9.9e-5, 7, False),
        (2, 4, 9.9e-5, 7, False),
        (2, 5, 1e-4, 7, False),
        (2, 5, 9.9e-5, 4.9, False),
    ],
)
def test_every_threshold_has_its_edge(hours: int, value: float, p_value: float, seen: float, *, found: bool) -> None:
    told = signal("busy", value=value, usual=0.5, p_value=p_value, seen=seen, facts=_facts(hours))
    assert (BusyStretch().judge(told) is not None) == found


def test_the_busyness_of_siblings_is_said() -> None:
    finding = BusyStretch().judge(signal("busy", value=9.0, usual=3.0, facts=_facts(2, 2.04)))
    assert finding is not None
    assert "learned from 100 days and times 2.0, for its siblings are busier than usual too (p" in finding.explanation


def test_the_window_is_two_hours() -> None:
    (alert,) = said(NAME, office(), night())
    assert alert.evidence.details["window_start"] == "2026-03-22T00:00:00.000Z"
    assert alert.evidence.details["window_end"] == "2026-03-22T02:00:00.000Z"


# ------------------------------------------------------------------------------- requests of hours of little work


def evenings(agent: Agent = CLERK, *, days: int = 14) -> list[Event]:
    """Office hours, and two requests at some time of every night: it is at work then, if little."""
    nights = [
        event
        for day in range(days)
        for event in TENANT.sign_ins(agent, NOW + day * DAY + (day * 7 % 5) * HOUR, 2, every=20 * MINUTE)
    ]
    return in_order(office(agent, days=days), nights)


def harvest(*, each: int = 8, at: float = NOW + 14 * DAY + HOUR, agent: Agent = CLERK) -> list[Event]:
    """So many requests in five of the ten minutes of an hour, and somebody by whom time passes."""
    minutes = [TENANT.sign_ins(agent, at + place * 10 * MINUTE, each, every=20.0) for place in range(5)]
    return in_order(*minutes, TENANT.sign_in(CREW[1], at + 3 * HOUR))


def test_many_requests_at_hours_of_little_work_are_said_with_their_numbers() -> None:
    (alert,) = said(NAME, evenings(), harvest())
    assert (alert.severity, alert.sort, alert.subject.id) == ("medium", "requests", CLERK.id)
    assert alert.title == "40 token requests in 2 hours in which it does little"
    assert alert.explanation == (
        "clerk asked for 40 tokens from 2026-03-26 00:00 to 2026-03-26 02:00 UTC, 16 of them beside the fullest half "
        "hour; at these hours usually for 0.8 in all, learned from 13 days (p = 3e-11)."
    )


@pytest.mark.untraced
def test_many_requests_are_the_same_alert_however_they_are_told() -> None:
    assert len(same_however_told([*evenings(), *harvest()], NAME)) == 1


@pytest.mark.parametrize(("each", "alerts"), [(2, 0), (3, 0), (6, 1)])
def test_a_few_requests_more_are_none_of_it(each: int, alerts: int) -> None:
    assert len(said(NAME, evenings(), harvest(each=each))) == alerts


def test_requests_of_half_an_hour_are_a_burst() -> None:
    burst = TENANT.sign_ins(CLERK, NOW + 14 * DAY + HOUR, 300, every=5.0)
    assert said(NAME, evenings(), burst, TENANT.sign_in(CREW[1], NOW + 14 * DAY + 3 * HOUR)) == []


def test_many_requests_at_busy_hours_are_none_of_it() -> None:
    assert said(NAME, office(days=14, every=5 * MINUTE), harvest(at=NOW + 14 * DAY + 12 * HOUR)) == []


def test_who_was_hardly_ever_at_work_is_not_judged_by_its_requests() -> None:
    """Twelve requests are too few to say how many there usually are in ten minutes."""
    rare = TENANT.sign_ins(CLERK, NOW + 9 * HOUR, 12, every=DAY)
    assert "requests" not in [alert.sort for alert in said(NAME, rare, harvest())]


# ------------------------------------------------------------------------------- as steady as a clock


def worker(agent: Agent = CLERK, *, days: int = 8) -> list[Event]:
    """At work all day long, one to three requests in every ten minutes."""
    periods = range(days * 144)
    return [
        event
        for place in periods
        for event in TENANT.sign_ins(
            agent, NOW + place * 10 * MINUTE, 1 + (place * place + place // 7) % 3, every=MINUTE
        )
    ]


def beacon(agent: Agent = CLERK, *, every: float = MINUTE, hours: int = 3) -> list[Event]:
    """A request every minute, beside its own."""
    at = NOW + 8 * DAY + 2 * HOUR
    return in_order(
        TENANT.sign_ins(agent, at + 7.0, int(hours * HOUR / every), every=every),
        TENANT.sign_in(CREW[1], at + hours * HOUR + 3 * HOUR),
    )


def test_a_beacon_in_an_agent_that_is_always_at_work_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, worker(), beacon())
    assert (alert.severity, alert.sort, alert.subject.id) == ("medium", "steady", CLERK.id)
    assert alert.title == "At least 10 token requests in nearly every ten minutes, usually 1"
    assert alert.explanation == (
        "clerk asked for at least 10 tokens in 10 of the 12 ten-minute periods from 2026-03-20 02:00 to 2026-03-20 "
        "04:00 UTC, hardly more in one than in another, 120 in all; when it works on end usually for at least 1, "
        "learned from 191 such stretches (p = 6e-12)."
    )


@pytest.mark.untraced
def test_a_beacon_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told([*worker(), *beacon()], NAME)) == 1


@pytest.mark.parametrize(("every", "alerts"), [(5 * MINUTE, 0), (2 * MINUTE, 1)])
def test_a_slow_beacon_is_lost_in_the_work(every: float, alerts: int) -> None:
    assert len(said(NAME, worker(), beacon(every=every))) == alerts


def test_who_always_asks_so_evenly_may() -> None:
    clock = TENANT.sign_ins(CLERK, NOW, int(8 * DAY / MINUTE), every=MINUTE)
    assert said(NAME, clock, beacon()[-1:]) == []
    assert said(NAME, clock, TENANT.sign_ins(CLERK, NOW + 8 * DAY, 300, every=MINUTE), beacon()[-1:]) == []


def test_what_all_siblings_do_is_no_beacon() -> None:
    together = (CLERK, *COLLEAGUES)
    history = in_order(*(worker(agent) for agent in together))
    assert said(NAME, history, in_order(*(beacon(agent) for agent in together))) == []
    assert len(said(NAME, history, beacon())) == 1


def test_a_beacon_in_an_agent_without_blueprint_is_said() -> None:
    alone = replace(CLERK, blueprint=None)
    assert [alert.sort for alert in said(NAME, worker(alone), beacon(alone))] == ["steady"]


@pytest.mark.parametrize(
    ("issue", "value", "p_value", "seen", "found"),
    [
        ("requests", 8, 9.9e-5, 5, True),
        ("requests", 7, 9.9e-5, 5, False),
        ("requests", 8, 1e-4, 5, False),
        ("requests", 8, 9.9e-5, 4, False),
        ("steady", 4, 9.9e-5, 5, True),
        ("steady", 3, 9.9e-5, 5, False),
        ("steady", 4, 1e-4, 5, False),
        ("steady", 4, 9.9e-5, 4, False),
    ],
)
def test_every_threshold_of_requests_has_its_edge(
    issue: str, value: float, p_value: float, seen: float, *, found: bool
) -> None:
    facts = _facts(2) | {"issue": issue, "total": 60, "even": False, "stretches": 30}
    told = signal("busy", value=value, usual=0.5, p_value=p_value, seen=seen, facts=facts)
    finding = BusyStretch().judge(told)
    assert (finding is not None) == found
    assert finding is None or "hardly more" not in finding.explanation
