"""The configuration beside the stream is true of benign life, and the evidence explains what the pipelines do."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from detector.config.load import load
from detector.runtime.simulation import LEVELS, Simulation, SimulationSettings, simulate
from detector.runtime.simulation.write import write
from tests.simulation.reading import event_time, of, records, staged

EXCHANGE = "fb60f99c-7a34-4190-8149-302f77469936"
AUDITS = ("AuditLogs", "CustomSecurityAttributeAuditLogs")


def declared(simulation: Simulation) -> dict[str, dict[str, Any]]:
    """What the manifest says of each agent that signs in: its own entry, else that of its blueprint."""
    manifest = simulation.configuration()["manifest"]
    found: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in manifest["blueprints"]}
    return found | {entry["id"]: entry for entry in manifest["agents"]}


def sign_ins(simulation: Simulation) -> list[dict[str, Any]]:
    """Sign-ins of agents."""
    categories = ("ServicePrincipalSignInLogs", "NonInteractiveUserSignInLogs")
    return [each for each in of(simulation, *categories) if each["agent"]["agentType"] == "agenticAppInstance"]


def test_the_configuration_is_one_that_the_detector_takes(attacked: Simulation, tmp_path: Path) -> None:
    small = simulate(replace(attacked.settings, days=1, attack_after_days=0.5, attack_levels=("obvious",)))
    settings = load(write(small, tmp_path).configuration)
    assert settings.manifest is not None
    assert len(settings.manifest.blueprints) == attacked.settings.blueprints + 5
    assert settings.manifest.environment_attribute == "Agents.Stage"
    assert settings.manifest.production_resources
    assert {pipeline.name for pipeline in settings.pipelines} == {"agent-platform-deployer", "identity-rotation-job"}


def test_benign_agents_keep_to_what_is_declared(twin: Simulation) -> None:
    entries = declared(twin)
    networks = {name: [ipaddress.ip_network(cidr) for cidr in entry["egress"]] for name, entry in entries.items()}
    production = set(twin.configuration()["manifest"]["production_resources"])
    for each in sign_ins(twin):
        name = each["appId"] if each["appId"] in entries else each["agent"]["parentAppId"]
        entry = entries[name]
        if each["status"]["errorCode"] == 0:
            assert each["resourceId"] in entry["resources"]
            assert any(ipaddress.ip_address(each["ipAddress"]) in network for network in networks[name])
            assert entry["environment"] == "production" or each["resourceId"] not in production
        alone = each["agent"]["agentSubjectType"] == "agenticAppInstance"
        assert entry["flow"] == "both" or (entry["flow"] == "autonomous") == alone


def test_every_flow_is_declared_of_somebody(twin: Simulation) -> None:
    assert {entry["flow"] for entry in declared(twin).values()} == {"autonomous", "on_behalf_of", "both"}


def test_only_what_is_not_in_production_uses_secrets(twin: Simulation) -> None:
    entries = declared(twin)
    used = defaultdict(set)
    for each in of(twin, "ServicePrincipalSignInLogs"):
        if each["resourceId"] == EXCHANGE and each["appId"] in entries:
            used[each["appId"]].add(each["clientCredentialType"])
    for name, kinds in used.items():
        assert sorted(kinds) == entries[name]["credential_types"]
        assert ("clientSecret" in kinds) == (entries[name]["environment"] == "non_production")


def test_every_change_by_a_pipeline_lies_in_a_run_that_lists_it(twin: Simulation) -> None:
    pipelines = {each["object_ids"][0]: each["name"] for each in twin.configuration()["pipelines"]}
    runs = [each for each in of(twin, "DeploymentRecords") if each["status"] == "inProgress"]
    ended = {each["runId"]: each for each in of(twin, "DeploymentRecords") if each["status"] == "succeeded"}
    explained = 0
    for record in records(twin):
        actor = record["properties"].get("initiatedBy", {}).get("app", {}).get("servicePrincipalId")
        if record["category"] in AUDITS and actor in pipelines:
            at, text = event_time(record), str(record["properties"])
            fitting = [
                run
                for run in runs
                if run["pipeline"] == pipelines[actor]
                and run["actorObjectId"] == actor
                and any(each in text for each in run["agents"])
                and datetime.fromisoformat(run["startedDateTime"]) <= at
                and (run["runId"] not in ended or at <= datetime.fromisoformat(ended[run["runId"]]["finishedDateTime"]))
            ]
            assert fitting, record["operationName"]
            explained += 1
    assert explained > 10


def test_every_benign_agent_of_production_has_passed_the_handshake_before_it_works(twin: Simulation) -> None:
    entries, passed = declared(twin), dict[str, datetime]()
    for each in of(twin, "DeploymentRecords"):
        if each["kind"] == "handshake":
            passed |= dict.fromkeys(each["agents"], datetime.fromisoformat(each["recordedDateTime"]))
    for each in sign_ins(twin):
        if entries[each["agent"]["parentAppId"]]["handshake"] == "required":
            assert passed[each["appId"]] < datetime.fromisoformat(each["createdDateTime"])


def test_an_agent_without_handshake_is_named_by_none(attacked: Simulation) -> None:
    label, _ = staged(attacked, "no_handshake")
    handshakes = [each for each in of(attacked, "DeploymentRecords") if each["kind"] == "handshake"]
    agent = next(each["appId"] for each in sign_ins(attacked) if each["appId"] in label.subject_ids)
    assert all(agent not in each["agents"] for each in handshakes)


@pytest.mark.parametrize("level", LEVELS)
def test_a_stolen_pipeline_keeps_to_its_addresses_but_has_no_run(attacked: Simulation, level: str) -> None:
    _, found = staged(attacked, "stolen_pipeline", level)
    pipeline = attacked.configuration()["pipelines"][0]
    network = ipaddress.ip_network(pipeline["addresses"][0])
    for record in found:
        assert record["properties"]["initiatedBy"]["app"]["servicePrincipalId"] in pipeline["object_ids"]
        assert ipaddress.ip_address(record["callerIpAddress"]) in network


# Switches


@pytest.mark.parametrize(
    ("switch", "category", "lost"),
    [
        ("inventory", "AgentInventory", {"D25", "D46", "D48", "D49", "D50", "D51", "D71", "D72", "D73", "D82", "D95"}),
        ("deployments", "DeploymentRecords", {"D83", "D84", "D114"}),
        ("manifest", None, {"D12", "D16", "D17", "D23", "D65", "D66"}),
    ],
)
def test_what_is_left_out_is_neither_written_nor_expected(switch: str, category: str | None, lost: set[str]) -> None:
    whole = SimulationSettings(seed=7, days=1, agents=12, blueprints=6, attack_after_days=0.5, other_records_per_day=50)
    rest = replace(whole, inventory=switch == "inventory", deployments=False, manifest=False)
    lacking, having = simulate(replace(rest, inventory=False)), simulate(replace(rest, **{switch: True}))
    assert category is None or not list(of(lacking, category))
    assert category is None or list(of(having, category))
    assert ("manifest" in having.configuration()) == (switch == "manifest")
    expected = {row for label in having.labels for row in label.expected}
    assert expected - {row for label in lacking.labels for row in label.expected} == lost
    benign = [each for each in records(lacking) if each["properties"]["id"] not in malicious(lacking)]
    kept = [
        each
        for each in records(having)
        if each["properties"]["id"] not in malicious(having) and each["category"] != category
    ]
    assert [each["properties"]["id"] for each in benign] == [each["properties"]["id"] for each in kept]


def malicious(simulation: Simulation) -> set[str]:
    return {record_id for label in simulation.labels for record_id in label.record_ids}


def test_a_gap_is_empty_while_other_categories_flow(attacked: Simulation) -> None:
    [label] = [each for each in attacked.labels if each.story == "log_gap" and each.level == "obvious"]
    start, end = datetime.fromisoformat(label.start), datetime.fromisoformat(label.end)
    assert end - start > timedelta(hours=4)
    within = [record["category"] for record in records(attacked) if start <= event_time(record) < end]
    assert "ServicePrincipalSignInLogs" not in within
    assert len(within) > 10


@pytest.mark.parametrize(("calm", "expected"), [(3.0, {"learning_days": 3}), (7.5, {"learning_days": 7}), (14.0, None)])
def test_the_budget_learns_from_the_calm_days_alone(calm: float, expected: dict[str, int] | None) -> None:
    simulation = simulate(SimulationSettings(days=calm + 1, agents=4, blueprints=1, attack_after_days=calm))
    assert simulation.configuration().get("budget") == expected
