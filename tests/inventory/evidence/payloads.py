"""Payloads in the shape that GitHub and Azure DevOps document, of an invented company, cut to what matters."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

TENANT = "33333333-4444-4555-8666-777777777777"
DEPLOYER = "0b0b0000-0000-4000-8000-000000000001"
NOW = 1_791_000_000.0
"""2026-10-03T04:00:00Z."""
AT = "2026-10-03T03:59:30Z"


def dumps(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def workflow_run(**changes: Any) -> dict[str, Any]:
    """`workflow_run`, completed."""
    run = {
        "id": 30433642,
        "name": "Deploy agents",
        "node_id": "WFR_kwLOAAAA",
        "head_branch": "main",
        "head_sha": "acb5820ced9479c074f688cc328bf03f341a511d",
        "path": ".github/workflows/deploy.yml@main",
        "run_number": 562,
        "event": "push",
        "status": "completed",
        "conclusion": "success",
        "workflow_id": 159038,
        "run_attempt": 1,
        "created_at": "2026-10-03T03:50:00Z",
        "updated_at": AT,
        "run_started_at": "2026-10-03T03:50:01Z",
        "actor": {"login": "octocat", "id": 1},
        "head_repository": {"id": 217723378, "full_name": "example/agents"},
        **changes,
    }
    return {
        "action": "completed" if run["status"] == "completed" else run["status"],
        "workflow_run": run,
        "workflow": {"id": 159038, "name": "Deploy agents", "path": ".github/workflows/deploy.yml", "state": "active"},
        "repository": {"id": 217723378, "name": "agents", "full_name": "example/agents", "private": True},
        "organization": {"login": "example"},
        "sender": {"login": "octocat", "id": 1},
    }


def deployment_status(state: str = "success", *, by_workflow: bool = True, **changes: Any) -> dict[str, Any]:
    """`deployment_status` of a job that names an environment."""
    run = workflow_run()["workflow_run"]
    return {
        "action": "created",
        "deployment_status": {
            "id": 1187,
            "state": state,
            "environment": "production",
            "description": "",
            "created_at": AT,
            "updated_at": AT,
            "creator": {"login": "github-actions[bot]", "type": "Bot"},
            **changes,
        },
        "deployment": {
            "id": 42,
            "sha": "acb5820ced9479c074f688cc328bf03f341a511d",
            "ref": "main",
            "task": "deploy",
            "environment": "production",
            "created_at": "2026-10-03T03:51:00Z",
            "updated_at": AT,
        },
        "workflow": workflow_run()["workflow"] if by_workflow else None,
        "workflow_run": run if by_workflow else None,
        "repository": workflow_run()["repository"],
        "sender": {"login": "github-actions[bot]"},
    }


CONTAINERS = {
    "collection": {"id": "c12d0eb8-e382-443b-9f9c-c52cba5014c2"},
    "account": {"id": "f844ec47-a9db-4511-8281-8b63f4eaf94e"},
    "project": {"id": "be9b3917-87e6-42a4-a549-2bc06a7a878f"},
}


def azure(event: str, resource: dict[str, Any], version: str, **changes: Any) -> dict[str, Any]:
    return {
        "subscriptionId": "aaaa0a0a-bb1b-4c2c-8d3d-eeeeee4e4e4e",
        "notificationId": 3,
        "id": "4a5d99d6-1c75-4e53-91b9-ee80057d4ce3",
        "eventType": event,
        "publisherId": "tfs",
        "message": {"text": "It succeeded."},
        "detailedMessage": {"text": "It succeeded."},
        "resource": resource,
        "resourceVersion": version,
        "resourceContainers": CONTAINERS,
        "createdDate": "2026-10-03T03:59:30.1234567Z",
        **changes,
    }


def build(**changes: Any) -> dict[str, Any]:
    """`build.complete`, resource version 2.0."""
    resource = {
        "id": 2727068,
        "buildNumber": "20261003.1",
        "status": "completed",
        "result": "succeeded",
        "queueTime": "2026-10-03T03:49:00Z",
        "startTime": "2026-10-03T03:50:00Z",
        "finishTime": "2026-10-03T03:59:29.5Z",
        "sourceBranch": "refs/heads/main",
        "sourceVersion": "600c52d2d5b655caa111abfd863e5a9bd304bb0e",
        "definition": {
            "id": 17,
            "name": "deploy-agents",
            "path": "\\agents",
            "project": {"id": "be9b3917-87e6-42a4-a549-2bc06a7a878f", "name": "Fabrikam"},
        },
        "project": {"id": "be9b3917-87e6-42a4-a549-2bc06a7a878f", "name": "Fabrikam"},
        "repository": {"id": "278d5cd2-584d-4b63-824a-2ba458937249", "type": "TfsGit", "name": "agents"},
        "requestedFor": {"displayName": "Someone", "uniqueName": "someone@example.com"},
        **changes,
    }
    return azure("build.complete", resource, "2.0")


def old_build() -> dict[str, Any]:
    """`build.complete`, resource version 1.0."""
    resource = {
        "uri": "vstfs:///Build/Build/2",
        "id": 2,
        "buildNumber": "ConsumerAddressModule_20261003.1",
        "startTime": "2026-10-03T03:50:00Z",
        "finishTime": "2026-10-03T03:59:29Z",
        "reason": "manual",
        "status": "succeeded",
        "drop": {},
        "sourceGetVersion": "LG:refs/heads/main:600c52d2d5b655caa111abfd863e5a9bd304bb0e",
        "definition": {"batchSize": 1, "definitionType": "xaml", "id": 17, "name": "deploy-agents"},
        "requests": [{"id": 1, "requestedFor": {"displayName": "Someone"}}],
    }
    return azure("build.complete", resource, "1.0")


def run_changed(state: str = "completed", result: str | None = "succeeded", **changes: Any) -> dict[str, Any]:
    """`ms.vss-pipelines.run-state-changed-event`."""
    pipeline = {
        "url": "https://dev.azure.com/example",
        "id": 17,
        "revision": 1,
        "name": "deploy-agents",
        "folder": "\\",
    }
    resource = {
        "run": {
            "pipeline": pipeline,
            "state": state,
            "result": result,
            "createdDate": "2026-10-03T03:50:00.164Z",
            "finishedDate": "2026-10-03T03:59:29.164Z",
            "resources": {
                "repositories": {
                    "self": {
                        "repository": {"id": "278d5cd2-584d-4b63-824a-2ba458937249", "type": "azureReposGit"},
                        "refName": "refs/heads/main",
                        "version": "600c52d2d5b655caa111abfd863e5a9bd304bb0e",
                    }
                }
            },
            "id": 11,
            "name": "20261003.1",
        },
        "pipeline": pipeline,
        "repositories": [
            {"type": "Git", "change": {}, "url": "https://example@dev.azure.com/example/Fabrikam/_git/agents"}
        ],
        **changes,
    }
    return azure("ms.vss-pipelines.run-state-changed-event", resource, "5.1-preview.1", publisherId="pipelines")


def stage_deployed(status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    """`ms.vss-release.deployment-completed-event`."""
    resource = {
        "environment": {
            "id": 5,
            "releaseId": 0,
            "name": "Production",
            "status": status,
            "rank": 1,
            "definitionEnvironmentId": 1,
            "release": {"id": 9, "name": "Release-9", "url": "https://vsrm.dev.azure.com/example"},
            "releaseDefinition": {"id": 3, "name": "Agents"},
        },
        "project": {"id": "be9b3917-87e6-42a4-a549-2bc06a7a878f", "name": "Fabrikam"},
        **changes,
    }
    return azure("ms.vss-release.deployment-completed-event", resource, "3.0-preview.1", publisherId="rm")


RECORD: dict[str, Any] = {
    "id": "deploy-1",
    "recordedDateTime": AT,
    "kind": "run",
    "pipeline": "agents-prod",
    "runId": "77",
    "status": "succeeded",
    "startedDateTime": "2026-10-03T03:50:00Z",
    "finishedDateTime": AT,
    "repository": "example/agents",
    "environment": "production",
    "agents": ["22222222-3333-4444-8555-666666666666"],
    "changes": ["credential_added"],
}


def record(**changes: Any) -> dict[str, Any]:
    """The plain form; `None` takes a member away."""
    return {name: value for name, value in {**deepcopy(RECORD), **changes}.items() if value is not None}
