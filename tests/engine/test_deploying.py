"""Deployment records: what is taken in, what is left out, what is forgotten, and how much is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from detector.domain.events import Event
from detector.engine import state as state_module
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.features import awaited, runs
from detector.features.declarations import Declarations, Declared
from tests.stories import DAY, HOUR, MINUTE, RELEASE, START, Tenant, detectors, engine_of, settings, tell

TENANT = Tenant()
AGENT = TENANT.agent("a")


def journalled(chosen: EngineSettings | None = None) -> Engine:
    """An engine whose journal listens."""
    engine = engine_of(chosen)
    engine.journal.listen()
    return engine


def rows(engine: Engine) -> Iterator[tuple[str, str, bool]]:
    return ((row.kind, row.id, row.payload is not None) for row in engine.journal.take().rows)


def tick(at: float) -> Event:
    return TENANT.sign_in(TENANT.agent("clock", blueprint=None), at)


def test_a_tenant_too_many_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "_MAX_TENANTS", 0)
    chosen = settings(declarations=Declarations())
    engine = engine_of(chosen)
    tell(engine, [TENANT.deployment(START), TENANT.inventory(AGENT, START)])
    assert engine.accounting.filtered == {"too_many_tenants": 2}
    assert engine.accounting.balanced()


def test_the_first_evidence_of_a_pipeline_and_of_any_is_remembered_whatever_comes_first() -> None:
    engine = journalled()
    told = [
        TENANT.deployment(START + 60, run="1", pipeline="other"),
        TENANT.deployment(START + 120, run="2", pipeline="RELEASE"),
        TENANT.deployment(START + 90, run="3", pipeline="x", actor_id=RELEASE.id),
    ]
    tell(engine, told)
    (tenant,) = engine.state.tenants.values()
    assert tenant.evidence == {"": START + 60, "release": START + 90}
    assert {row for row in rows(engine) if row[0] == "evidence"} == {
        ("evidence", "", True),
        ("evidence", "release", True),
    }


def test_the_first_handshake_of_an_agent_is_remembered_and_those_that_came_last_stay() -> None:
    engine = journalled(settings(max_identities=2))
    agents = [TENANT.agent(name) for name in "abcd"]
    for number in (1, 2, 3, 0):
        tell(engine, [TENANT.deployment(START + number, kind="handshake", run=str(number), agents=[agents[number]])])
    tell(engine, [TENANT.deployment(START + 9, kind="handshake", run="again", agents=[agents[3]])])
    (tenant,) = engine.state.tenants.values()
    assert tenant.handshakes == {agents[2].id: START + 2, agents[3].id: START + 3}
    assert engine.counters["evicted_handshakes"] == 2
    assert ("handshake", agents[1].id, False) in set(rows(engine))


def test_runs_are_bounded_and_forgotten_after_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "CAPACITY", 2)
    engine = journalled()
    tell(engine, [TENANT.deployment(START + number, run=str(number)) for number in range(3)])
    tell(engine, [TENANT.deployment(START, run="before them")])
    (tenant,) = engine.state.tenants.values()
    assert sorted(tenant.runs) == ["release/1", "release/2"]
    assert engine.counters["evicted_runs"] == 1
    assert ("run", "release/0", False) in set(rows(engine))
    tell(engine, [tick(START + 31 * DAY)])
    assert tenant.runs == {}
    assert {("run", "release/1", False), ("run", "release/2", False)} <= set(rows(engine))


def test_deeds_of_pipelines_are_forgotten_after_two_days() -> None:
    engine = journalled()
    tell(
        engine, [TENANT.change("application_updated", START + at, AGENT, actor=RELEASE) for at in (0, HOUR, 24 * HOUR)]
    )
    (tenant,) = engine.state.tenants.values()
    assert len(tenant.deeds[str(RELEASE.id)]) == 3
    tell(engine, [tick(START + 49 * HOUR + 10 * MINUTE)])
    assert len(tenant.deeds[str(RELEASE.id)]) == 1
    tell(engine, [tick(START + 80 * HOUR)])
    assert tenant.deeds == {}
    assert ("deeds", str(RELEASE.id), False) in set(rows(engine))


def test_what_is_waited_for_is_bounded_and_goes_when_it_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaited, "CAPACITY", 2)
    declared = Declared(id=AGENT.id, environment="production", handshake_required=True)
    engine = journalled(settings(declarations=Declarations(declared={AGENT.id: declared})))
    tell(engine, [tick(START), TENANT.sign_in(AGENT, START), TENANT.sign_in(AGENT, START + HOUR)])
    changes = [TENANT.change("credential_added", START + HOUR + at, AGENT) for at in (1, 2, 3)]
    tell(engine, [*changes, TENANT.sign_in(AGENT, START + HOUR + 9, resource="vault")])
    (tenant,) = engine.state.tenants.values()
    assert len(tenant.awaited) == 2
    assert engine.counters["awaited_dropped"] == 4
    names = set(tenant.awaited)
    tell(engine, [tick(START + 3 * HOUR)])
    assert tenant.awaited == {}
    assert {("awaited", name, False) for name in names} <= set(rows(engine))


def test_a_run_that_was_forgotten_or_is_nobodys_any_more_promises_nothing() -> None:
    engine = engine_of()
    run = TENANT.deployment(START, changes=("owner_added",))
    tell(engine, [run])
    (tenant,) = engine.state.tenants.values()
    tenant.runs.clear()
    assert detectors(engine.finish()) == []
    engine = engine_of()
    tell(engine, [run])
    other = replace(settings(), pipelines=())
    assert detectors(Engine(other, engine.state).finish()) == []


def test_memory_of_environments_is_bounded() -> None:
    chosen = settings(
        max_identities=1, declarations=Declarations(environment_attribute="A.B", production_values=frozenset({"p"}))
    )
    engine = engine_of(chosen)
    shown = [TENANT.inventory(TENANT.agent(name), START, attributes={"A.B": ("p",)}) for name in "ab"]
    tell(engine, shown)
    (tenant,) = engine.state.tenants.values()
    assert list(tenant.environments) == [TENANT.agent("a").id]
    assert engine.counters["environments_dropped"] == 1
