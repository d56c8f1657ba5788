"""DeploymentRecords: runs of pipelines and handshakes."""

from __future__ import annotations

from typing import Any

import pytest

from detector.decode.decoder import Decoder
from detector.domain.events import Deployment
from tests.decode.builders import BLUEPRINT, TENANT, deployment, dumps


def told(**changes: Any) -> Deployment:
    (event,) = Decoder().body(dumps(deployment(**changes))).events
    assert isinstance(event, Deployment)
    return event


def test_a_run_is_read_with_its_window_and_what_it_changes() -> None:
    event = told(actorObjectId="ABC", changes=["owner_added", "credential_added"], repository="example/agents")
    assert (event.kind, event.pipeline, event.run_id, event.status) == ("run", "release", "4711", "succeeded")
    assert (event.tenant_id, event.time) == (TENANT, 1772438400.0)
    assert (event.started, event.finished) == (1772437800.0, 1772438398.0)
    assert (event.actor_id, event.agents) == ("abc", (BLUEPRINT,))
    assert (event.changes, event.repository) == (("credential_added", "owner_added"), "example/agents")


def test_what_a_run_does_not_say_is_not_known() -> None:
    event = told(agents=None, startedDateTime=..., finishedDateTime=None, status=...)
    assert (event.agents, event.changes, event.started, event.finished, event.actor_id) == (None,) * 5
    assert event.status == "succeeded"


@pytest.mark.parametrize(
    ("spelled", "status"),
    [
        ("queued", "queued"),
        ("Pending", "queued"),
        ("inProgress", "in_progress"),
        ("in_progress", "in_progress"),
        ("completed", "succeeded"),
        ("failure", "failed"),
        ("canceled", "cancelled"),
    ],
)
def test_statuses_are_read_as_providers_spell_them(spelled: str, status: str) -> None:
    assert told(status=spelled).status == status


@pytest.mark.parametrize(
    ("checks", "passed"),
    [(None, True), ({}, True), ({"owner": True, "network": True}, True), ({"owner": False}, False)],
)
def test_a_handshake_passed_when_every_check_did(checks: dict[str, bool] | None, passed: bool) -> None:
    event = told(kind="handshake", checks=checks)
    assert (event.kind, event.passed) == ("handshake", passed)


@pytest.mark.parametrize("changes", [{"kind": "wish"}, {"status": "dreaming"}])
def test_a_kind_or_status_nobody_knows_is_quarantined(changes: dict[str, str]) -> None:
    result = Decoder().body(dumps(deployment(**changes)))
    assert [piece.reason for piece in result.quarantined] == ["unsupported_shape"]
