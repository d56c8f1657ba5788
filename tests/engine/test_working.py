"""When identities are at work: hours that are judged once, when they are final."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.domain.events import Event
from detector.engine import working
from detector.engine.engine import Engine
from detector.features import periods
from tests.stories import DAY, HOUR, MINUTE, START, Tenant, detectors, engine_of, in_order, settings, tell

TENANT = Tenant()
ALONE = replace(TENANT.agent("alone"), blueprint=None)
"""An agent whose records name no blueprint."""
CLOCK = TENANT.agent("clock", blueprint="tower")


def days(number: int, *, at: float = START) -> list[Event]:
    return [
        event for day in range(number) for event in TENANT.sign_ins(CLOCK, at + day * DAY + 9 * HOUR, 2, every=HOUR)
    ]


def night(at: float) -> list[Event]:
    return TENANT.sign_ins(CLOCK, at, 6, every=10 * MINUTE)


def test_an_engine_that_has_seen_nothing_judges_nothing() -> None:
    engine = engine_of()
    assert engine.finish() == []
    assert engine.state.worked_hour == -1


def test_hours_are_judged_once_they_are_final() -> None:
    engine = engine_of()
    tell(engine, days(4) + night(START + 4 * DAY + HOUR))
    said = detectors(tell(engine, [TENANT.sign_in(ALONE, START + 4 * DAY + 2 * HOUR + 1199)]))
    assert "busy_stretch" not in said, "a record of this hour may still come"
    said = detectors(tell(engine, [TENANT.sign_in(ALONE, START + 4 * DAY + 2 * HOUR + 1200)]))
    assert "busy_stretch" in said
    assert engine.state.worked_hour == int(START + 4 * DAY) // 3600 + 1


def test_at_the_end_of_an_archive_every_hour_is_final() -> None:
    engine = engine_of()
    before = detectors(tell(engine, days(4) + night(START + 4 * DAY + HOUR)))
    assert "busy_stretch" in before + detectors(engine.finish())


def test_a_long_gap_is_no_work() -> None:
    """The hours before it are judged, and nothing is made of those in it."""
    engine = engine_of()
    tell(engine, days(4) + night(START + 4 * DAY + HOUR))
    assert "busy_stretch" in detectors(tell(engine, [TENANT.sign_in(CLOCK, START + 200 * DAY)]))
    assert engine.state.worked_hour == int(START + 200 * DAY - 1200) // 3600 - 1


def test_the_sign_ins_of_a_blueprint_itself_follow_from_those_of_its_agents() -> None:
    blueprint = TENANT.agent("tower", role="blueprint")
    engine = engine_of()
    tell(engine, in_order(TENANT.calm(blueprint, hours=48), TENANT.calm(ALONE, hours=48)))
    (tenant,) = engine.state.tenants.values()
    assert tenant.identities[blueprint.id].periods is None
    memory = tenant.identities[ALONE.id].periods
    assert memory is not None
    assert periods.days(memory) == 0


def test_an_agent_without_blueprint_is_compared_with_itself() -> None:
    story = [
        *TENANT.calm(ALONE, hours=96, per_hour=1),
        *TENANT.sign_ins(ALONE, START + 96 * HOUR, 60, every=2 * MINUTE),
    ]
    engine = engine_of()
    assert "busy_stretch" in detectors(tell(engine, story) + engine.finish())


@pytest.mark.parametrize("off", ["busy_stretch", "busy_day"])
def test_one_of_them_may_be_switched_off(off: str) -> None:
    chosen = settings(thresholds={off: {"enabled": False}})
    engine = Engine(chosen)
    said = detectors(tell(engine, days(4) + night(START + 4 * DAY + HOUR)) + engine.finish())
    assert off not in said
    assert {"busy_stretch", "busy_day"} - {off} <= set(said)


def test_without_them_hours_are_learned_all_the_same() -> None:
    engine = Engine(settings(detectors=()))
    tell(engine, days(4) + night(START + 4 * DAY + HOUR))
    assert engine.finish() == []
    (tenant,) = engine.state.tenants.values()
    memory = tenant.identities[CLOCK.id].periods
    assert memory is not None
    assert periods.days(memory) == 3


def test_what_was_missed_is_summed_up_from_hour_to_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the sum so far is still there or not, and whoever else is silent: it is the same."""
    crew = [TENANT.agent(f"hand {number}", blueprint="tower") for number in range(5)]
    story = in_order(
        *(TENANT.calm(agent, hours=10 * 24, per_hour=1) for agent in crew),
        *(TENANT.calm(agent, hours=24, at=START + 10 * DAY, per_hour=1) for agent in crew[2:]),
    )
    together = [alert for alert in tell(engine_of(), story) if alert.detector == "agent_silent"]
    monkeypatch.setattr(working, "_MAX_PAUSES", 1)
    forgetful = [alert for alert in tell(engine_of(), story) if alert.detector == "agent_silent"]
    assert {alert.subject.id for alert in together} == {agent.id for agent in crew[:2]}
    assert forgetful == together
