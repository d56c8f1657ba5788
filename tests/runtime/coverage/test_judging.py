"""Which rows a deployment watches, and what it is told to connect."""

from __future__ import annotations

from typing import Any

import pytest

from detector.config.load import load
from detector.config.settings import Settings
from detector.runtime.coverage.judging import Coverage, judge
from detector.runtime.coverage.observed import Observed

GUID = "11111111-2222-3333-4444-555555555555"
LOGS = ("ServicePrincipalSignInLogs", "AuditLogs", "AgentRiskEvents", "SignInLogs", "CustomSecurityAttributeAuditLogs")
EVERYTHING = (*LOGS, "AgentInventory", "DeploymentRecords")
COMMANDS = ("run", "incident")


def settings(text: str = "") -> Settings:
    return load(text=text)


def observed(*categories: str) -> Observed:
    return Observed(latest=dict.fromkeys(categories, 1_000.0))


def row(coverage: Coverage, identifier: str) -> Any:
    return next(each for each in coverage.rows if each.row.id == identifier)


def status(coverage: Coverage, name: str) -> str:
    return next(each.status for each in coverage.inputs if each.input.name == name)


def test_without_a_look_at_what_comes_nothing_is_called_watched() -> None:
    coverage = judge(settings(), None, COMMANDS)
    assert "watched" not in {each.state for each in coverage.rows}
    assert row(coverage, "D10").state == "unconfirmed"
    assert row(coverage, "D10").lacking == ()
    assert {each.state for each in coverage.sentences} == {"unconfirmed", "not_watched"}


def test_a_row_is_watched_once_all_that_it_needs_came() -> None:
    assert row(judge(settings(), observed("AuditLogs"), COMMANDS), "D36").state == "no_input"
    assert row(judge(settings(), observed("AuditLogs"), COMMANDS), "D36").lacking == ("signins",)
    both = judge(settings(), observed("AuditLogs", "ServicePrincipalSignInLogs"), COMMANDS)
    assert (row(both, "D36").state, row(both, "D36").lacking) == ("watched", ())


def test_what_is_not_connected_is_named_before_what_did_not_come() -> None:
    coverage = judge(settings(), observed("AuditLogs"), COMMANDS)
    assert row(coverage, "D49").state == "not_seen"
    assert row(coverage, "D51").lacking == ("inventory",)
    assert row(coverage, "D16").lacking == ("signins", "declared_egress")


def test_a_switched_off_detector_and_a_planned_one_are_told_as_such() -> None:
    coverage = judge(settings("detectors: {api_novelty: {enabled: false}}"), observed(*EVERYTHING), COMMANDS)
    assert (row(coverage, "D10").state, row(coverage, "D10").by) == ("off", "api_novelty")
    assert (row(coverage, "D101").state, row(coverage, "D101").by) == ("planned", None)


def test_a_row_that_a_command_answers_is_there_once_the_command_is() -> None:
    assert row(judge(settings(), observed(*EVERYTHING), ("run",)), "D116").state == "planned"
    answered = row(judge(settings(), observed(*EVERYTHING), COMMANDS), "D116")
    assert (answered.state, answered.by) == ("watched", "agent-detector incident")


@pytest.mark.parametrize(
    ("text", "name", "seen", "expected"),
    [
        ("", "inventory", None, "missing"),
        ("", "inventory", (), "missing"),
        ("", "inventory", ("AgentInventory",), "seen"),
        (f"inventory: {{tenant_id: {GUID}}}", "inventory", None, "unknown"),
        (f"inventory: {{tenant_id: {GUID}}}", "inventory", ("AuditLogs",), "silent"),
        ("", "evidence", ("DeploymentRecords",), "seen"),
        ("", "audit", None, "unknown"),
        ("", "audit", (), "silent"),
        ("", "azure", ("AuditLogs",), "missing"),
        ("", "manifest", None, "missing"),
        ("manifest: {}", "manifest", None, "declared"),
        ("manifest: {}", "declared_resources", (), "missing"),
        (f"manifest: {{agents: [{{id: {GUID}, resources: []}}]}}", "declared_resources", (), "declared"),
        (f"manifest: {{blueprints: [{{id: {GUID}, egress: [203.0.113.0/24]}}]}}", "declared_egress", (), "declared"),
        ("manifest: {azure_egress: []}", "azure_egress", None, "declared"),
        ("manifest: {environment_attribute: Agents.Stage}", "environments", None, "declared"),
        (f"manifest: {{agents: [{{id: {GUID}, environment: production}}]}}", "environments", None, "declared"),
        ("manifest: {}", "environments", None, "missing"),
        ("", "environments", None, "missing"),
        ("manifest: {}", "production_resources", None, "missing"),
        (f"manifest: {{production_resources: [{GUID}]}}", "production_resources", None, "declared"),
        (f"manifest: {{agents: [{{id: {GUID}, handshake: required}}]}}", "handshakes", None, "declared"),
        (f"manifest: {{agents: [{{id: {GUID}, handshake: not_required}}]}}", "handshakes", None, "missing"),
        (f"pipelines: [{{name: p, object_ids: [{GUID}]}}]", "pipelines", None, "declared"),
        ("scope: workloads", "workload_signins", None, "declared"),
        ("", "workload_signins", None, "missing"),
    ],
)
def test_inputs_are_judged_by_what_came_and_what_is_configured(
    text: str, name: str, seen: tuple[str, ...] | None, expected: str
) -> None:
    assert status(judge(settings(text), None if seen is None else observed(*seen), COMMANDS), name) == expected


def test_one_of_several_inputs_is_enough() -> None:
    assert row(judge(settings("scope: workloads"), observed(*LOGS), COMMANDS), "D46").state == "watched"
    assert row(judge(settings(), observed("AgentInventory"), COMMANDS), "D46").state == "watched"
    neither = row(judge(settings(), observed(*LOGS), COMMANDS), "D46")
    assert (neither.state, neither.lacking) == ("not_seen", ("inventory",))


def test_a_sentence_is_watched_when_all_its_rows_are_and_partly_when_some_are() -> None:
    coverage = judge(settings(), observed(*EVERYTHING), COMMANDS)
    states = {each.sentence.id: each.state for each in coverage.sentences}
    assert states["S17"] == "watched"
    assert states["S3"] == "watched"
    assert states["S13"] == "partly"
    assert states["S4"] == "not_watched"


def test_an_input_tells_when_each_of_its_categories_came_last() -> None:
    coverage = judge(settings(), observed("SignInLogs"), COMMANDS)
    found = next(each for each in coverage.inputs if each.input.name == "user_signins")
    assert found.latest == {"SignInLogs": 1_000.0, "NonInteractiveUserSignInLogs": None}
    assert (found.status, found.last) == ("seen", 1_000.0)
