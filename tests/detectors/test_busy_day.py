"""D06: at work far more often in 24 hours than on any day."""

from __future__ import annotations

import pytest

from detector.detectors.busy_day import BusyDay
from detector.domain.events import Event
from tests.detectors.stage import CREW, NOW, TENANT, said, same_however_told, signal
from tests.stories import DAY, HOUR, MINUTE, Agent, in_order

NAME = "busy_day"
CLOCK = TENANT.agent("clock", blueprint="tower")
OTHERS = tuple(TENANT.agent(f"clock {number}", blueprint="tower") for number in range(3))
THEN = NOW + 10 * DAY


def clockwork(agent: Agent = CLOCK, *, days: int = 10) -> list[Event]:
    """A request every six hours."""
    return TENANT.sign_ins(agent, NOW + 30 * MINUTE, 4 * days, every=6 * HOUR)


def faster(agent: Agent = CLOCK, *, number: int = 36, every: float = 30 * MINUTE, at: float = THEN) -> list[Event]:
    """The same, many times as often, and somebody else by whom time passes."""
    moments = TENANT.sign_ins(agent, at, number, every=every)
    return in_order(moments, TENANT.sign_in(CREW[1], at + number * every + 2 * HOUR))


def test_a_clock_that_goes_faster_is_said_with_its_numbers() -> None:
    (alert,) = said(NAME, clockwork(), faster())
    assert alert.severity == "medium"
    assert alert.catalogue_ids == ("D06",)
    assert (alert.subject.kind, alert.subject.id) == ("agent", CLOCK.id)
    assert alert.title == "At work in 18 ten-minute periods of 24 hours, usually 4.1"
    assert alert.explanation == (
        "clock asked for tokens in 18 different ten-minute periods of 24 hours; on such a day usually in 4.1, learned "
        "from 9 days (p = 5e-05)."
    )


def test_it_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told([*clockwork(), *faster()], NAME)) == 1
    assert same_however_told([*clockwork(), *faster(number=3)], NAME) == []


def test_a_busy_day_that_is_over_is_not_said_again() -> None:
    """The last 24 hours are still busy ones on the next day."""
    story = [*clockwork(), *faster(number=40), *clockwork(days=14)[44:]]
    assert len(said(NAME, story)) == 1


@pytest.mark.parametrize(("number", "alerts"), [(9, 0), (24, 1)])
def test_a_few_more_are_none_of_it(number: int, alerts: int) -> None:
    assert len(said(NAME, clockwork(), faster(number=number))) == alerts


def test_many_requests_in_one_period_are_none_of_it() -> None:
    burst = TENANT.sign_ins(CLOCK, THEN, 300, every=1.0)
    assert said(NAME, clockwork(), burst, TENANT.sign_in(CREW[1], THEN + 3 * HOUR)) == []


def test_a_new_clock_is_learned() -> None:
    new = TENANT.sign_ins(CLOCK, THEN, 48 * 12, every=30 * MINUTE)
    later = faster(at=THEN + 12 * DAY)
    told = said(NAME, clockwork(), new, later)
    assert told
    assert max(alert.time for alert in told) < "2026-03-31"


def test_a_clock_of_few_days_is_not_judged() -> None:
    assert said(NAME, clockwork(days=4), faster(at=NOW + 4 * DAY)) == []


def test_what_all_siblings_do_is_their_common_work() -> None:
    together = (CLOCK, *OTHERS)
    history = in_order(*(clockwork(agent) for agent in together))
    moved = in_order(*(faster(agent) for agent in together))
    assert said(NAME, history, moved) == []
    assert len(said(NAME, history, faster())) == 1


@pytest.mark.parametrize(
    ("hours", "value", "p_value", "seen", "found"),
    [
        (24, 8, 9.9e-5, 5, True),
        (2, 8, 9.9e-5, 7, False),
        (24, 7, 9.9e-5, 7, False),
        (24, 8, 1e-4, 7, False),
        (24, 8, 9.9e-5, 4.9, False),
    ],
)
def test_every_threshold_has_its_edge(hours: int, value: float, p_value: float, seen: float, *, found: bool) -> None:
    facts: dict[str, int | float | str] = {"hours": hours, "siblings_factor": 1.0, "agent_name": "clock"}
    told = signal("busy", value=value, usual=1.0, p_value=p_value, seen=seen, facts=facts)
    assert (BusyDay().judge(told) is not None) == found


# -------------------------------------------------------------------------------------------- requests of a day


def always(agent: Agent = CLOCK, *, days: int = 10, every: float = 10 * MINUTE, at: float = NOW) -> list[Event]:
    """At work in every ten minutes: no more of them can be busy."""
    return TENANT.sign_ins(agent, at + MINUTE, int(days * DAY / every), every=every)


def heavy(number: int, agent: Agent = CLOCK) -> list[Event]:
    """A day of so many requests, and somebody by whom it passes."""
    return in_order(TENANT.sign_ins(agent, THEN + MINUTE, number, every=DAY / number), passing())


def passing() -> Event:
    return TENANT.sign_in(CREW[1], THEN + DAY + HOUR)


def test_who_is_always_at_work_is_told_of_by_the_requests_of_a_day() -> None:
    (alert,) = said(NAME, always(), heavy(600))
    assert alert.severity == "medium"
    assert (alert.subject.id, alert.sort) == (CLOCK.id, "requests")
    assert alert.time == "2026-03-23T00:00:00.000Z"
    assert alert.title == "600 token requests on a day, usually 144"
    assert alert.explanation == (
        "clock asked for 600 tokens on 2026-03-22; 144 were to be expected of such a day, learned from 9 days "
        "(p = 4e-10)."
    )


@pytest.mark.untraced
def test_a_heavy_day_is_the_same_alert_however_it_is_told() -> None:
    assert len(same_however_told([*always(), *heavy(600)], NAME)) == 1


def test_a_day_with_a_little_more_is_none() -> None:
    assert said(NAME, always(), heavy(200)) == []


@pytest.mark.parametrize(("usual", "alerts"), [(36, 0), (48, 1)])
def test_of_who_asks_for_few_tokens_busy_periods_tell(usual: int, alerts: int) -> None:
    told = said(NAME, always(every=DAY / usual), heavy(600))
    assert [alert.sort for alert in told].count("requests") == alerts


def test_what_siblings_ask_for_as_well_is_no_heavy_day() -> None:
    together = (CLOCK, *OTHERS)
    history = in_order(*(always(agent) for agent in together))
    assert said(NAME, history, in_order(*(heavy(600, agent) for agent in together))) == []


def test_days_that_stay_heavy_are_one_story() -> None:
    week = TENANT.sign_ins(CLOCK, THEN + MINUTE, 5 * 600, every=DAY / 600)
    told = said(NAME, always(), week, TENANT.sign_in(CREW[1], THEN + 6 * DAY))
    assert [alert.time for alert in told] == ["2026-03-23T00:00:00.000Z"]


@pytest.mark.parametrize(
    ("usual", "p_value", "seen", "found"),
    [(40, 9.9e-5, 5, True), (39.9, 9.9e-5, 5, False), (40, 1e-4, 5, False), (40, 9.9e-5, 4, False)],
)
def test_every_threshold_of_a_heavy_day_has_its_edge(usual: float, p_value: float, seen: float, *, found: bool) -> None:
    facts: dict[str, int | float | str] = {"issue": "heavy_day", "siblings_factor": 1.0, "agent_name": "clock"}
    told = signal("drift", value=500, usual=usual, p_value=p_value, seen=seen, facts=facts)
    assert (BusyDay().judge(told) is not None) == found
