"""Between full rounds, what has changed is read again."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from detector.inventory import poller as poller_module
from tests.graph.directory import (
    AGENT,
    AGENT_USER,
    BLUEPRINT,
    GRAPH_ID,
    PRINCIPAL,
    agent,
    agent_user,
    blueprint,
    blueprint_app,
    guid,
    person,
    synthetic,
    user_reference,
)
from tests.graph.faults import UNAVAILABLE, Asked, Fault
from tests.graph.server import Options
from tests.inventory.stage import Stage, staged

pytestmark = pytest.mark.asyncio


async def test_nothing_is_told_when_nothing_changed() -> None:
    async with staged(synthetic(20)) as stage:
        await stage.full()
        before = len(stage.server.asked)
        assert await stage.delta() == {}
        assert [asked.path for asked in stage.server.asked[before:]] == [
            "servicePrincipals/delta",
            "applications/delta",
            "users/delta",
        ]


async def test_a_changed_agent_is_told_as_it_is_now_with_everything() -> None:
    async with staged(synthetic(20)) as stage:
        before = (await stage.full())[agent(3)]
        stage.directory.changed(AGENT, agent(3), accountEnabled=False)
        told = await stage.delta()
        assert told is not None
        assert await stage.delta() == {}, "once"
    after = told[agent(3)]
    assert set(told) == {agent(3)}
    assert after["accountEnabled"] is False
    changing = {"id", "observedDateTime", "accountEnabled"}
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }


async def test_what_changes_while_everything_is_read_is_told_too() -> None:
    async with staged(synthetic(150)) as stage:

        def changes(asked: Asked) -> Fault | None:
            if asked.query.get("$expand") == "sponsors" and asked.page == 1:
                stage.directory.changed(AGENT, agent(0), displayName="renamed")
            return None

        stage.server.options.faults = changes
        await stage.full()
        told = await stage.delta()
    assert told is not None
    assert told[agent(0)]["displayName"] == "renamed"


async def test_a_new_agent_blueprint_principal_and_agent_user_are_told() -> None:
    async with staged(synthetic(2)) as stage:
        await stage.full()
        directory = stage.directory
        directory.relations[agent(90), "owners"] = [user_reference(person(2))]
        directory.added(AGENT, agent(90), {"displayName": "new", "agentIdentityBlueprintId": blueprint_app(0)})
        directory.added(
            BLUEPRINT, blueprint(90), {"appId": blueprint_app(90), "displayName": "new", "keyCredentials": []}
        )
        directory.added(PRINCIPAL, guid("principal", 90), {"appId": blueprint_app(90), "displayName": "new"})
        directory.added(AGENT_USER, agent_user(90), {"displayName": "new", "identityParentId": agent(90)})
        told = await stage.delta()
    assert told is not None
    assert set(told) == {agent(90), blueprint(90), guid("principal", 90), agent_user(90)}
    assert told[agent(90)]["owners"] == [{"id": person(2), "type": "user", "accountEnabled": True}]
    assert told[agent(90)]["oauth2PermissionGrants"] == []
    assert told[agent(90)]["customSecurityAttributes"] == {}, "those of others are shown"
    assert told[blueprint(90)]["federatedIdentityCredentials"] == []


async def test_changes_of_others_are_passed_over() -> None:
    async with staged(synthetic(2)) as stage:
        await stage.full()
        before = len(stage.server.asked)
        stage.directory.log += [
            ("servicePrincipals", {"id": guid("other", 1), "displayName": "an ordinary one"}),
            ("servicePrincipals", {"id": guid("other", 2), "@removed": {"reason": "deleted"}}),
            ("users", {"id": guid("other", 3), "accountEnabled": False}),
            ("users", {"id": agent(1), "accountEnabled": False}),
            ("applications", {"id": 7}),
        ]
        assert await stage.delta() == {}
        assert all(asked.path.endswith("/delta") for asked in stage.server.asked[before:])
    assert stage.facts.of("object_unreadable") == [("changes",)]


async def test_a_removed_agent_is_told_as_deleted_once_and_changes_before_do_not_matter() -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        stage.directory.changed(AGENT, agent(1), displayName="last words")
        stage.directory.removed(AGENT, agent(1))
        told = await stage.delta()
        assert told is not None
        assert {identifier: each["deleted"] for identifier, each in told.items()} == {agent(1): True}
        assert await stage.delta() == {}
        assert agent(1) not in await stage.full()


async def test_an_agent_that_is_restored_is_told_again() -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        seen = dict(stage.directory.objects[AGENT][agent(1)])
        stage.directory.removed(AGENT, agent(1))
        stage.directory.added(AGENT, agent(1), seen)
        told = await stage.delta()
    assert told is not None
    assert told[agent(1)]["deleted"] is False


async def test_an_owner_or_sponsor_that_is_disabled_or_deleted_is_told() -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        stage.directory.person_changed(person(2), accountEnabled=False)
        stage.directory.person_changed(person(3), displayName="Only a name")
        stage.directory.log.append(("users", {"id": person(0), "@removed": {"reason": "changed"}}))
        told = await stage.delta()
        assert told is not None
    assert {
        identifier: (each["objectType"], each["accountEnabled"], each["deleted"]) for identifier, each in told.items()
    } == {
        person(2): ("user", False, False),
        person(3): ("user", True, False),
        person(0): ("user", True, True),
    }


async def test_a_token_that_is_too_old_means_reading_everything() -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        stage.server.options.oldest_token = 10
        assert await stage.delta() is None
        stage.server.options.oldest_token = 0
        assert agent(0) in await stage.full()
        assert await stage.delta() == {}
    assert stage.facts.of("delta_refused") == [()]
    assert stage.facts.of("part_failed") == [("changes", "gone")] * 3


async def test_too_many_changes_mean_reading_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller_module, "MOST_CHANGES", 3)
    async with staged(synthetic(10)) as stage:
        await stage.full()
        for number in range(4):
            stage.directory.changed(AGENT, agent(number), displayName="x")
        assert await stage.delta() is None
        assert len(await stage.full()) == 16
        assert await stage.delta() == {}


async def test_changes_that_cannot_be_listed_now_are_not_lost() -> None:
    async with staged(synthetic(10)) as stage:
        await stage.full()
        for number in range(5):
            stage.directory.changed(AGENT, agent(number), displayName="x")
        stage.server.options.faults = lambda asked: UNAVAILABLE if asked.query.get("$skiptoken") == "4" else None
        first = await stage.delta()
        stage.server.options.faults = lambda _: None
        second = await stage.delta()
    assert first is not None
    assert second is not None
    assert set(first) | set(second) == {agent(number) for number in range(5)}
    assert agent(4) in second


async def test_a_list_of_changes_without_an_end_is_asked_for_again() -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        stage.directory.changed(AGENT, agent(1), displayName="x")
        spoiled = Fault(body=b'{"value":[]}')
        stage.server.options.faults = lambda asked: spoiled if asked.path.endswith("/delta") else None
        assert await stage.delta() == {}
        stage.server.options.faults = lambda _: None
        told = await stage.delta()
    assert told is not None
    assert set(told) == {agent(1)}


async def test_a_changed_object_that_cannot_be_read_now_is_read_in_the_next_round() -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        stage.directory.changed(AGENT, agent(1), displayName="x")
        stage.server.options.faults = lambda asked: UNAVAILABLE if asked.path.endswith(AGENT) else None
        assert await stage.delta() == {}
        stage.server.options.faults = lambda _: None
        told = await stage.delta()
    assert told is not None
    assert told[agent(1)]["displayName"] == "x"
    assert stage.facts.of("part_failed") == [("agents", "unavailable")]


async def test_what_is_gone_before_it_could_be_read_is_not_asked_for() -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        stage.directory.changed(AGENT, agent(1), displayName="x")
        stage.server.options.faults = lambda asked: UNAVAILABLE if asked.path.endswith(AGENT) else None
        assert await stage.delta() == {}
        stage.server.options.faults = lambda _: None
        stage.directory.removed(AGENT, agent(1))
        before = len(stage.server.asked)
        told = await stage.delta()
        assert all(path.endswith("/delta") for path in stage.server.paths()[before:])
    assert told is not None
    assert told[agent(1)]["deleted"] is True


@pytest.mark.parametrize("status", [404, 403])
async def test_a_changed_object_that_is_not_there_or_not_ours_to_see_is_dropped_and_not_deleted(status: int) -> None:
    async with staged(synthetic(3)) as stage:
        await stage.full()
        stage.directory.changed(AGENT, agent(1), displayName="x")
        stage.server.options.faults = lambda asked: Fault(status=status) if asked.path.endswith(AGENT) else None
        assert await stage.delta() == {}
        stage.server.options.faults = lambda _: None
        assert await stage.delta() == {}
        assert (await stage.full())[agent(1)]["displayName"] == "x"


async def test_parts_of_a_changed_object_that_cannot_be_read_are_unknown() -> None:
    def fails(asked: Asked) -> Fault | None:
        parts = ("/owners", "/sponsors", "/appRoleAssignments", "/oauth2PermissionGrants")
        attributes = "customSecurityAttributes" in asked.query.get("$select", "")
        return Fault(status=403) if attributes or asked.path.endswith(parts) else None

    async with staged(synthetic(4)) as stage:
        await stage.full()
        stage.directory.changed(AGENT, agent(0), displayName="x")
        stage.directory.changed(AGENT, agent(3), displayName="y")
        stage.server.options.faults = fails
        told = await stage.delta()
    assert told is not None
    members = ("owners", "sponsors", "appRoleAssignments", "oauth2PermissionGrants", "customSecurityAttributes")
    assert {told[agent(0)][member] for member in members} == {None}
    assert told[agent(0)]["displayName"] == "x"


async def test_an_answer_about_somebody_else_is_not_believed() -> None:
    async with staged(synthetic(2)) as stage:
        await stage.full()
        stage.directory.changed(AGENT, agent(1), displayName="x")
        other = Fault(body=f'{{"id":"{agent(0)}"}}'.encode())
        stage.server.options.faults = lambda asked: other if asked.path.endswith(AGENT) else None
        assert await stage.delta() == {}


async def test_an_id_that_could_lead_elsewhere_is_never_part_of_an_address() -> None:
    hostile = "../../users/me?$select=mail"
    async with staged(synthetic(1)) as stage:
        stage.directory.objects[AGENT][hostile] = {"id": hostile, "displayName": "hostile"}
        stage.directory.relations[hostile, "owners"] = [user_reference(hostile)] * 25
        stage.directory.relations[hostile, "appRoleAssignments"] = [{"resourceId": hostile, "appRoleId": "x"}]
        stage.directory.grants.append({"clientId": hostile, "resourceId": GRAPH_ID, "scope": None})
        told = await stage.full()
        stage.directory.log.append(("servicePrincipals", {"@odata.type": f"#{AGENT}", "id": hostile}))
        assert await stage.delta() == {}
        assert not [path for path in stage.server.paths() if "me" in path.split("/") or ".." in path]
    assert told[hostile]["owners"] is None
    assert told[hostile]["sponsors"] == []


async def test_when_changes_cannot_be_marked_full_rounds_go_on_alone() -> None:
    forbidden = Fault(status=403)
    options = Options(faults=lambda asked: forbidden if asked.path.endswith("/delta") else None)
    async with staged(synthetic(2), options) as stage:
        outcome, _ = await stage.rounded("full")
        assert outcome is not None
        assert not outcome.passing
        stage.directory.changed(AGENT, agent(0), displayName="x")
        assert await stage.delta() == {}
        assert (await stage.full())[agent(0)]["displayName"] == "x"


# -------------------------------------------------------------------------------------------- rounds


class Rounds:
    """Runs a poller until so many rounds have ended."""

    def __init__(self, stage: Stage, rounds: int) -> None:
        self.stage = stage
        self.rounds = rounds
        self.seen: list[tuple[str, float]] = []

    async def run(self) -> list[tuple[str, float]]:
        stage, full, delta = self.stage, self.stage.poller.full, self.stage.poller.delta

        async def noted(kind: str, work: Any, tell: Any) -> Any:
            if len(self.seen) == self.rounds:
                raise asyncio.CancelledError
            self.seen.append((kind, round(stage.clock.seconds)))
            return await work(tell)

        stage.poller.full = lambda tell: noted("full", full, tell)  # type: ignore[method-assign]
        stage.poller.delta = lambda tell: noted("delta", delta, tell)  # type: ignore[method-assign]
        with pytest.raises(asyncio.CancelledError):
            await stage.poller.run(stage.tell)
        return self.seen


async def test_everything_is_read_now_and_then_and_changes_in_between() -> None:
    async with staged(synthetic(1), every=300, full_every=900) as stage:
        seen = await Rounds(stage, 8).run()
    assert [kind for kind, _ in seen] == ["full", "delta", "delta", "full", "delta", "delta", "full", "delta"]
    assert [at for _, at in seen] == [0, 300, 600, 900, 1200, 1500, 1800, 2100]


async def test_a_refused_token_has_everything_read_at_once() -> None:
    async with staged(synthetic(1), every=300, full_every=9000) as stage:
        refused = Fault(status=410)
        stage.server.options.faults = lambda asked: (
            refused if asked.path == "users/delta" and asked.query.get("$deltatoken") != "latest" else None
        )
        seen = await Rounds(stage, 4).run()
    assert seen == [("full", 0), ("delta", 300), ("full", 300), ("delta", 600)]


async def test_after_a_failure_that_may_pass_everything_is_read_sooner_but_ever_less_so() -> None:
    options = Options(faults=lambda asked: Fault(body=b"<html>") if asked.query.get("$expand") == "owners" else None)
    async with staged(synthetic(1), options, every=300, full_every=2000) as stage:
        seen = await Rounds(stage, 9).run()
    full = [at for kind, at in seen if kind == "full"]
    assert [later - sooner for sooner, later in pairwise(full)] == [300, 600, 1200]


async def test_a_fault_of_the_program_is_told_and_does_not_end_the_poller() -> None:
    async with staged(synthetic(1), every=300, full_every=9000) as stage:

        async def breaks(_: bytes) -> None:
            if stage.clock.seconds < 200:
                raise ZeroDivisionError
            await asyncio.sleep(0)

        stage.tell = breaks  # type: ignore[method-assign]
        seen = await Rounds(stage, 3).run()
    assert stage.facts.of("round_failed") == [("full", "ZeroDivisionError")]
    assert seen == [("full", 0), ("full", 300), ("delta", 600)]
