"""Conditional Access policies and named locations in audit records."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from detector.decode.policies import MAX_LISTED
from tests.decode.builders import audit, modified, target

POLICY = "9FA0B1C2-0000-4000-8000-0000000000E1"
RULE = 'CustomSecurityAttribute.Agents_Stage -eq "prod"'


def policy(**changes: Any) -> dict[str, Any]:
    return {
        "id": POLICY,
        "displayName": "Block strangers",
        "state": "enabled",
        "conditions": {
            "applications": {"includeApplications": ["All"], "excludeApplications": ["A1"]},
            "users": {"includeUsers": ["None"], "excludeUsers": ["U1"]},
            "clientApplications": {
                "includeAgentIdServicePrincipals": ["All"],
                "excludeAgentIdServicePrincipals": ["S1"],
                "agentIdServicePrincipalFilter": {"mode": "include", "rule": RULE},
            },
            "agentIdRiskLevels": "medium,high",
            "locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"], "authenticationStrength": {"id": "ST1"}},
    } | changes


def text_of(value: Any, times: int = 1) -> str:
    for _ in range(times):
        value = orjson.dumps(value).decode()
    return value  # type: ignore[no-any-return]


def edited(
    new: Any, old: Any, activity: str = "Update conditional access policy", name: str = "ConditionalAccessPolicy"
) -> Any:
    return audit(activity, target(modified(name, new, old), id=POLICY, type="Policy", displayName="Block strangers"))


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("activity", ["Update conditional access policy", "Update Conditional Access policy "])
def test_both_sides_of_a_policy_are_read(change_of: Any, times: int, activity: str) -> None:
    """The value is JSON text, once or twice inside a string."""
    change = change_of(edited(text_of(policy(state="disabled"), times), text_of(policy(), times), activity)).policy
    assert (change.kind, change.deed, change.id, change.name) == (
        "policy",
        "changed",
        POLICY.lower(),
        "Block strangers",
    )
    assert (change.before.state, change.after.state) == ("enabled", "disabled")
    said = change.before
    assert said.controls == ("block", "st1")
    assert (said.included, said.excluded) == (("all",), ("s1", "u1"))
    assert (said.resources, said.resources_excluded) == (("all",), ("a1",))
    assert said.risk_levels == ("medium", "high")
    assert (said.places_included, said.places_excluded) == (("all",), ("alltrusted",))
    assert said.rule == RULE
    assert said.workloads


@pytest.mark.parametrize(
    ("conditions", "workloads"),
    [
        ({"users": {"includeUsers": ["All"]}}, False),
        ({"users": {"includeUsers": ["AllAgentIdUsers"]}}, True),
        ({"applications": {"includeApplications": ["AllAgentIdResources"]}}, True),
        ({"clientApplications": {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}}, True),
        ({"clientApplications": {"includeAgentIdServicePrincipals": ["None"]}}, False),
        ({"clientApplications": {"servicePrincipalFilter": {"rule": RULE}}}, True),
        ({"servicePrincipalRiskLevels": ["high"]}, True),
        ({"clientApplications": None, "agentIdRiskLevels": None}, False),
        (None, False),
        ("nonsense", False),
    ],
)
def test_whether_it_speaks_of_agents_or_workloads(change_of: Any, conditions: Any, workloads: bool) -> None:
    change = change_of(edited(text_of(policy(conditions=conditions)), None)).policy
    assert change.before is None
    assert change.after.workloads is workloads


@pytest.mark.parametrize(("verb", "deed"), [("Add", "added"), ("Update", "changed"), ("Delete", "deleted")])
def test_the_activity_says_what_was_done(change_of: Any, verb: str, deed: str) -> None:
    assert change_of(edited(None, text_of(policy()), f"{verb} conditional access policy")).policy.deed == deed
    location = change_of(edited(None, None, f"{verb} named location")).policy
    assert (location.kind, location.deed, location.before, location.after) == ("location", deed, None, None)


def test_other_activities_have_no_policy(change_of: Any) -> None:
    for activity in (
        "Update security defaults",
        "Add policy to application",
        "Update application",
        "Restore named location",
    ):
        assert change_of(edited(text_of(policy()), None, activity)).policy is None


def test_a_named_location_has_networks_or_countries_and_trust(change_of: Any) -> None:
    new = {
        "id": POLICY,
        "displayName": "Offices",
        "isTrusted": True,
        "ipRanges": [{"cidrAddress": "192.0.2.0/24"}, {}, 7],
    }
    location = change_of(edited(text_of(new), text_of({"countriesAndRegions": ["SE"]}), "Update named location")).policy
    assert (location.after.networks, location.after.trusted) == (("192.0.2.0/24",), True)
    assert (location.before.networks, location.before.trusted) == (("se",), None)


@pytest.mark.parametrize(
    "value", [None, "", "text", "[]", "7", '"text"', '{"id": "x"}', '["a"]', "[[{}]]", '"{broken"', '{"state": 1}']
)
def test_a_side_that_is_no_policy_is_not_known_and_nothing_is_quarantined(change_of: Any, value: Any) -> None:
    change = change_of(edited(value, value)).policy
    assert change is not None
    assert change.before is None or change.before.state is None
    assert change.after is None or change.after.state is None


def test_a_list_of_one_is_what_it_holds_and_properties_are_looked_through(change_of: Any) -> None:
    record = audit(
        "Update conditional access policy",
        target(
            modified("Included Updated Properties", '"x"'), modified("Anything", text_of([policy()]), None), id=None
        ),
    )
    change = change_of(record).policy
    assert (change.id, change.after.state) == (POLICY.lower(), "enabled")


def test_a_record_without_targets_or_names_says_so(change_of: Any) -> None:
    change = change_of(audit("Delete conditional access policy", targetResources=[])).policy
    assert (change.id, change.name) == (None, None)


def test_lists_and_texts_are_bounded(change_of: Any, decode: Any) -> None:
    many = [f"id-{n}" for n in range(500)]
    long = policy(conditions={"clientApplications": {"excludeAgentIdServicePrincipals": many}}, state="x" * 5000)
    said = change_of(edited(text_of(long), None)).policy.after
    assert (len(said.excluded), len(said.state)) == (MAX_LISTED, 256)
    huge = policy(description="x" * 300_000)
    result = decode(edited(text_of(huge), None))
    assert not result.events or result.events[0].policy.after is None


def test_no_raw_text_of_a_policy_is_kept(decode: Any) -> None:
    secret = "something that the policy says elsewhere"
    assert secret not in repr(decode(edited(text_of(policy(description=secret)), text_of(policy()))))
