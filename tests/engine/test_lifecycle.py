"""Switched off, asleep and awake again: what the engine asks, how seldom, and what it remembers of it."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from detector.domain.keys import Key
from detector.domain.signals import Signal
from detector.engine.engine import Engine
from detector.engine.lifecycle import dormancy_of, switched_off
from detector.engine.state import State
from detector.features.dormancy import DormancySettings
from tests.stories import DAY, HOUR, MINUTE, START, Tenant, engine_of, settings, tell

TENANT = Tenant()
AGENT, OTHER = TENANT.agent("invoices"), TENANT.agent("orders")
BLUEPRINT = TENANT.agent("crew", role="blueprint")


def switched(at: float, agent: Any = AGENT, *, on: bool = False) -> Any:
    return TENANT.change("update service principal", at, agent, enabled=on)


def signals(made: Engine, kind: str) -> list[Signal]:
    told: list[Signal] = []
    made.saying.tell = lambda signal, *_: told.append(signal) if signal.kind == kind else None  # type: ignore[method-assign]
    return told


def working(hours: int = 12, agent: Any = AGENT) -> Engine:
    made = engine_of()
    tell(made, TENANT.calm(agent, hours=hours, per_hour=1))
    return made


# -------------------------------------------------------------------------------------------------- switched off


def test_a_switch_is_watched_until_it_is_proven_and_an_enabling_is_not() -> None:
    made = working()
    tell(made, [switched(START + 12 * HOUR)])
    ledger = made.state.tenants[TENANT.id].ledgers[AGENT.id]
    assert list(ledger.watches) == ["disabled"]
    assert ledger.watches["disabled"] < START + 12 * HOUR + 5 * MINUTE < ledger.watches["disabled"] + 1e-3
    assert ledger.ends == {"disabled": START + 13 * HOUR}
    tell(made, [TENANT.sign_in(OTHER, START + 15 * HOUR)])
    assert ledger.watches == ledger.ends == {}
    tell(made, [switched(START + 15 * HOUR, on=True)])
    assert ledger.watches == {}


def test_without_the_sequence_nothing_is_watched() -> None:
    made = engine_of(settings(sequences=()))
    tell(made, [*TENANT.calm(AGENT, hours=2), switched(START + 2 * HOUR)])
    assert made.state.tenants[TENANT.id].ledgers[AGENT.id].watches == {}


def test_who_is_switched_off_is_what_the_last_change_says_of_it_or_of_its_blueprint() -> None:
    made = working()
    tell(made, [TENANT.sign_in(BLUEPRINT, START + 11 * HOUR)])
    tenant = made.state.tenants[TENANT.id]
    identity = tenant.identities[AGENT.id]
    assert switched_off(tenant, identity, inf) is None
    off, on = switched(START + 12 * HOUR), switched(START + 13 * HOUR, on=True)
    tell(made, [off, on, switched(START + 14 * HOUR, BLUEPRINT)])
    assert switched_off(tenant, identity, START + 12 * HOUR - 1) is None
    found = switched_off(tenant, identity, START + 12 * HOUR)
    assert found is not None
    assert found.record_id == off.record_id
    assert switched_off(tenant, identity, START + 13 * HOUR) is None
    of_blueprint = switched_off(tenant, identity, START + 14 * HOUR)
    assert of_blueprint is not None
    assert of_blueprint.time == START + 14 * HOUR


def test_the_tenant_s_own_ledger_is_nobody_s() -> None:
    lone = TENANT.agent("lone", blueprint=None)
    made = working(agent=lone)
    tell(made, [switched(START + 12 * HOUR, lone)])
    tenant = made.state.tenants[TENANT.id]
    tenant.ledgers[""] = tenant.ledgers.pop(lone.id)
    assert switched_off(tenant, tenant.identities[lone.id], inf) is None


def test_each_refusal_is_told_with_how_many_there_were() -> None:
    made = working()
    told = signals(made, "disabled_use")
    tell(made, TENANT.sign_ins(AGENT, START + 13 * HOUR, 3, error=7000112))
    tell(made, TENANT.sign_ins(AGENT, START + 13 * HOUR + 1, 3, error=7000215))
    assert [signal.value for signal in told] == [1, 2, 3]
    assert "disabled_at" not in told[0].facts
    tell(made, [switched(START + 13 * HOUR), TENANT.sign_in(AGENT, START + 14 * HOUR, error=7000112)])
    assert (told[3].facts["disabled_at"], told[3].facts["disabled_by"]) == (START + 13 * HOUR, "admin@example.com")
    assert {signal.occasion for signal in told} == {f"day:{int(START)}"}


def test_a_late_refusal_is_counted_in_its_own_window() -> None:
    made = working()
    told = signals(made, "disabled_use")
    edge = START + 18 * HOUR
    tell(made, TENANT.sign_ins(AGENT, edge - 60, 2, every=1.0, error=7000112))
    tell(made, [TENANT.sign_in(AGENT, edge + 60, error=7000112), TENANT.sign_in(AGENT, edge - 30, error=7000112)])
    assert [signal.value for signal in told] == [1, 2, 1, 3]


# -------------------------------------------------------------------------------------------------- awake again


def test_an_access_is_asked_once_a_day_and_every_hour_while_it_may_yet_be_late() -> None:
    made = working(48)
    route = made.router.route(TENANT.access(AGENT), START, 0)
    assert route is not None
    ask = made.lifecycle.granted
    hour = int(START) // 3600 + 48
    at = TENANT.sign_in(AGENT, START + 48 * HOUR)
    assert ask(route, at, hour) == hour + 24
    edge = hour + 30 * 24
    assert [ask(route, at, edge + back) - (edge + back) for back in (-3, -2, -1, 0, 1)] == [24, 0, 0, 0, 0]
    stranger = TENANT.sign_in(TENANT.agent("stranger"), START + 48 * HOUR)
    fresh = made.router.route(stranger.access, stranger.time, hour)
    assert fresh is not None
    assert ask(fresh, stranger, hour) == hour + 24
    fresh.identity.apis.closed = (hour - 1, 1)  # at work in an hour that is not final yet, and never before
    assert ask(fresh, stranger, hour) == hour + 24


def test_waking_is_an_entry_for_a_ledger_that_comes_later() -> None:
    made = working()
    tell(made, [TENANT.sign_in(AGENT, START + 40 * DAY)])
    (entry,) = [each for each in made.state.tenants[TENANT.id].firsts[AGENT.id] if each.kind == "woke"]
    assert entry.about == str(int(START) // 3600 + 11)
    assert float(entry.detail) == pytest.approx(1.0)


# -------------------------------------------------------------------------------------------------------- asleep


def test_nothing_is_judged_before_anything_happened() -> None:
    made = engine_of()
    made.lifecycle.tick(inf)
    assert made.state.judged_day == -1


def test_the_first_day_is_only_remembered_and_every_other_judged_once() -> None:
    made = working()
    told = signals(made, "dormancy")
    day = int(START + 12 * HOUR) // int(DAY)
    assert made.state.judged_day == day
    for at in (30 * DAY, 31 * DAY + 1199, 31 * DAY + 1200, 31 * DAY + 1300, 40 * DAY):
        made.lifecycle.tick(START + at)
    assert [signal.time for signal in told] == [START + 31 * DAY]
    assert made.state.judged_day == day + 39


def test_the_end_of_an_archive_is_judged_by_what_has_happened() -> None:
    """Not as if the world had ended, or everybody would be asleep."""
    made = working()
    told = signals(made, "dormancy")
    made.lifecycle.tick(inf)
    assert told == []
    tell(made, [TENANT.sign_in(OTHER, START + 31 * DAY)])
    assert told == []
    made.lifecycle.tick(inf)
    assert len(told) == 1


def test_a_restart_remembers_which_days_were_judged() -> None:
    made = working()
    tell(made, [TENANT.sign_in(OTHER, START + 32 * DAY)])
    again = engine_of(state=State.load(made.snapshot()))
    told = signals(again, "dormancy")
    again.lifecycle.tick(START + 40 * DAY)
    assert told == []


def test_one_who_never_was_granted_anything_is_not_asleep() -> None:
    made = engine_of()
    told = signals(made, "dormancy")
    tell(made, [*TENANT.sign_ins(AGENT, START, 9, error=7000215), TENANT.sign_in(OTHER, START + 40 * DAY)])
    made.lifecycle.tick(inf)
    assert told == []


def test_what_is_dormant_is_for_the_detectors_to_say() -> None:
    chosen = settings()
    assert dormancy_of(chosen, {"dormant_agent"}) == DormancySettings(30.0, 20.0, 4.0)
    patient = tuple(
        replace(each, min_days=days) if each.name == name else each  # type: ignore[type-var]
        for each in chosen.detectors
        for name, days in (("dormant_agent_wakes", 60.0),)
    )
    assert dormancy_of(replace(chosen, detectors=patient), {"dormant_agent_wakes", "dormant_rearmed"}).days == 30.0
    assert dormancy_of(replace(chosen, detectors=patient), {"dormant_agent_wakes"}).days == 60.0
    assert dormancy_of(replace(chosen, detectors=()), {"dormant_agent"}) == DormancySettings()


def test_the_key_of_a_sleeping_blueprint_is_its_own() -> None:
    made = working(agent=BLUEPRINT)
    told = signals(made, "dormancy")
    made.lifecycle.tick(START + 40 * DAY)
    assert [signal.key for signal in told] == [Key("blueprint", BLUEPRINT.id)]
