"""Days that are judged once, when they are final."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.domain.events import Event
from detector.engine.engine import Engine
from detector.engine.journal import rebuild
from detector.features import drift, periods
from detector.features.memory import IdentityMemory
from tests.stories import DAY, MINUTE, START, Tenant, detectors, engine_of, in_order, settings, tell

TENANT = Tenant()
CREW = tuple(TENANT.agent(name, blueprint="tower") for name in ("one", "two", "three"))
ALONE = replace(TENANT.agent("alone"), blueprint=None)
"""An agent whose records name no blueprint."""
NAME = "slow_drift"
DAYS = 4
"""Of which the first is not a whole one."""


def calm(days: int = DAYS) -> list[Event]:
    return in_order(*(TENANT.calm(each, hours=24 * days) for each in (*CREW, ALONE)))


def risen(agent: object = CREW[0], *, days: int = 2, at: float = START + DAYS * DAY) -> list[Event]:
    assert agent in {*CREW, ALONE}
    return TENANT.sign_ins(agent, at, 240 * days, every=6 * MINUTE)  # type: ignore[arg-type]


def memory_of(engine: Engine, identifier: str) -> IdentityMemory:
    (tenant,) = engine.state.tenants.values()
    return tenant.identities[identifier]


def test_an_engine_that_has_seen_nothing_judges_nothing() -> None:
    engine = engine_of()
    assert engine.finish() == []
    assert engine.state.crept_day == -1


def days_of(memory: IdentityMemory) -> bytes:
    """What its days have taught."""
    return periods.drifting(memory.periods)


def test_days_are_judged_once_they_are_final() -> None:
    engine, end = engine_of(), START + 5 * DAY
    tell(engine, calm() + risen(days=1))
    assert NAME not in detectors(tell(engine, [TENANT.sign_in(ALONE, end + 1_199)])), "a record of it may still come"
    assert NAME in detectors(tell(engine, [TENANT.sign_in(ALONE, end + 1_200)]))
    assert engine.state.crept_day == int(end) // 86_400 - 1
    assert NAME not in detectors(tell(engine, [TENANT.sign_in(ALONE, end + 2_000)]))


def test_the_first_day_of_an_agent_is_not_a_whole_one() -> None:
    engine = engine_of()
    tell(engine, in_order(calm(1), TENANT.sign_in(ALONE, START + DAY + 1_200)))
    assert days_of(memory_of(engine, CREW[0].id)) == drift.NOTHING
    tell(engine, TENANT.calm(CREW[0], hours=24, at=START + DAY + 1_300))
    tell(engine, [TENANT.sign_in(ALONE, START + 2 * DAY + 1_200)])
    assert days_of(memory_of(engine, CREW[0].id)) != drift.NOTHING


def test_a_long_gap_is_no_work() -> None:
    engine = engine_of()
    tell(engine, calm() + risen(days=1))
    assert NAME in detectors(tell(engine, [TENANT.sign_in(CREW[1], START + 200 * DAY)]))
    assert engine.state.crept_day == int(START + 200 * DAY - 1200) // 86_400 - 1


def test_the_sign_ins_of_a_blueprint_itself_follow_from_those_of_its_agents() -> None:
    blueprint = TENANT.agent("tower", role="blueprint")
    engine = engine_of()
    tell(engine, in_order(TENANT.calm(blueprint, hours=72), calm()))
    assert days_of(memory_of(engine, blueprint.id)) == drift.NOTHING


@pytest.mark.parametrize("agent", [CREW[0], ALONE])
def test_who_rises_alone_is_told_of(agent: object) -> None:
    engine = engine_of()
    said = tell(engine, calm() + risen(agent)) + engine.finish()
    assert [each.subject.name for each in said if each.detector == NAME] == [getattr(agent, "name", "")]


@pytest.mark.parametrize("detectors_on", [True, False])
def test_without_the_detector_days_are_learned_all_the_same(*, detectors_on: bool) -> None:
    chosen = settings() if detectors_on else settings(thresholds={NAME: {"enabled": False}})
    engine = Engine(chosen)
    said = detectors(tell(engine, calm() + risen()) + engine.finish())
    assert (NAME in said) == detectors_on
    usual = drift.usual(days_of(memory_of(engine, CREW[1].id)), int(START) // 86_400)
    assert usual == pytest.approx(48, rel=1e-5)


def test_who_was_at_work_is_written_down() -> None:
    """A store that follows the journal knows what the engine knows, though no record came of the day it judged."""
    engine = engine_of()
    engine.journal.listen()
    tell(engine, calm())
    rows = {(row.kind, row.tenant, row.id): row.payload for row in engine.journal.take().rows}
    tell(engine, [TENANT.sign_in(ALONE, START + DAYS * DAY + 1_300)])
    changed = engine.journal.take()
    rows |= {(row.kind, row.tenant, row.id): row.payload for row in changed.rows}
    kept = [(*key, payload) for key, payload in rows.items() if payload is not None]
    (tenant,) = rebuild(changed.core, kept, {}).state.tenants.values()
    assert days_of(tenant.identities[CREW[0].id]) == days_of(memory_of(engine, CREW[0].id))
