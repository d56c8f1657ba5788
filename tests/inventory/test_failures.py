"""What cannot be read is not known: it is never none, and never gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.inventory import client
from tests.graph.directory import AGENT, BLUEPRINT, agent, blueprint, person, synthetic
from tests.graph.faults import FORBIDDEN, MALFORMED, UNAVAILABLE, Asked, Fault
from tests.graph.server import TOKEN, Options
from tests.inventory.stage import Identity, staged

LISTS = (
    "owners",
    "sponsors",
    "federatedIdentityCredentials",
    "appRoleAssignments",
    "oauth2PermissionGrants",
    "inheritablePermissions",
    "customSecurityAttributes",
)


def at(where: Callable[[Asked], bool], fault: Fault, *, times: int | None = None) -> Callable[[Asked], Fault | None]:
    """This fault at these requests, always or so often."""
    left = [times]

    def happens(asked: Asked) -> Fault | None:
        if not where(asked) or left[0] == 0:
            return None
        if left[0] is not None:
            left[0] -= 1
        return fault

    return happens


def expands(relation: str, page: int | None = None) -> Callable[[Asked], bool]:
    return lambda asked: asked.query.get("$expand") == relation and page in (None, asked.page)


def anything(_: Asked) -> bool:
    return True


PASSING = [
    (UNAVAILABLE, "unavailable"),
    (Fault(status=500), "unavailable"),
    (Fault(status=429, headers={"Retry-After": "7"}), "throttled"),
    (Fault(status=429), "throttled"),
    (Fault(status=408), "timed_out"),
    (Fault(status=401), "unauthorized"),
    (Fault(cut=True), "connection_lost"),
    *((Fault(body=body), "malformed") for body in MALFORMED),
]
LASTING = [
    (FORBIDDEN, "forbidden"),
    (Fault(status=302, headers={"Location": "https://elsewhere.example/"}), "redirected"),
    (Fault(next_link="https://elsewhere.example/v1.0/servicePrincipals"), "left_origin"),
    (Fault(next_link="http://[broken"), "malformed"),
    (Fault(status=404), "not_found"),
    (Fault(status=501), "rejected"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("fault", "reason"), PASSING)
async def test_a_failure_that_passes_is_waited_out(fault: Fault, reason: str) -> None:
    options = Options(faults=at(expands("owners", 1), fault, times=2))
    async with staged(synthetic(120), options) as stage:
        outcome, told = await stage.rounded("full")
    assert outcome is not None
    assert outcome.failures == 0
    assert told[agent(119)]["owners"] == [{"id": person(3), "type": "user", "accountEnabled": True}]
    assert [fact[0] for fact in stage.facts.of("request_retried")] == [reason] * 2


@pytest.mark.asyncio
@pytest.mark.parametrize(("fault", "reason"), [*PASSING, *LASTING])
async def test_a_pass_that_breaks_off_leaves_the_rest_unknown(fault: Fault, reason: str) -> None:
    options = Options(faults=at(lambda asked: asked.path.endswith(AGENT) and expands("owners", 1)(asked), fault))
    async with staged(synthetic(250), options, read={"people": False}) as stage:
        outcome, told = await stage.rounded("full")
    assert outcome is not None
    assert outcome.told["agentIdentity"] == 250, "the other passes show them all"
    assert outcome.deleted == 0
    assert told[agent(0)]["owners"] == [{"id": person(0), "type": "user", "accountEnabled": None}]
    assert told[agent(249)]["sponsors"] is not None
    assert told[agent(249)]["displayName"] == "Agent 249"
    if reason == "rejected":  # what a list does not show may still be asked of each
        assert told[agent(249)]["owners"] is not None
        assert len([path for path in stage.server.paths() if path.endswith(f"{AGENT}/owners")]) == 150
    elif fault.next_link is None:
        assert told[agent(249)]["owners"] is None
    assert stage.facts.of("part_failed") == [("owners", reason)]


@pytest.mark.asyncio
async def test_a_hanging_answer_is_given_up() -> None:
    options = Options(faults=at(expands("owners", 0), Fault(hang=True), times=1))
    async with staged(synthetic(1), options, timeout=0.3) as stage:
        outcome, told = await stage.rounded("full")
    assert outcome is not None
    # On a slow machine another may take too long as well.
    assert set(stage.facts.of("request_retried")) == {("timed_out", 1.0)}
    assert told[agent(0)]["owners"] is not None


@pytest.mark.asyncio
async def test_graph_is_left_alone_as_long_as_it_asks() -> None:
    options = Options(faults=at(anything, Fault(status=503, headers={"Retry-After": "120"}), times=1))
    async with staged(synthetic(1), options) as stage:
        await stage.full()
    assert stage.facts.of("request_retried") == [("unavailable", 121.0)]
    assert stage.clock.seconds > 120


@pytest.mark.asyncio
async def test_waits_grow_while_a_failure_lasts() -> None:
    options = Options(faults=at(expands("sponsors", 0), UNAVAILABLE))
    async with staged(synthetic(0, blueprints=0), options) as stage:
        await stage.full()
    waits = [wait for _, wait in stage.facts.of("request_retried")]
    assert sorted(waits[::2] + waits[1::2]) == sorted([1.0, 2.0, 4.0, 8.0, 16.0] * 2), "agents and blueprints"


@pytest.mark.asyncio
async def test_an_object_that_cannot_be_understood_hides_no_other_and_nobody_is_missed() -> None:
    directory = synthetic(3)
    async with staged(directory) as stage:
        await stage.full()
        stage.server.options.faults = at(lambda asked: asked.path.endswith(AGENT), Fault(spoil=True))
        outcome, told = await stage.rounded("full")
    assert outcome is not None
    assert outcome.deleted == 0
    assert agent(0) not in told
    assert told[agent(1)]["owners"] is not None
    assert stage.facts.of("deletions_unconfirmed") == [], "it is not missed at all"
    assert stage.facts.of("object_unreadable") == [
        (part,) for part in ("owners", "sponsors", "app_roles", "attributes")
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("where", "member", "of"),
    [
        (lambda asked: asked.path == "oauth2PermissionGrants", "oauth2PermissionGrants", agent(0)),
        (
            lambda asked: asked.path.endswith("/federatedIdentityCredentials"),
            "federatedIdentityCredentials",
            blueprint(0),
        ),
        (lambda asked: asked.path.endswith("/inheritablePermissions"), "inheritablePermissions", blueprint(0)),
        (
            lambda asked: "customSecurityAttributes" in asked.query.get("$select", ""),
            "customSecurityAttributes",
            agent(0),
        ),
        (expands("appRoleAssignments"), "appRoleAssignments", agent(0)),
    ],
)
async def test_a_part_that_is_forbidden_is_unknown_and_the_rest_is_told(where: Any, member: str, of: str) -> None:
    async with staged(synthetic(2), Options(faults=at(where, FORBIDDEN))) as stage:
        outcome, told = await stage.rounded("full")
    assert outcome is not None
    assert told[of][member] is None
    assert outcome.failures > 0
    assert not outcome.passing, "asking again soon does not grant a permission"
    assert stage.facts.of("request_retried") == []
    assert {name for name in LISTS if told[agent(0)][name] is None} <= {member, *LISTS[2:3], "inheritablePermissions"}


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", [FORBIDDEN, UNAVAILABLE, Fault(body=b"{}"), Fault(cut=True)])
async def test_people_and_resources_that_cannot_be_read_are_unknown(fault: Fault) -> None:
    options = Options(faults=at(lambda asked: asked.path.startswith(("users/", "servicePrincipals/0")), fault))
    async with staged(synthetic(1), options, read={"agent_users": False}) as stage:
        told = await stage.full()
    if fault.body != b"{}":
        assert told[agent(0)]["owners"] == [{"id": person(0), "type": "user", "accountEnabled": None}]
    assert told[agent(0)]["appRoleAssignments"][0]["appRoleValue"] is None
    assert told[agent(0)]["appRoleAssignments"][0]["appRoleId"] is not None
    assert {part for part, _ in stage.facts.of("part_failed")} >= {"resources"}


@pytest.mark.asyncio
async def test_a_whole_batch_that_is_refused_leaves_people_unknown() -> None:
    async with staged(synthetic(1)) as stage:
        stage.server._batch = lambda _: refused()  # type: ignore[assignment, method-assign]

        async def refused() -> Any:
            return stage.server._answer(403, {})

        told = await stage.full()
    assert told[agent(0)]["owners"] == [{"id": person(0), "type": "user", "accountEnabled": None}]
    assert stage.facts.of("part_failed") == [("people", "forbidden")]


@pytest.mark.asyncio
async def test_an_account_that_says_nothing_of_itself_is_unknown() -> None:
    directory = synthetic(1)
    directory.people[person(0)] = {"id": 7}
    async with staged(directory) as stage:
        told = await stage.full()
    assert told[agent(0)]["owners"] == [{"id": person(0), "type": "user", "accountEnabled": None}]
    assert stage.facts.of("object_unreadable") == [("people",)]


@pytest.mark.asyncio
async def test_a_body_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 20_000)
    options = Options(faults=at(expands("owners", 0), Fault(body=b'{"value":[],"x":"' + b"a" * 100_000 + b'"}')))
    async with staged(synthetic(2), options) as stage:
        told = await stage.full()
    assert ("owners", "too_large") in stage.facts.of("part_failed")
    assert told[agent(0)]["sponsors"] is not None


@pytest.mark.asyncio
async def test_a_list_that_leads_in_a_circle_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_PAGES", 5)
    async with staged(synthetic(1), read={"people": False}) as stage:
        origin = stage.server.origin

        def circle(asked: Asked) -> Fault | None:
            if asked.query.get("$expand") != "owners":
                return None
            turn = asked.number % 2
            return Fault(next_link=f"{origin}/v1.0/{asked.path}?$expand=owners&x={turn}")

        stage.server.options.faults = circle
        told = await stage.full()
    assert {reason for _, reason in stage.facts.of("part_failed")} <= {"too_many_pages", "malformed"}
    assert len(stage.facts.of("part_failed")) == 2
    assert told[agent(0)]["owners"] is not None, "it was shown"


@pytest.mark.asyncio
async def test_a_page_that_leads_to_itself_is_read_once() -> None:
    async with staged(synthetic(1), read={"people": False}) as stage:
        here = f"{stage.server.origin}/v1.0/oauth2PermissionGrants?$top=100"
        stage.server.options.faults = at(lambda asked: asked.path == "oauth2PermissionGrants", Fault(next_link=here))
        await stage.full()
        assert stage.server.paths().count("oauth2PermissionGrants") == 1
    assert stage.facts.of("part_failed") == [("delegated_grants", "malformed")]


@pytest.mark.asyncio
async def test_a_token_that_is_refused_is_replaced() -> None:
    async with staged(synthetic(1), identity=Identity("bad", TOKEN)) as stage:
        outcome, _ = await stage.rounded("full")
        assert outcome is not None
        assert outcome.failures == 0
        assert len(stage.identity.asked) == 2


@pytest.mark.asyncio
async def test_without_a_token_nothing_is_asked_and_nothing_told() -> None:
    async with staged(synthetic(1), identity=Identity(ClientAuthenticationError("no"))) as stage:
        outcome, told = await stage.rounded("full")
    assert told == {}
    assert outcome is not None
    assert outcome.passing
    assert stage.server.asked == []
    assert {reason for _, reason in stage.facts.of("part_failed")} == {"credential_failed"}


# ---------------------------------------------------------------------------------------- deletion


@pytest.mark.asyncio
async def test_an_object_that_a_complete_list_does_not_show_is_told_as_deleted() -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        stage.directory.removed(AGENT, agent(1))
        outcome, told = await stage.rounded("full")
        again = await stage.full()
    assert outcome is not None
    assert outcome.deleted == 1
    assert told[agent(1)] == {
        "id": told[agent(1)]["id"],
        "observedDateTime": told[agent(1)]["observedDateTime"],
        "objectType": "agentIdentity",
        "objectId": agent(1),
        "appId": agent(1),
        "displayName": "Agent 1",
        "agentIdentityBlueprintId": stage.directory.objects[BLUEPRINT][blueprint(1)]["appId"],
        "identityParentId": None,
        "deleted": True,
    }
    assert agent(1) not in again, "once"


@pytest.mark.asyncio
async def test_a_list_that_wrongly_shows_nothing_empties_nothing() -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        stage.server.options.faults = at(lambda asked: asked.path.endswith(f"s/{AGENT}"), Fault(body=b'{"value":[]}'))
        outcome, told = await stage.rounded("full")
        stage.server.options.faults = lambda _: None
        stage.directory.removed(AGENT, agent(1))
        later = await stage.full()
    assert outcome is not None
    assert outcome.deleted == 0
    assert agent(0) not in told
    assert stage.facts.of("deletions_unconfirmed") == [(3,)]
    assert later[agent(1)]["deleted"] is True
    assert later[agent(0)]["deleted"] is False


@pytest.mark.asyncio
async def test_whether_it_is_gone_must_be_told_and_not_guessed() -> None:
    async with staged(synthetic(2)) as stage:
        await stage.full()
        stage.directory.removed(AGENT, agent(1))
        stage.server.options.faults = at(lambda asked: asked.path.endswith(f"{agent(1)}/{AGENT}"), UNAVAILABLE)
        outcome, _ = await stage.rounded("full")
    assert outcome is not None
    assert outcome.deleted == 0
    assert stage.facts.of("part_failed") == [("deletions", "unavailable")]


FAULTS = st.sampled_from(
    [
        UNAVAILABLE,
        FORBIDDEN,
        Fault(status=429),
        Fault(status=404),
        Fault(status=400),
        Fault(cut=True),
        Fault(spoil=True),
        Fault(next_link="https://elsewhere.example/v1.0/x"),
        *(Fault(body=body) for body in MALFORMED),
    ]
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), share=st.floats(0.0, 0.9), kinds=st.lists(FAULTS, min_size=1, max_size=4))
def test_failures_by_chance_never_empty_the_inventory(seed: int, share: float, kinds: list[Fault]) -> None:
    import asyncio
    from random import Random

    async def story() -> None:
        directory = synthetic(23, people=3)
        async with staged(directory, page_size=5) as stage:
            await stage.full()
            kept = {identifier for objects in directory.objects.values() for identifier in objects}
            truth = {(identifier, name): listed for (identifier, name), listed in directory.relations.items() if listed}
            dice = Random(seed)

            def unlucky(_: Asked) -> Fault | None:
                return dice.choice(kinds) if dice.random() < share else None

            stage.server.options.faults = unlucky
            outcome, told = await stage.rounded("full")
            assert outcome is not None
            assert outcome.deleted == 0, "all of them are there"
            assert not any(properties["deleted"] for properties in told.values())
            assert set(told) <= kept
            for (identifier, name), listed in truth.items():
                if identifier in told:
                    assert told[identifier][name] != [], (identifier, name)
                    if told[identifier][name] is not None:
                        assert len(told[identifier][name]) == len(listed)
            for identifier, properties in told.items():
                if any(grant["clientId"] == identifier for grant in directory.grants):
                    assert properties["oauth2PermissionGrants"] != []
            stage.server.options.faults = lambda _: None
            removed = dice.sample(sorted(directory.objects[AGENT]), 2)
            for identifier in removed:
                directory.removed(AGENT, identifier)
            outcome, told = await stage.rounded("full")
            assert outcome is not None
            assert {identifier for identifier, each in told.items() if each["deleted"]} == set(removed)
            assert set(told) == kept

    asyncio.run(story())
