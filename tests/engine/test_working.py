"""When identities are at work: hours that are judged once, when they are final."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from detector.domain.events import Event
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


def test_with_both_off_nothing_is_remembered() -> None:
    engine = Engine(settings(thresholds={name: {"enabled": False} for name in ("busy_stretch", "busy_day")}))
    tell(engine, days(2))
    (tenant,) = engine.state.tenants.values()
    assert tenant.identities[CLOCK.id].periods is None
    assert inf in engine.working.floors.values()
