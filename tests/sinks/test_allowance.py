"""What a subject may send in an hour and a day, and that nothing critical is ever held back."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from detector.domain.alerts import Alert, Subject
from detector.domain.findings import SEVERITIES
from detector.sinks.allowance import HELD_BACK, Allowance, day_of, hour_of
from detector.sinks.fairness import RANKS
from detector.sinks.relay import Pace
from detector.sinks.sink import Terms
from tests.sinks.alerts import alert
from tests.sinks.outboxes import numbered
from tests.sinks.test_relay import Scene

HOURS = [f"2026-10-05T{hour:02}:10:00.000Z" for hour in range(6)]

MANY = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(SEVERITIES), st.sampled_from(["x", "y"]), st.sampled_from(HOURS)),
    max_size=60,
)


def made(what: list[tuple[str, Any, str, str]]) -> list[Alert]:
    return [
        alert(f"{number}", severity=severity, subject=Subject("agent", who), detector=detector, time=time)
        for number, (who, severity, detector, time) in enumerate(what)
    ]


def of_day(count: int, detector: str = "token_spike", **changes: Any) -> list[Alert]:
    """One alert an hour, so that no hour is full."""
    return [
        alert(f"{detector} {number}", detector=detector, **{"time": f"2026-10-05T{number:02}:00:00.000Z", **changes})
        for number in range(count)
    ]


def test_a_day_has_room_for_so_many_alerts_of_a_subject() -> None:
    allowance = Allowance(0, per_day=3)
    found = [allowance.holds(each) for each in of_day(5)]
    assert found == [None, None, None, day_of(of_day(1)[0]), day_of(of_day(1)[0])]
    assert allowance.admits(alert("next", time="2026-10-06T00:00:00.000Z")), "another day"
    assert allowance.admits(alert("other", subject=Subject("agent", "other"))), "another subject"


def test_one_detector_cannot_use_up_the_day_of_the_others() -> None:
    allowance = Allowance(0, per_day=10, per_detector=2)
    assert [allowance.admits(each) for each in of_day(4)] == [True, True, False, False]
    assert [allowance.admits(each) for each in of_day(3, "api_spread")] == [True, True, False]


@pytest.mark.parametrize(("severity", "expected"), [("low", False), ("medium", False), ("high", True)])
def test_small_alerts_leave_the_room_of_grave_ones(severity: str, expected: bool) -> None:
    allowance = Allowance(0, per_day=2, per_detector=2)
    assert [allowance.admits(each) for each in of_day(3, severity="medium")] == [True, True, False]
    assert allowance.admits(alert("another", severity=severity)) is expected


def test_the_longer_span_stands_for_an_alert_that_fits_in_neither() -> None:
    allowance = Allowance(1, per_day=2)
    first, second, third = numbered(3, time="2026-10-05T07:00:00.000Z")
    assert allowance.holds(first) is None
    assert allowance.holds(second) == hour_of(second)
    assert allowance.holds(numbered(1, time="2026-10-05T09:00:00.000Z")[0]) is None
    assert allowance.holds(third) == day_of(third)


def test_critical_alerts_use_up_room_and_need_none() -> None:
    allowance = Allowance(1, per_day=2, per_detector=2)
    for each in of_day(9, severity="critical"):
        assert allowance.admits(each)
    assert not allowance.admits(alert("small", severity="high"))


def test_however_many_critical_ones_pass_memory_is_bounded() -> None:
    allowance = Allowance(1, per_day=2, per_detector=2)
    for number in range(100):
        assert allowance.admits(alert(f"{number}", severity="critical"))
    assert sum(len(ids) for count in allowance._counts.values() for ids in count.admitted) <= 2 * len(SEVERITIES) * 2


def test_a_roll_up_of_a_day_names_it_and_goes_on_after_a_restart() -> None:
    allowance = Allowance(0, per_day=1)
    told, *held = of_day(4)
    assert allowance.admits(told)
    span = day_of(told)
    roll_up = allowance.roll_up(held, span)
    assert roll_up.title.startswith("3 further alerts held back for token_spike")
    assert "raised more than 1 alerts on 2026-10-05 UTC" in roll_up.explanation
    assert roll_up.evidence.details == {"day": "2026-10-05T00:00:00.000Z"}
    assert roll_up.id == Allowance(0, per_day=1).roll_up(held[:1], span).id
    again = Allowance(0, per_day=1)
    again.resume(roll_up)
    assert again.roll_up(held, span).evidence.observed == 6
    assert allowance.admits(roll_up)


@pytest.mark.untraced
@settings(max_examples=60, deadline=None)
@given(
    what=MANY,
    limits=st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 3)),
    batch=st.integers(1, 7),
    window=st.integers(2, 20),
)
def test_nothing_critical_is_ever_held_back_and_every_alert_is_accounted_for(
    what: list[tuple[str, Any, str, str]], limits: tuple[int, int, int], batch: int, window: int
) -> None:
    alerts = made(what)
    per_hour, per_day, per_detector = limits
    terms = Terms(per_hour=per_hour, per_day=per_day, per_detector=per_detector, batch=batch)
    scene = Scene(*alerts, terms=terms, pace=Pace(window=window))
    asyncio.run(scene.play())
    told = [each for each in scene.sink.taken if each.detector != HELD_BACK]
    assert Counter([*(each.id for each in told), *scene.outbox.failed]) == Counter(each.id for each in alerts)
    critical = {each.id for each in alerts if each.severity == "critical"}
    assert critical <= {each.id for each in told}
    if per_day:
        for who in "ab":
            ordinary = [each for each in told if each.subject.id == who and each.severity != "critical"]
            for rank in range(len(SEVERITIES) - 1):
                assert sum(1 for each in ordinary if RANKS[each.severity] == rank) <= per_day
    held = [each for each in scene.sink.taken if each.detector == HELD_BACK]
    assert bool(held) == bool(scene.outbox.failed)
    assert len({each.id for each in held}) == len(held)


@given(what=MANY, limits=st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 3)))
def test_what_may_leave_may_leave_whenever_it_is_asked(
    what: list[tuple[str, Any, str, str]], limits: tuple[int, int, int]
) -> None:
    allowance = Allowance(*limits)
    alerts = made(what)
    for each in alerts:
        if allowance.admits(each):
            assert allowance.admits(each)
