"""Refusals by Conditional Access, edits of it, and what joins them, in every order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from detector.domain.events import Event
from detector.domain.events import PolicyTerms as Terms
from detector.engine import outages
from detector.engine.engine import Engine
from detector.features.ledger import Entry
from detector.features.timeline import DAY
from tests.detectors.stage import AGENT, BLUEPRINT, CREW, LONER, NOW, TENANT, engine
from tests.stories import BLOCKED, HOUR, MINUTE, NOWHERE, ids, in_order, network, refused_by, tell

POLICY = refused_by("Block strangers")
ON, OFF = Terms(state="enabled", workloads=True), Terms(state="disabled", workloads=True)


def block(at: float, agent: Any = AGENT, **words: Any) -> Event:
    return TENANT.sign_in(agent, at, **{"error": BLOCKED, "policies": POLICY, "origin": network(1)} | words)


def in_any_order(events: Sequence[Event], detector: str) -> int:
    """How many alerts a detector makes of the events, the same in whatever order they arrive."""
    told = set()
    for order in permutations(events):
        playing = engine()
        alerts = tell(playing, list(order), size=1) + playing.finish()
        told.add(frozenset(ids(alert for alert in alerts if alert.detector == detector)))
    (same,) = told
    return len(same)


def ledger(playing: Engine, agent: Any = AGENT, *kinds: str) -> list[Entry]:
    return playing.state.tenants[TENANT.id].ledgers[agent.id].of(*kinds)


@pytest.mark.parametrize(
    ("story", "detector", "alerts"),
    [
        (
            (
                block(NOW + MINUTE),
                TENANT.policy_edit("Block strangers", NOW + 2 * MINUTE, ON, OFF),
                TENANT.sign_in(AGENT, NOW + 3 * MINUTE),
                TENANT.sign_in(AGENT, NOW + 4 * MINUTE),
            ),
            "policy_edited_after_block",
            1,
        ),
        (
            (
                block(NOW + MINUTE),
                TENANT.change("update attribute values assigned to a serviceprincipal", NOW + 2 * MINUTE, AGENT),
                TENANT.sign_in(AGENT, NOW + 3 * MINUTE),
                block(NOW + 5 * MINUTE),
            ),
            "policy_edited_after_block",
            1,
        ),
        (
            (
                TENANT.policy_edit("Block strangers", NOW + MINUTE, ON, OFF),
                block(NOW + 2 * MINUTE),
                TENANT.sign_in(AGENT, NOW + 3 * MINUTE),
            ),
            "policy_edited_after_block",
            0,
        ),
        (
            (
                block(NOW + MINUTE, resource="vault"),
                block(NOW + 2 * MINUTE, resource="vault"),
                TENANT.sign_in(CREW[1], NOW + 3 * MINUTE, resource="vault"),
                TENANT.sign_in(CREW[1], NOW + 4 * MINUTE, resource="sql"),
            ),
            "block_evaded",
            1,
        ),
        (
            (
                block(NOW + MINUTE, resource="vault"),
                TENANT.sign_in(AGENT, NOW + 3 * MINUTE, resource="vault"),
                TENANT.sign_in(LONER, NOW + 4 * MINUTE, resource="vault"),
            ),
            "block_evaded",
            0,
        ),
        (
            (
                *(block(NOW + n * MINUTE, agent, policies=()) for n, agent in enumerate(CREW[:3], 2)),
                TENANT.policy_edit("Block all", NOW + MINUTE, OFF, ON),
            ),
            "policy_outage",
            1,
        ),
    ],
)
def test_it_is_found_whichever_record_arrives_last(story: Sequence[Event], detector: str, alerts: int) -> None:
    assert in_any_order(story, detector) == alerts


def test_a_refusal_notes_the_resource_the_policy_and_where_it_came_from() -> None:
    playing = engine()
    tell(playing, [block(NOW + MINUTE)])
    (entry,) = ledger(playing, AGENT, "blocked")
    assert (entry.name, entry.by, entry.who) == ("graph", "Block strangers", POLICY[0].id)
    assert entry.detail == "198.51.100.0/24 AS64497 DE"
    (shared,) = playing.state.tenants[TENANT.id].ledgers[str(AGENT.blueprint)].of("agent_blocked")
    assert (shared.who, shared.name, shared.detail) == (AGENT.id, "invoices", "graph")


def test_a_blueprint_of_its_own_has_no_siblings() -> None:
    playing = engine()
    tell(playing, [block(NOW + MINUTE, BLUEPRINT, origin=NOWHERE, resource=None)])
    (entry,) = ledger(playing, BLUEPRINT, "blocked", "agent_blocked")
    assert (entry.kind, entry.about, entry.name, entry.detail) == ("blocked", "", "", "")


def test_an_identity_without_a_blueprint_is_blocked_like_any_other() -> None:
    lone = TENANT.agent("lone", blueprint=None)
    playing = engine()
    tell(playing, [block(NOW, lone, blueprint_id=None)])
    assert len(ledger(playing, lone, "blocked")) == 1


def test_a_retry_loop_leaves_the_first_and_the_last_of_ten_minutes() -> None:
    playing = engine()
    tell(playing, [block(NOW + second) for second in (30, 10, 20, 590, 5, 40, 599, 598)])
    assert [entry.time - NOW for entry in ledger(playing, AGENT, "blocked")] == [5, 599]
    tell(playing, [block(NOW + second, policies=refused_by("Other")) for second in (300, 301, 302)])
    assert len(ledger(playing, AGENT, "blocked")) == 4
    assert len(playing.state.tenants[TENANT.id].ledgers[str(AGENT.blueprint)].of("agent_blocked")) == 2


def test_only_who_was_blocked_by_what_was_edited_is_watched_and_only_for_a_day() -> None:
    playing = engine()
    edit = TENANT.policy_edit("Block strangers", NOW + HOUR, ON, OFF)
    tell(playing, in_order(block(NOW), block(NOW, CREW[1], policies=refused_by("Other")), edit))
    tenant = playing.state.tenants[TENANT.id]
    assert tenant.identities[AGENT.id].watched == NOW + HOUR
    assert tenant.identities[CREW[1].id].watched > NOW + DAY
    tell(playing, [TENANT.sign_in(LONER, NOW + HOUR + DAY + 2 * HOUR)])
    assert tenant.identities[AGENT.id].watched > NOW + 9 * DAY


def test_an_identity_that_memory_gave_up_is_left_alone() -> None:
    """Its ledger may live longer than it does."""
    playing = engine()
    tell(playing, [block(NOW)])
    tenant = playing.state.tenants[TENANT.id]
    del tenant.identities[AGENT.id]
    edit = TENANT.policy_edit("Block strangers", NOW + HOUR, ON, OFF)
    relabelled = TENANT.change("update attribute values assigned to a serviceprincipal", NOW + HOUR, AGENT)
    tell(playing, [edit, relabelled])
    assert {entry.kind for entry in tenant.ledgers[AGENT.id].entries} == {"blocked"}


def test_edits_are_followed_for_a_while_and_the_latest_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "_MAX_OUTAGES", 3)
    playing = engine()
    edits = [TENANT.policy_edit(f"p{n}", NOW + n * MINUTE, OFF, ON) for n in range(5)]
    tell(playing, [*edits[1:], edits[0]])
    tenant = playing.state.tenants[TENANT.id]
    assert sorted(each.policy_name for each in tenant.outages.values()) == ["p2", "p3", "p4"]
    assert playing.counters["outages_dropped"] == 2
    tell(playing, [TENANT.sign_in(LONER, NOW + 4 * HOUR)])
    assert tenant.outages == {}


def test_an_agent_that_memory_gave_up_goes_by_its_id() -> None:
    playing = engine()
    edit = TENANT.policy_edit("Block all", NOW, OFF, ON)
    tell(playing, [edit, block(NOW + 1, CREW[0], policies=()), block(NOW + 2, CREW[1], policies=())])
    del playing.state.tenants[TENANT.id].identities[CREW[0].id]
    (alert,) = [
        each for each in tell(playing, [block(NOW + 3, CREW[2], policies=())]) if each.detector == "policy_outage"
    ]
    assert CREW[0].id in alert.explanation
