"""Requests that go on: what is asked once for many, and what comes late."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from detector.domain.alerts import Alert
from detector.domain.events import Event
from detector.engine import compiled, counting, sustaining
from detector.engine.engine import Engine
from detector.engine.state import State
from detector.features.budget import BudgetSettings
from tests.detectors.stage import AGENT, CREW, NOW, TENANT, engine
from tests.stories import HOUR, MINUTE, Agent, defaults, in_order, tell

CHOSEN = replace(defaults(), budget=BudgetSettings(), retells=True)


def minutes(agent: Agent, number: int, *, each: int, at: float) -> list[Event]:
    """So many requests in each of some minutes."""
    return [event for minute in range(number) for event in TENANT.sign_ins(agent, at + minute * MINUTE, each, every=9)]


def going_on(alerts: list[Alert]) -> list[Alert]:
    """Alerts of requests that go on."""
    return [alert for alert in alerts if "without a pause" in alert.sort]


def plain(memory: bytes | None = None) -> Engine:
    """The settled tenant, or what another engine has written down, and nothing compiled."""
    with patch.object(compiled, "COMPILED", False):
        return engine(CHOSEN, memory)


@pytest.mark.parametrize("make", [plain, lambda: engine(CHOSEN)])
def test_a_late_minute_of_who_always_asks_so_often_is_nothing(make: Any) -> None:
    clockwork = TENANT.agent("clockwork", blueprint="minutes")
    working = make()
    assert going_on(tell(working, minutes(clockwork, 36 * 60, each=2, at=NOW))) == []
    end = NOW + 36 * HOUR
    gap = [event for event in minutes(clockwork, 20, each=2, at=end) if not 300 <= event.time - end < 480]
    late = minutes(clockwork, 3, each=2, at=end + 300)
    assert going_on(tell(working, gap) + tell(working, late)) == []


@pytest.mark.parametrize("make", [plain, lambda: engine(CHOSEN)])
def test_what_is_remembered_of_some_is_bounded_and_changes_nothing(make: Any) -> None:
    newborn = [TENANT.agent(name, blueprint=f"{name} alone") for name in ("first", "second")]
    flood = in_order(*(minutes(agent, 12, each=3, at=NOW) for agent in (*CREW, *newborn)))
    expected = [alert.id for alert in going_on(tell(make(), flood))]
    with patch.object(sustaining, "_MAX_USUAL", 1), patch.object(counting, "_MAX_PRIORS", 1):
        forgetful = make()
        assert [alert.id for alert in going_on(tell(forgetful, flood))] == expected
        assert len(forgetful.counting.sustaining.usual) <= 1
    assert expected


@pytest.mark.parametrize(("before", "after"), [(1200.0, 0.0), (0.0, 3600.0), (3600.0, 1200.0)])
def test_another_lateness_takes_the_minutes_over(before: float, after: float) -> None:
    """The flood goes on over a restart with another lateness; both folds say and remember the same."""
    flood = minutes(AGENT, 12, each=3, at=NOW + 60)
    told: list[list[str]] = []
    for built in (compiled.COMPILED, False):
        with patch.object(compiled, "COMPILED", built):
            start = Engine(replace(CHOSEN, lateness=before), State.load(engine(CHOSEN).snapshot()))
            tell(start, flood[:21])
            goes_on = Engine(replace(CHOSEN, lateness=after), State.load(start.snapshot()))
            told.append([alert.id for alert in going_on(tell(goes_on, flood[21:]))])
    assert told[0] == told[1] != []
