"""Failures, guesses and what follows them; and novelties of records that say little."""

from __future__ import annotations

from itertools import chain, permutations

from detector.features.known import DAILY
from tests.stories import HOUR, INVALID, MINUTE, NOWHERE, START, Tenant, alerts_of, engine_of, ids, in_order, tell


def test_a_success_behind_two_runs_of_guesses_is_said_of_both_in_any_order() -> None:
    tenant = Tenant()
    agent = tenant.agent("a")
    runs = [tenant.sign_ins(agent, START + at * MINUTE, 4, every=1.0, error=INVALID) for at in (55, 61)]
    parts = [*runs, [tenant.sign_in(agent, START + 70 * MINUTE)]]
    told = set()
    for order in permutations(parts):
        alerts = alerts_of(list(chain.from_iterable(order)))
        told.add(frozenset(ids(alert for alert in alerts if alert.detector == "success_after_failures")))
    (said,) = told
    assert len(said) == 2


def test_a_late_success_finds_a_run_from_before_newer_guesses() -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    tell(engine, tenant.sign_ins(agent, START + 59 * MINUTE, 4, every=1.0, error=INVALID))
    tell(engine, [tenant.sign_in(agent, START + 2 * HOUR + MINUTE, error=INVALID)])
    told = tell(engine, [tenant.sign_in(agent, START + 2 * HOUR - MINUTE)])
    assert "success_after_failures" in [alert.detector for alert in told]


def test_a_token_without_resource_or_address_teaches_nothing() -> None:
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    assert tell(engine, [*tenant.calm(agent, hours=30), tenant.sign_in(agent, START + 30 * HOUR, resource=None)]) == []
    assert tell(engine, [tenant.sign_in(agent, START + 30 * HOUR + 1, origin=NOWHERE)]) == []


def test_a_network_in_use_is_not_forgotten_for_its_age() -> None:
    """What was first seen long ago and is used every day stays known when newcomers need room."""
    tenant, engine = Tenant(), engine_of()
    agent = tenant.agent("a")
    tell(engine, in_order(tenant.calm(agent, hours=40 * 24, per_hour=1)))
    (memory,) = engine.state.tenants.values()
    last = (START + (40 * 24 - 1) * HOUR) // HOUR
    (api,) = memory.identities[agent.id].apis.values.values()
    for state in (memory.identities[agent.id].networks["p192.0.2.0/24"], api):
        assert last - DAILY < state <= last
