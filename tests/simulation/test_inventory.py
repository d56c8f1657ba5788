"""The inventory shows the directory as it is: whole rounds, changed objects within minutes, in peace all tended."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

import pytest

from detector.runtime.simulation import LEVELS, Simulation
from tests.simulation.reading import event_time, of, records, staged

INVENTORY = "AgentInventory"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_there_is_a_round_before_everything_and_one_a_day(twin: Simulation) -> None:
    rounds = {properties["id"].partition(":")[0]: properties["observedDateTime"] for properties in of(twin, INVENTORY)}
    moments = sorted(map(moment, rounds.values()))
    start = twin.settings.start
    assert moments[0] == start - timedelta(days=33)
    assert moments[1:] == [start + timedelta(days=day, minutes=5) for day in range(int(twin.settings.days))]


def test_a_round_shows_every_agent_with_its_blueprint_and_account(twin: Simulation) -> None:
    first = min(properties["observedDateTime"] for properties in of(twin, INVENTORY))
    by_type = defaultdict(list)
    for properties in of(twin, INVENTORY):
        if properties["observedDateTime"] == first:
            by_type[properties["objectType"]].append(properties)
    asleep = 5 * len(twin.settings.attack_levels)
    assert len(by_type["agentIdentity"]) == twin.settings.agents + asleep
    assert len(by_type["agentIdentityBlueprint"]) == twin.settings.blueprints + asleep
    blueprints = {properties["appId"] for properties in by_type["agentIdentityBlueprint"]}
    assert {properties["agentIdentityBlueprintId"] for properties in by_type["agentIdentity"]} == blueprints
    assert {properties["appId"] for properties in by_type["agentIdentityBlueprintPrincipal"]} == blueprints
    agents = {properties["objectId"] for properties in by_type["agentIdentity"]}
    assert {properties["identityParentId"] for properties in by_type["agentUser"]} < agents
    people = {properties["objectId"] for properties in by_type["user"]}
    for properties in (*by_type["agentIdentity"], *by_type["agentIdentityBlueprint"]):
        assert {person["id"] for person in (*properties["owners"], *properties["sponsors"])} <= people


def test_without_attacks_everything_is_tended(twin: Simulation) -> None:
    for properties in of(twin, INVENTORY):
        if properties["objectType"] in {"agentIdentity", "agentIdentityBlueprint"}:
            assert properties["owners"]
            assert properties["sponsors"]
            assert properties["description"]
            assert properties["customSecurityAttributes"]["Agents"]["Stage"] in {"Production", "Development"}
            assert all(person["accountEnabled"] for person in (*properties["owners"], *properties["sponsors"]))
        for kind, most in (("passwordCredentials", 180), ("keyCredentials", 366)):
            for held in properties.get(kind) or ():
                begun, ends = moment(held["startDateTime"]), moment(held["endDateTime"])
                assert ends - begun <= timedelta(days=most)
                assert ends - moment(properties["observedDateTime"]) > timedelta(days=30)


def test_a_rotation_shows_the_new_key_and_then_not_the_old_one(twin: Simulation) -> None:
    end = twin.settings.start + timedelta(days=twin.settings.days)
    done = [label for label in twin.benign_labels if label.story == "credential_rotation" and moment(label.end) < end]
    assert done
    for label in done:
        looks = [each for each in of(twin, INVENTORY) if each["objectId"] in label.subject_ids]
        looks.sort(key=lambda each: each["observedDateTime"])
        numbers = [len(each["passwordCredentials"]) + len(each["keyCredentials"]) for each in looks]
        assert 2 in numbers
        assert numbers[0] == 1


def test_an_agent_that_was_removed_is_not_shown_any_more(twin: Simulation) -> None:
    for label in twin.benign_labels:
        if label.story == "decommissioning":
            looks = [each for each in of(twin, INVENTORY) if each["objectId"] == label.subject_ids[0]]
            assert looks
            assert all(moment(each["observedDateTime"]) <= moment(label.start) for each in looks)


@pytest.mark.parametrize("story", ["long_lived_secret", "unmanaged_agent", "drift", "foreign_trust"])
@pytest.mark.parametrize("level", LEVELS)
def test_what_an_attack_changes_is_read_again_within_minutes(attacked: Simulation, story: str, level: str) -> None:
    label, found = staged(attacked, story, level)
    looks = [record for record in found if record["category"] == INVENTORY]
    assert looks
    for record in looks:
        assert record["properties"]["objectId"] in " ".join(label.subject_ids)
        assert event_time(record) - moment(label.start) <= timedelta(minutes=7)


def test_later_rounds_remember_what_an_attack_changed(attacked: Simulation) -> None:
    _, found = staged(attacked, "long_lived_secret", "moderate")
    [changed] = [record["properties"] for record in found if record["category"] == INVENTORY]
    lives = {
        held["keyId"]: moment(held["endDateTime"]) - moment(held["startDateTime"])
        for held in changed["passwordCredentials"]
    }
    [added] = [key for key, life in lives.items() if life == timedelta(days=500)]
    for look in of(attacked, INVENTORY):
        if look["objectId"] == changed["objectId"]:
            holds = added in {held["keyId"] for held in look["passwordCredentials"]}
            assert holds == (look["observedDateTime"] >= changed["observedDateTime"])


def test_one_certificate_is_on_several_blueprints(attacked: Simulation) -> None:
    _, found = staged(attacked, "shared_certificate")
    holders = defaultdict(set)
    for record in found:
        if record["category"] == INVENTORY:
            for held in record["properties"]["keyCredentials"]:
                holders[held["customKeyIdentifier"]].add(record["properties"]["appId"])
    assert max(map(len, holders.values())) == 3


def test_who_answers_for_an_agent_goes_missing(attacked: Simulation) -> None:
    _, found = staged(attacked, "no_sponsor")
    looks = [record["properties"] for record in found if record["category"] == INVENTORY]
    assert [each["sponsors"] for each in looks] == [[]] * 3
    assert all(each["owners"] for each in looks)
    _, found = staged(attacked, "incomplete_agent")
    [look] = [record["properties"] for record in found if record["category"] == INVENTORY]
    assert (look["owners"], look["sponsors"], look["description"]) == ([], [], "")
    label, found = staged(attacked, "sponsor_lost")
    [look] = [record["properties"] for record in found if record["category"] == INVENTORY]
    assert (look["objectType"], look["accountEnabled"]) == ("user", False)
    assert look["objectId"] in label.subject_ids


def test_an_inventory_record_has_an_id_of_its_own(attacked: Simulation) -> None:
    ids = [each["properties"]["id"] for each in records(attacked) if each["category"] == INVENTORY]
    assert len(ids) == len(set(ids))
