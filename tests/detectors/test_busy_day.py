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
