"""Members of records that need translating."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.inventory.client import ATTEMPTS
from detector.inventory.pace import LONGEST, Pace
from detector.inventory.problems import LONGEST_AFTER, retry_after
from detector.inventory.records import thumbprint
from tests.graph.directory import GRAPH_APP, GRAPH_ID, agent, blueprint, person, synthetic
from tests.graph.faults import Asked, Fault
from tests.graph.server import Options
from tests.inventory.stage import Clock, staged

SHA1 = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("given_as", "shown"),
    [
        (base64.b64encode(bytes.fromhex(SHA1)).decode(), SHA1),
        (SHA1.upper(), SHA1),
        (SHA1 + SHA1[:24], SHA1 + SHA1[:24]),
        (None, None),
        ("", None),
        ("not base64!", None),
        ("ümlaut", None),
    ],
)
def test_a_thumbprint_is_hex_however_graph_gives_it(given_as: str | None, shown: str | None) -> None:
    assert thumbprint(given_as) == shown


@given(st.binary(min_size=1, max_size=64))
def test_the_same_certificate_has_the_same_thumbprint(digest: bytes) -> None:
    found = thumbprint(base64.b64encode(digest).decode())
    assert found is not None
    assert len(found) in (2 * len(digest), len(base64.b64encode(digest)))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        ({"kind": "allAllowed"}, {"kind": "allAllowed", "scopes": None}),
        ({"@odata.type": "#microsoft.graph.noScopes"}, {"kind": "none", "scopes": None}),
        (
            {"@odata.type": "#microsoft.graph.enumeratedScopes", "scopes": ["a"]},
            {"kind": "enumerated", "scopes": ["a"]},
        ),
        ({}, {"kind": None, "scopes": None}),
        (None, {"kind": None, "scopes": None}),
    ],
)
async def test_what_is_inherited_is_named_by_kind(scopes: object, told: dict[str, object]) -> None:
    directory = synthetic(0)
    directory.relations[blueprint(0), "inheritablePermissions"] = [
        {"resourceAppId": GRAPH_APP, "inheritableScopes": scopes}
    ]
    async with staged(directory) as stage:
        found = await stage.full()
    assert found[blueprint(0)]["inheritablePermissions"] == [{"resourceAppId": GRAPH_APP, **told}]


@pytest.mark.asyncio
async def test_attributes_of_any_kind_are_told_in_a_form_that_is_understood() -> None:
    directory = synthetic(1)
    directory.attributes[agent(0)] = {
        "@odata.type": "#x",
        "Limits": {"Budget": 7, "Ports@odata.type": "#Collection(Int32)", "Ports": [1, 2], "Live": True, "Gone": None},
        "Odd": {"Nested": {"a": 1}},
    }
    async with staged(directory) as stage:
        found = await stage.full()
    assert found[agent(0)]["customSecurityAttributes"] == {
        "Limits": {"Budget": 7, "Ports": ["1", "2"], "Live": True, "Gone": None},
        "Odd": {"Nested": "{'a': 1}"},
    }


@pytest.mark.asyncio
async def test_no_list_grows_beyond_what_is_read() -> None:
    directory = synthetic(1)
    directory.relations[agent(0), "owners"] = [{"id": f"o-{number}"} for number in range(300)]
    async with staged(directory, read={"people": False}) as stage:
        found = await stage.full()
    assert len(found[agent(0)]["owners"]) == 256
    assert found[agent(0)]["owners"][0] == {"id": "o-0", "type": None, "accountEnabled": None}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("99999999999999", LONGEST_AFTER),
        ("soon", None),
        ("-1", None),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:28:30", 30.0),
        ("Wed, 21 Oct 2014 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, 1445412480.0) == seconds


def test_waits_double_up_to_a_bound() -> None:
    pace = Pace(1.0, Clock().world())
    assert [pace.wait(failures) for failures in (1, 2, 3, 4, 5, 6, 50)] == [1, 2, 4, 8, 16, LONGEST, LONGEST]


@pytest.mark.asyncio
async def test_a_rest_that_begins_while_others_wait_holds_for_them_too() -> None:
    clock = Clock()
    pace = Pace(10.0, clock.world())
    await pace.turn()
    waiting = asyncio.create_task(pace.turn())
    await asyncio.sleep(0)
    pace.rest(5.0)
    await waiting
    assert clock.seconds >= 5.0


@pytest.mark.asyncio
async def test_answers_in_a_batch_are_each_tried_again() -> None:
    failing = {"left": 2}

    def fails(asked: Asked) -> Fault | None:
        if not asked.path.startswith("users/") or asked.path.count("/") > 1 or "microsoft" in asked.path:
            return None
        if failing["left"] == 0:
            return None
        failing["left"] -= 1
        return Fault(cut=True) if failing["left"] else Fault(status=429, headers={"retry-after": "9"})

    async with staged(synthetic(4), Options(faults=fails)) as stage:
        outcome, told = await stage.rounded("full")
    assert outcome is not None
    assert outcome.failures == 0
    assert all(owner["accountEnabled"] is not None for n in range(4) for owner in told[agent(n)]["owners"])
    assert stage.clock.seconds >= 9


@pytest.mark.asyncio
async def test_answers_that_never_come_in_a_batch_are_given_up() -> None:
    def fails(asked: Asked) -> Fault | None:
        return Fault(cut=True) if asked.path in {f"users/{person(0)}", f"users/{person(1)}"} else None

    async with staged(synthetic(1), Options(faults=fails)) as stage:
        told = await stage.full()
        asked = [path for path in stage.server.paths() if path.startswith(f"users/{person(0)}")]
    assert told[agent(0)]["owners"][0]["accountEnabled"] is None
    assert set(stage.facts.of("part_failed")) == {("people", "unavailable")}
    assert len(asked) == ATTEMPTS


@pytest.mark.asyncio
async def test_a_list_that_graph_leaves_out_is_not_known() -> None:
    async with staged(synthetic(1)) as stage:
        shown = stage.server._shown

        def without(seen: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
            found = shown(seen, query)
            found.pop("owners", None)
            return found

        stage.server._shown = without  # type: ignore[method-assign]
        told = await stage.full()
    assert told[agent(0)]["owners"] is None
    assert told[agent(0)]["sponsors"] is not None


@pytest.mark.asyncio
async def test_permissions_of_others_are_passed_over() -> None:
    directory = synthetic(1)
    directory.grants.append({"clientId": "other", "resourceId": "other-resource", "scope": "User.Read"})
    async with staged(directory) as stage:
        told = await stage.full()
        assert "servicePrincipals/other-resource" not in stage.server.paths()
    assert [grant["resourceId"] for grant in told[agent(0)]["oauth2PermissionGrants"]] == [GRAPH_ID]
