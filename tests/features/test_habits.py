"""How an identity gets its tokens: types and ids of credentials, flows."""

from __future__ import annotations

from typing import Any

import pytest

from detector.features import habits
from detector.features.habits import TOKEN_EXCHANGE, flow_of, flow_tag, keys_known, known, turn, type_tag
from detector.features.known import meet
from detector.features.timeline import Horizon
from tests.stories import Tenant, guid

HOURLY = Horizon.of(3_600, 1_200.0)
TENANT = Tenant()
AGENT = TENANT.agent("invoices")


def remembered(*values: str, hour: int = 100) -> dict[str, int]:
    memory: dict[str, int] = {}
    for value in values:
        meet(memory, value, hour, HOURLY, habits.CAPACITY)
    return memory


def test_types_flows_and_keys_live_side_by_side_and_are_never_taken_for_each_other() -> None:
    key = guid("key", "1")
    memory = remembered(type_tag("clientSecret"), type_tag("certificate"), flow_tag("app_only"), key, "tclientsecret")
    assert known(memory, "T", 102, HOURLY) == ("certificate", "clientSecret")
    assert known(memory, "F", 102, HOURLY) == ("app_only",)
    assert keys_known(memory, 102, HOURLY) == 2
    assert known(memory, "T", 101, HOURLY) == ()
    assert keys_known(memory, 101, HOURLY) == 0


def test_a_tag_is_one_shared_object() -> None:
    assert type_tag("clientSecret") is type_tag("".join(["client", "Secret"]))


@pytest.mark.parametrize(
    ("new", "before", "is_"),
    [
        ("clientSecret", ("certificate",), "weaker"),
        ("clientSecret", ("clientSecret", "managedIdentity"), "weaker"),
        ("certificate", ("clientAssertion",), "equal"),
        ("managedIdentity", ("federatedIdentityCredential",), "stronger"),
        ("somethingNew", ("certificate",), "unknown"),
        ("clientSecret", ("somethingOld",), "unknown"),
        ("clientSecret", (), "unknown"),
    ],
)
def test_a_type_is_compared_with_the_strongest_before(new: str, before: tuple[str, ...], is_: str) -> None:
    assert turn(new, before) == is_


@pytest.mark.parametrize(
    ("words", "flow"),
    [
        ({}, "app_only"),
        ({"kind": "managed_identity"}, "app_only"),
        ({"kind": "non_interactive_user"}, "on_behalf_of"),
        ({"kind": "interactive_user"}, "on_behalf_of"),
        ({"kind": "non_interactive_user", "subject_role": "agent_user"}, "agent_user"),
        ({"kind": "interactive_user", "role": "agent_user"}, "agent_user"),
        ({"resource": None}, "app_only"),
        ({"resource_id": next(iter(TOKEN_EXCHANGE))}, None),
        ({"resource_name": "AAD Token Exchange Endpoint"}, None),
    ],
)
def test_what_a_record_says_of_its_flow(words: dict[str, Any], flow: str | None) -> None:
    assert flow_of(TENANT.access(AGENT, **words)) == flow
