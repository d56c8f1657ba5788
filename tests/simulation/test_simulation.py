"""What a simulation promises: equal bytes for equal settings, shapes like Entra's, a true label on every attack."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from detector.runtime.simulation import (
    ATTACK_STORIES,
    BENIGN_STORIES,
    LEVELS,
    Label,
    Simulation,
    SimulationSettings,
    simulate,
)
from detector.runtime.simulation.clock import SECOND
from detector.runtime.simulation.delivery import MAX_DISORDER

Record = dict[str, Any]

DOCUMENTATION = [
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
]
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
AUDIT_ID = re.compile(rf"Directory_{GUID.pattern}_[A-Z0-9]{{5}}_[0-9]+")
CATEGORIES = {
    "ServicePrincipalSignInLogs",
    "NonInteractiveUserSignInLogs",
    "ManagedIdentitySignInLogs",
    "MicrosoftServicePrincipalSignInLogs",
    "SignInLogs",
    "AuditLogs",
    "CustomSecurityAttributeAuditLogs",
    "AgentRiskEvents",
    "AgentInventory",
    "DeploymentRecords",
}
OWN = {"AgentInventory", "DeploymentRecords"}
CLOCKS = {
    "AuditLogs": "activityDateTime",
    "CustomSecurityAttributeAuditLogs": "activityDateTime",
    "AgentRiskEvents": "detectedDateTime",
    "AgentInventory": "observedDateTime",
    "DeploymentRecords": "recordedDateTime",
}


def lines(simulation: Simulation) -> list[bytes]:
    """Give each record as the bytes that were delivered."""
    return [orjson.dumps(record) for record in records(simulation)]


@lru_cache(maxsize=2)
def records(simulation: Simulation) -> list[Record]:
    return [record for body in simulation.bodies() for record in orjson.loads(body)["records"]]


def event_time(record: Record) -> datetime:
    return datetime.fromisoformat(record["properties"][CLOCKS.get(record["category"], "createdDateTime")])


def hidden(gap: Label, record: Record) -> bool:
    """Whether an attacker kept a record from arriving."""
    start, end = datetime.fromisoformat(gap.start), datetime.fromisoformat(gap.end)
    if gap.story == "log_gap":
        mine = record["category"] == "ServicePrincipalSignInLogs"
    else:
        mine = record["category"].endswith("SignInLogs") and record["properties"]["appId"] in gap.subject_ids
    return mine and start <= event_time(record) < end


def digest(simulation: Simulation) -> str:
    summary = hashlib.sha256()
    for body in simulation.bodies():
        summary.update(body)
    return summary.hexdigest()


# Determinism


def test_equal_settings_give_equal_bytes(attacked: Simulation, settings: SimulationSettings) -> None:
    again = simulate(settings)
    assert digest(again) == digest(attacked)
    assert again.labels == attacked.labels
    assert again.benign_labels == attacked.benign_labels
    assert again.configuration() == attacked.configuration()


def test_reading_the_bodies_twice_gives_the_same(attacked: Simulation) -> None:
    assert digest(attacked) == digest(attacked)


def test_another_seed_gives_another_tenant(attacked: Simulation, settings: SimulationSettings) -> None:
    other = simulate(replace(settings, seed=8))
    assert other.tenant_id != attacked.tenant_id
    assert digest(other) != digest(attacked)


@pytest.mark.slow
def test_neither_hash_seed_nor_time_zone_shows(settings: SimulationSettings) -> None:
    script = (
        "import hashlib\n"
        "from detector.runtime.simulation import SimulationSettings, simulate\n"
        "from detector.runtime.simulation.workload import sign_in_bodies\n"
        "found = hashlib.sha256()\n"
        f"simulation = simulate(SimulationSettings(seed={settings.seed}, days=1.5, agents=12, attack_after_days=1))\n"
        "for body in simulation.bodies(): found.update(body)\n"
        "found.update(repr(simulation.labels).encode())\n"
        "for body in sign_in_bodies(records=500, agents=40, span=600, seed=3): found.update(body)\n"
        "print(found.hexdigest())\n"
    )
    found = set()
    for hash_seed, zone in (("0", "UTC"), ("4242", "Asia/Kathmandu")):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": zone}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=120
        )
        found.add(run.stdout)
    assert len(found) == 1


def test_a_benign_twin_is_what_remains_without_the_attacks(attacked: Simulation, twin: Simulation) -> None:
    malicious = {record_id for label in attacked.labels for record_id in label.record_ids}
    logged = [record for record in records(attacked) if record["category"] != "AgentInventory"]
    remaining = [orjson.dumps(record) for record in logged if record["properties"]["id"] not in malicious]
    gaps = [label for label in attacked.labels if label.story in {"log_gap", "silent_agent", "mass_disable"}]
    arrived = set(remaining)
    expected = [record for record in records(twin) if record["category"] != "AgentInventory"]
    missing = [record for record in expected if orjson.dumps(record) not in arrived]
    assert remaining == [raw for raw in map(orjson.dumps, expected) if raw in arrived]
    assert missing
    assert all(any(hidden(gap, record) for gap in gaps) for record in missing)
    assert twin.labels == []
    assert twin.benign_labels == attacked.benign_labels


def test_a_story_is_staged_the_same_with_and_without_the_others(
    attacked: Simulation, settings: SimulationSettings
) -> None:
    alone = simulate(replace(settings, attack_stories=("takeover_chain",), attack_levels=("obvious",)))
    [label] = alone.labels
    assert label in attacked.labels


# Shape


def test_every_record_has_the_shape_of_its_category(attacked: Simulation) -> None:
    seen = set()
    for record in records(attacked):
        properties = record["properties"]
        seen.add(record["category"])
        assert list(record)[-1] == "properties"
        assert record["tenantId"] == attacked.tenant_id
        assert record["category"] in CATEGORIES
        if record["category"] in OWN:
            assert list(record) == ["category", "time", "tenantId", "properties"]
            assert event_time(record) <= datetime.fromisoformat(record["time"])
            continue
        assert list(record)[:3] == ["time", "resourceId", "operationName"]
        if record["category"] in {"AuditLogs", "CustomSecurityAttributeAuditLogs"}:
            assert AUDIT_ID.fullmatch(properties["id"])
            assert datetime.fromisoformat(record["time"]) == event_time(record)
            assert len(properties["initiatedBy"]) == 1
            assert properties["targetResources"]
        elif record["category"] == "AgentRiskEvents":
            assert re.fullmatch("[0-9a-f]{64}", properties["id"])
            assert re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d [AP]M", record["time"])
        else:
            assert GUID.fullmatch(properties["id"])
            assert record["resultType"] == str(properties["status"]["errorCode"])
            assert event_time(record) + timedelta(seconds=28) <= datetime.fromisoformat(record["time"])
            assert ("failureReason" in properties["status"]) == (record["resultType"] != "0")
    assert seen == CATEGORIES


def test_every_address_is_one_for_documentation(attacked: Simulation) -> None:
    for record in records(attacked):
        address = record.get("callerIpAddress") or record["properties"].get("ipAddress")
        if address:
            parsed = ipaddress.ip_address(address)
            assert str(parsed) == address
            assert any(parsed in network for network in DOCUMENTATION if network.version == parsed.version)


def test_the_roles_of_an_agent_chain_are_told_apart(attacked: Simulation) -> None:
    kinds: Counter[tuple[str, str, str]] = Counter()
    for record in records(attacked):
        if record["category"].endswith("SignInLogs"):
            agent = record["properties"].get("agent", {})
            kinds[record["category"], agent.get("agentType", "-"), agent.get("agentSubjectType", "-")] += 1
    assert set(kinds) == {
        ("ServicePrincipalSignInLogs", "agenticAppInstance", "agenticAppInstance"),
        ("ServicePrincipalSignInLogs", "agenticApp", "agenticApp"),
        ("ServicePrincipalSignInLogs", "notAgentic", "notAgentic"),
        ("NonInteractiveUserSignInLogs", "agenticAppInstance", "notAgentic"),
        ("NonInteractiveUserSignInLogs", "agenticAppInstance", "agentIDuser"),
        ("ManagedIdentitySignInLogs", "notAgentic", "notAgentic"),
        ("MicrosoftServicePrincipalSignInLogs", "-", "-"),
        ("SignInLogs", "notAgentic", "notAgentic"),
        ("SignInLogs", "notAgentic", "agentIDuser"),
        ("NonInteractiveUserSignInLogs", "notAgentic", "agentIDuser"),
    }


def test_a_record_is_about_as_large_as_a_real_one(attacked: Simulation) -> None:
    sizes = [len(orjson.dumps(record)) for record in records(attacked) if record["category"].endswith("SignInLogs")]
    assert 1_800 <= sum(sizes) / len(sizes) <= 3_300
    assert max(sizes) < 4_000


def test_a_credential_change_is_spelled_as_entra_spells_it(attacked: Simulation) -> None:
    names = {record["operationName"] for record in records(attacked) if record["category"] == "AuditLogs"}
    assert "Update application \u2013 Certificates and secrets management " in names


def test_a_grant_names_its_grantee_among_the_values_only(attacked: Simulation) -> None:
    [label] = [item for item in attacked.labels if item.story == "permission_grant" and item.level == "obvious"]
    [record] = [item for item in records(attacked) if item["properties"]["id"] in label.record_ids]
    [target] = record["properties"]["targetResources"]
    values = {item["displayName"]: orjson.loads(item["newValue"]) for item in target["modifiedProperties"]}
    assert target["displayName"] == "Microsoft Graph"
    assert values["AppRole.Value"] == "RoleManagement.ReadWrite.Directory"
    assert values["ServicePrincipal.AppId"] == label.subject_ids[0]


# Labels


def test_every_story_is_staged_at_every_level(attacked: Simulation) -> None:
    staged = Counter((label.story, label.level) for label in attacked.labels)
    assert staged == {(story.name, level): 1 for story in ATTACK_STORIES for level in LEVELS}


def test_every_benign_story_is_planned(attacked: Simulation) -> None:
    days = timedelta(days=attacked.settings.days)
    short = {"failover"} | ({"public_holiday"} if days < timedelta(days=5) else set())
    assert {label.story for label in attacked.benign_labels} == {story.name for story in BENIGN_STORIES} - short


def test_a_label_names_its_records_and_their_span(attacked: Simulation) -> None:
    by_id = {record["properties"]["id"]: record for record in records(attacked)}
    for label in attacked.labels:
        assert label.subject_ids
        assert bool(label.record_ids) == (label.story not in {"log_gap", "silent_agent"})
        if not label.record_ids:
            continue
        moments = [event_time(by_id[record_id]) for record_id in label.record_ids]
        assert datetime.fromisoformat(label.start) <= min(moments)
        assert max(moments) <= datetime.fromisoformat(label.end) + timedelta(milliseconds=1)
        assert min(moments) >= attacked.settings.start + timedelta(days=attacked.settings.attack_after_days)


def test_no_record_belongs_to_two_labels(attacked: Simulation) -> None:
    counted = Counter(record_id for label in attacked.labels for record_id in label.record_ids)
    assert counted.most_common(1)[0][1] == 1


def test_a_subject_shows_in_the_records(attacked: Simulation) -> None:
    texts = {record["properties"]["id"]: orjson.dumps(record).decode() for record in records(attacked)}
    for label in (item for item in attacked.labels if item.record_ids):
        joined = " ".join(texts[record_id] for record_id in label.record_ids)
        assert any(subject in joined for subject in label.subject_ids), label.story


def test_expectations_are_rows_of_the_catalogue() -> None:
    for story in ATTACK_STORIES:
        assert story.expected
        assert all(re.fullmatch(r"D\d{2,3}b?", row) for row in story.expected)
    assert all(not story.expected for story in BENIGN_STORIES)


def test_a_stealthier_level_is_never_louder(attacked: Simulation) -> None:
    loudness: dict[str, dict[str, int]] = defaultdict(dict)
    for label in attacked.labels:
        loudness[label.story][label.level] = len(label.record_ids)
    for story, counts in loudness.items():
        assert counts["obvious"] >= counts["moderate"] >= counts["stealthy"], story


def test_an_impostor_bears_the_name_but_not_the_id_of_a_pipeline(attacked: Simulation) -> None:
    pipelines = attacked.configuration()["pipelines"]
    known = {object_id for pipeline in pipelines for object_id in pipeline["object_ids"]}
    for label in (item for item in attacked.labels if item.story == "pipeline_impersonation"):
        for record in (item for item in records(attacked) if item["properties"]["id"] in label.record_ids):
            app = record["properties"]["initiatedBy"]["app"]
            assert app["displayName"] == pipelines[0]["name"]
            assert app["servicePrincipalId"] not in known


# Delivery


def test_bodies_arrive_in_order_and_full(attacked: Simulation) -> None:
    deliveries = list(attacked.deliveries())
    moments = [delivery.enqueued for delivery in deliveries]
    sizes = [len(orjson.loads(delivery.body)["records"]) for delivery in deliveries]
    assert moments == sorted(moments)
    assert set(sizes[:-1]) == {attacked.settings.records_per_body}
    assert sum(sizes) == attacked.record_count


def test_disorder_stays_within_seventeen_minutes_but_for_late_deliveries(attacked: Simulation) -> None:
    spans = [
        (datetime.fromisoformat(label.start), datetime.fromisoformat(label.end))
        for label in attacked.benign_labels
        if label.story == "late_delivery"
    ]
    latest, seen, behind = datetime.min.replace(tzinfo=UTC), set(), timedelta(0)
    late = 0
    for record in records(attacked):
        moment, record_id = event_time(record), record["properties"]["id"]
        if record_id in seen or record["category"] == "AgentRiskEvents":
            continue
        seen.add(record_id)
        if any(start <= moment < end for start, end in spans):
            late += latest - moment > timedelta(hours=1)
            continue
        latest = max(latest, moment)
        behind = max(behind, latest - moment)
    assert timedelta(minutes=3) < behind <= timedelta(seconds=MAX_DISORDER / SECOND)
    assert late > 0


def test_copies_differ_in_the_envelope_time_alone(attacked: Simulation) -> None:
    copies: dict[str, list[Record]] = defaultdict(list)
    for record in records(attacked):
        copies[record["properties"]["id"]].append(record)
    repeated = [items for items in copies.values() if len(items) > 1]
    sign_ins = [items for items in copies.values() if items[0]["category"].endswith("SignInLogs")]
    assert 0.02 < len(repeated) / len(sign_ins) < 0.04
    assert max(map(len, repeated)) <= 4
    for first, *later in repeated:
        for copy in later:
            assert copy["time"] > first["time"]
            assert copy | {"time": ""} == first | {"time": ""}
            gap = datetime.fromisoformat(copy["time"]) - datetime.fromisoformat(first["time"])
            assert gap <= timedelta(minutes=15)


def test_no_copies_when_none_are_wanted(settings: SimulationSettings) -> None:
    single = simulate(replace(settings, days=1, attacks=False, duplicates=0))
    ids = [record["properties"]["id"] for record in records(single)]
    assert len(ids) == len(set(ids))


# Life


def test_traffic_is_burstier_than_chance(twin: Simulation) -> None:
    counts: Counter[int] = Counter()
    for record in records(twin):
        if record["properties"].get("agent", {}).get("agentType") == "agenticAppInstance":
            counts[int(event_time(record).timestamp() // 600)] += 1
    values = [counts[slot] for slot in range(min(counts), max(counts) + 1)]
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    assert variance / mean > 3


def test_agents_ask_about_as_often_as_was_set(twin: Simulation, settings: SimulationSettings) -> None:
    ids = {
        record["properties"]["id"]
        for record in records(twin)
        if record["properties"].get("agent", {}).get("agentType") == "agenticAppInstance"
    }
    average = len(ids) / settings.agents / settings.days
    assert 0.5 < average / settings.mean_requests_per_agent_day < 2


def test_an_agent_signs_in_from_the_egress_of_its_blueprint(twin: Simulation) -> None:
    networks: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for record in records(twin):
        properties = record["properties"]
        if properties.get("agent", {}).get("agentType") == "agenticAppInstance":
            networks[properties["appId"]].add((properties["autonomousSystemNumber"], record["location"]))
    assert all(len(found) == 1 for found in networks.values())


def test_the_tenant_changes_by_pipeline_platform_and_hand(twin: Simulation) -> None:
    actors: Counter[str] = Counter()
    for record in records(twin):
        if record["category"] == "AuditLogs":
            initiated = record["properties"]["initiatedBy"]
            actors[initiated["app"]["displayName"] if "app" in initiated else "a person"] += 1
    assert {"agent-platform-deployer", "identity-rotation-job", "Managed Service Identity", "a person"} <= set(actors)


# Settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": datetime(2026, 10, 5)}, "time zone"),  # noqa: DTZ001 - the point of the test
        ({"start": datetime(2026, 10, 5, tzinfo=timezone(timedelta(hours=2)))}, "UTC"),
        ({"days": 0}, "days"),
        ({"blueprints": 0}, "blueprints"),
        ({"agents": 2}, "blueprints"),
        ({"records_per_body": 0}, "records_per_body"),
        ({"attack_after_days": 9}, "attack_after_days"),
        ({"attack_levels": ("loud",)}, "attack_levels"),
    ],
)
def test_senseless_settings_are_refused_with_the_name_of_the_setting(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SimulationSettings(**change)


def test_an_unknown_story_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="did you mean token_flood"):
        simulate(SimulationSettings(attack_stories=("token_floods",)))


@pytest.mark.parametrize("seed", range(6))
def test_the_smallest_tenant_works(seed: int) -> None:
    tiny = simulate(SimulationSettings(seed=seed, days=0.5, agents=1, blueprints=1, attack_after_days=0.2))
    ids = {record["properties"]["id"] for record in records(tiny)}
    assert {label.story for label in tiny.labels} == {story.name for story in ATTACK_STORIES}
    assert all(ids.issuperset(label.record_ids) for label in tiny.labels)


def test_labels_have_the_documented_fields() -> None:
    assert [item.name for item in fields(Label)] == [
        "story", "family", "level", "subject_ids", "start", "end", "record_ids", "expected", "description",
    ]  # fmt: skip
