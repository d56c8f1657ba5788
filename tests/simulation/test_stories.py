"""What the stories of the catalogue's first tier leave behind, seen with a JSON parser."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import orjson
import pytest

from detector.config.catalogue import rows
from detector.runtime.simulation import ATTACK_STORIES, LEVELS, Simulation
from tests.simulation.reading import Record, event_time, of, records, staged

SIGN_INS = ("ServicePrincipalSignInLogs", "NonInteractiveUserSignInLogs")


def activities(found: list[Record]) -> list[str]:
    return [record["operationName"].strip() for record in found if record["category"].endswith("AuditLogs")]


def errors(found: list[Record]) -> Counter[int]:
    return Counter(record["properties"]["status"]["errorCode"] for record in found if record["category"] in SIGN_INS)


def test_every_row_of_the_first_tier_is_staged_except_the_query() -> None:
    first = {name for name, row in rows().items() if row.tier == 0}
    assert first - {row for story in ATTACK_STORIES for row in story.expected} == {"D116"}


@pytest.mark.parametrize("story", ["dormant_wakes", "dormant_rearmed"])
@pytest.mark.parametrize("level", LEVELS)
def test_a_sleeper_has_worked_and_then_slept_for_a_month(attacked: Simulation, story: str, level: str) -> None:
    label, found = staged(attacked, story, level)
    agent = label.subject_ids[0]
    granted = [event_time(record) for record in found if record["properties"].get("appId") == agent]
    work = [
        datetime.fromisoformat(each["createdDateTime"])
        for each in of(attacked, "ServicePrincipalSignInLogs")
        if each["appId"] == agent and datetime.fromisoformat(each["createdDateTime"]) < min(granted)
    ]
    assert len(work) == 30
    assert min(granted) - max(work) > timedelta(days=30)
    assert max(work) - min(work) < timedelta(hours=31)


def test_an_abandoned_agent_is_never_granted_anything_again(attacked: Simulation) -> None:
    label, found = staged(attacked, "abandoned")
    assert set(errors(found)) == {501051}
    granted = [
        datetime.fromisoformat(each["createdDateTime"])
        for each in of(attacked, "ServicePrincipalSignInLogs")
        if each["appId"] == label.subject_ids[0] and each["status"]["errorCode"] == 0
    ]
    asleep = attacked.settings.start + timedelta(days=attacked.settings.attack_after_days) - max(granted)
    assert timedelta(days=29, hours=20) < asleep <= timedelta(days=30)


def test_a_key_is_used_by_a_blueprint_that_is_not_its_own(attacked: Simulation) -> None:
    _, found = staged(attacked, "shared_key")
    exchanges = [record["properties"] for record in found if record["properties"]["servicePrincipalCredentialKeyId"]]
    [key] = {each["servicePrincipalCredentialKeyId"] for each in exchanges}
    [borrower] = {each["appId"] for each in exchanges}
    used = [
        each["appId"]
        for each in of(attacked, "ServicePrincipalSignInLogs")
        if each["servicePrincipalCredentialKeyId"] == key
    ]
    assert borrower in used
    assert set(used) - {borrower}
    assert used[0] != borrower


def test_a_block_names_its_policy_and_the_way_round_it_is_another_country(attacked: Simulation) -> None:
    _, found = staged(attacked, "block_evaded")
    blocked = [record for record in found if record["properties"]["status"]["errorCode"] == 53003]
    granted = [record for record in found if record["properties"]["status"]["errorCode"] == 0]
    for record in blocked:
        assert record["properties"]["conditionalAccessStatus"] == "failure"
        [policy] = record["properties"]["appliedConditionalAccessPolicies"]
        assert (policy["displayName"], policy["result"]) == ("Agents: allow from corporate egress only", "failure")
    assert not {record["location"] for record in blocked} & {record["location"] for record in granted}
    last, first = max(map(event_time, blocked)), min(map(event_time, granted))
    assert timedelta(0) < first - last < timedelta(hours=3)


@pytest.mark.parametrize("level", LEVELS)
def test_block_edit_and_success_come_in_that_order(attacked: Simulation, level: str) -> None:
    _, found = staged(attacked, "policy_edited_after_block", level)
    steps = [
        "edit" if record["category"] == "AuditLogs" else record["properties"]["status"]["errorCode"] for record in found
    ]
    assert list(dict.fromkeys(steps)) == [53003, "edit", 0]
    [edit] = [record for record in found if record["category"] == "AuditLogs"]
    [target] = edit["properties"]["targetResources"]
    [changed] = target["modifiedProperties"]
    before, after = orjson.loads(changed["oldValue"]), orjson.loads(changed["newValue"])
    assert before != after
    assert before["conditions"]["clientApplications"]["includeAgentIdServicePrincipals"] == ["All"]
    blocked = next(record for record in found if record["properties"].get("appliedConditionalAccessPolicies"))
    assert blocked["properties"]["appliedConditionalAccessPolicies"][0]["id"] == target["id"]


def test_an_outage_begins_with_an_edit_and_hits_many(attacked: Simulation) -> None:
    _, found = staged(attacked, "policy_outage")
    assert found[0]["operationName"] == "Update conditional access policy"
    blocked = {record["properties"]["appId"] for record in found[1:]}
    assert len(blocked) == 10
    assert event_time(found[-1]) - event_time(found[0]) < timedelta(hours=2)


def test_an_attribute_turns_from_development_to_production(attacked: Simulation) -> None:
    _, found = staged(attacked, "attribute_flipped")
    for record in found:
        assert record["category"] == "CustomSecurityAttributeAuditLogs"
        [changed] = record["properties"]["targetResources"][0]["modifiedProperties"]
        assert changed == {
            "displayName": "Agents.Stage",
            "oldValue": '["Development"]',
            "newValue": '["Production"]',
        }


def test_an_agent_users_account_is_used_by_hand_by_script_and_in_vain(attacked: Simulation) -> None:
    _, found = staged(attacked, "account_misused")
    by_hand = found[0]["properties"]
    assert (found[0]["category"], by_hand["isInteractive"]) == ("SignInLogs", True)
    assert by_hand["agent"]["agentSubjectType"] == "agentIDuser"
    assert by_hand["authenticationDetails"] == [{"authenticationMethod": "Password", "succeeded": True}]
    _, [script, *_] = staged(attacked, "account_misused", "moderate")
    assert (script["category"], script["properties"]["authenticationProtocol"]) == (SIGN_INS[1], "ropc")
    _, [tried] = staged(attacked, "account_misused", "stealthy")
    assert tried["resultType"] == "50126"


def test_a_flow_changes_both_ways(attacked: Simulation) -> None:
    for story, category in (("agent_alone", SIGN_INS[0]), ("agent_for_people", SIGN_INS[1])):
        label, found = staged(attacked, story)
        assert {record["category"] for record in found} == {category}
        mine = set(label.record_ids)
        before = [each for each in of(attacked, category) if each["appId"] == label.subject_ids[-1]]
        assert {each["id"] for each in before} <= {
            record_id for each in attacked.labels for record_id in each.record_ids
        } | mine


def test_a_disabled_blueprints_agents_go_on(attacked: Simulation) -> None:
    _, found = staged(attacked, "kill_switch_fails")
    assert activities(found) == ["Update service principal"]
    off = event_time(found[0])
    granted = [event_time(record) - off for record in found if record["category"] in SIGN_INS]
    assert set(errors(found)) == {0}
    assert timedelta(minutes=5) < min(granted)
    assert max(granted) < timedelta(hours=1)


def test_what_was_switched_off_long_ago_keeps_trying_or_is_enabled_again(attacked: Simulation) -> None:
    for story, error in (("disabled_keeps_trying", 7000112), ("reenabled", 0)):
        label, found = staged(attacked, story)
        assert set(errors(found)) == {error}
        switches = [
            record
            for record in records(attacked)
            if record["category"] == "AuditLogs"
            and record["properties"]["targetResources"][0]["id"] == label.subject_ids[0]
            and record["properties"]["activityDisplayName"] == "Update service principal"
        ]
        targets = [record["properties"]["targetResources"][0] for record in switches]
        states = [each["modifiedProperties"][0]["newValue"] for each in targets]
        assert states == ["[false]", "[true]"][: 1 + (story == "reenabled")]
        assert event_time(switches[0]) < attacked.settings.start


def test_a_staged_permission_was_granted_by_a_pipeline_weeks_before(attacked: Simulation) -> None:
    _, found = staged(attacked, "staged_grant")
    [name] = {
        record["properties"]["resourceDisplayName"]
        for record in found
        if record["properties"]["agent"]["agentType"] == "agenticAppInstance"
    }
    [grant] = [
        record
        for record in records(attacked)
        if record["category"] == "AuditLogs" and record["properties"]["targetResources"][0]["displayName"] == name
    ]
    assert event_time(found[0]) - event_time(grant) > timedelta(days=14)


def test_a_fan_out_reaches_many_agents_within_an_hour(attacked: Simulation) -> None:
    _, found = staged(attacked, "fan_out")
    agents = {record["properties"]["appId"] for record in found}
    assert len(agents) >= 30
    assert event_time(found[-1]) - event_time(found[0]) < timedelta(hours=1)


def test_a_thief_stays_for_hours_while_the_agent_goes_on(attacked: Simulation) -> None:
    label, found = staged(attacked, "two_places")
    start, end = event_time(found[0]), event_time(found[-1])
    assert end - start > timedelta(hours=3)
    elsewhere = {record["location"] for record in found}
    at_home = [
        record
        for record in records(attacked)
        if record["category"] == SIGN_INS[0]
        and record["properties"]["appId"] in label.subject_ids
        and start <= event_time(record) <= end
        and record["location"] not in elsewhere
    ]
    assert at_home
