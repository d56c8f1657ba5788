"""Recorded and documented records that lie beside the project; skipped where they are not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from detector.decode.decoder import Decoder
from detector.decode.times import parse
from detector.domain.events import Change, Event, Risk, SignIn

SHARED = Path(os.environ.get("ENTRA_SHARED", Path(__file__).parents[3] / "shared")) / "data"
RECORDED = sorted((SHARED / "recorded").glob("*.ndjson"))
EXAMPLES = SHARED / "examples" / "agent-records.jsonl"
NOT_READ = {"ProvisioningLogs", "RiskyUsers", "UserRiskEvents"}

TENANT = "99999999-0000-4000-8000-00000000aaaa"
AGENT = "7d540000-2222-4333-8444-0000000000a1"
BLUEPRINT = "ad0d0000-1111-4222-8333-000000000b1e"
HUMAN = "0b0b0000-4444-4555-8666-0000000000c3"
GRAPH = "00000003-0000-0000-c000-000000000000"
AGENT_USER = "5a5a0000-3333-4444-8555-0000000000a2"


@pytest.mark.skipif(not RECORDED, reason="the recorded data are not here")
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_every_recorded_record_is_an_event_or_left_out_for_its_category(path: Path) -> None:
    decoder = Decoder()
    for line in path.read_bytes().splitlines():
        result = decoder.body(line)
        exported = parse(orjson.loads(line)["time"]) // 1
        assert not result.quarantined
        assert not result.unknown
        if path.stem in NOT_READ:
            assert result.filtered == {"category_not_read": 1}
        else:
            (event,) = result.events
            assert not result.filtered
            _plausible(event, path.stem, exported)


def _plausible(event: Event, category: str, exported: float) -> None:
    assert event.record_id
    assert 1_500_000_000 < event.time < 1_800_000_000
    assert -1 <= exported - event.time < 3600
    if not isinstance(event, SignIn):
        assert event.received == exported
    if isinstance(event, SignIn):
        assert event.access.agent_id
        assert event.access.role == "none"
        assert (event.access.kind == "managed_identity") == (category == "ManagedIdentitySignInLogs")
        assert (event.origin.ip is None) == (category == "ManagedIdentitySignInLogs")
    elif isinstance(event, Change):
        assert event.actor.kind in ("user", "app")
        assert event.targets


@pytest.fixture(scope="module")
def examples() -> list[Event]:
    if not EXAMPLES.exists():
        pytest.skip("the examples are not here")
    decoder = Decoder()
    events: list[Event] = []
    for line in EXAMPLES.read_bytes().splitlines():
        result = decoder.body(line)
        assert (result.quarantined, result.filtered, result.unknown) == ([], {}, {})
        events += result.events
    assert len(events) == 11
    return events


# Record, kind, role, subject role, blueprint, parent, error, user.
SIGN_INS = [
    (0, "service_principal", AGENT, "agent", "agent", BLUEPRINT, None, 0, None),
    (1, "service_principal", BLUEPRINT, "blueprint", "blueprint", None, None, 7000215, None),
    (2, "service_principal", AGENT, "agent", "agent", BLUEPRINT, None, 53003, None),
    (3, "non_interactive_user", AGENT, "agent", "none", BLUEPRINT, None, 0, HUMAN),
    (4, "non_interactive_user", AGENT, "agent", "agent_user", BLUEPRINT, AGENT, 0, AGENT_USER),
    (5, "managed_identity", "2f390000-5555-4666-8777-0000000000d5", "none", "none", None, None, 0, None),
]


@pytest.mark.parametrize(("index", "kind", "who", "role", "subject", "blueprint", "parent", "error", "user"), SIGN_INS)
def test_example_sign_ins(  # noqa: PLR0917 -- one argument for each column of the table
    examples: Any,
    index: Any,
    kind: Any,
    who: Any,
    role: Any,
    subject: Any,
    blueprint: Any,
    parent: Any,
    error: Any,
    user: Any,
) -> None:
    event = examples[index]
    access = event.access
    assert access.tenant_id == TENANT
    assert (access.kind, access.agent_id, access.role, access.subject_role) == (kind, who, role, subject)
    assert (access.blueprint_id, access.parent_id, access.error_code) == (blueprint, parent, error)
    assert event.user_id == user
    exported = parse(orjson.loads(EXAMPLES.read_bytes().splitlines()[index])["time"]) // 1
    assert 90 < exported - event.time < 150


def test_example_credentials_and_places(examples: Any) -> None:
    accesses = [event.access for event in examples[:6]]
    assert [access.credential_type for access in accesses] == [
        "clientAssertion",
        "clientSecret",
        "clientAssertion",
        None,
        None,
        None,
    ]
    assert [access.ca_status for access in accesses] == ["notApplied"] * 2 + ["failure"] + ["notApplied"] * 3
    assert [access.resource_id for access in accesses[2:5]] == [GRAPH] * 3
    assert accesses[1].service_principal_id == "e37e0000-1111-4222-8333-0000000000bb"
    assert repr(examples[1].origin) == "Origin(198.51.100.0/24, AS8075, IE)"
    assert examples[5].origin.ip is None
    assert examples[0].time == pytest.approx(1791194511.924876, abs=1e-6)


def test_example_secret_added_to_a_blueprint(examples: Any) -> None:
    change = examples[6]
    assert change.activity == "update application - certificates and secrets management"
    (key,) = change.keys_added
    assert (key.key_id, key.type, key.name) == ("c7890f61-2f17-478f-bc60-60fd19c09588", "Password", "prod-hotfix")
    assert change.keys_removed == ()
    (blueprint,) = change.targets
    assert (blueprint.id, blueprint.app_id, blueprint.type) == (BLUEPRINT, BLUEPRINT, "Application")
    assert (change.actor.kind, change.actor.id, change.actor.ip) == ("user", HUMAN, "198.51.100.9")


def test_example_app_role_granted(examples: Any) -> None:
    change = examples[7]
    assert (change.grantee_app_id, change.grantee_name) == (AGENT, "Agent-HROnboardingBot")
    assert change.permission == "RoleManagement.ReadWrite.Directory"
    assert change.permission_id == "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8"
    assert [each.name for each in change.targets] == ["Microsoft Graph"]


def test_example_agent_created_by_the_pipeline(examples: Any) -> None:
    change = examples[8]
    assert (change.actor.kind, change.actor.id) == ("app", "44440000-aaaa-4bbb-8ccc-0000000000d0")
    assert [(each.role, each.blueprint_id) for each in change.targets] == [("agent", BLUEPRINT)]
    assert (change.time, change.keys_added) == (1791190810.1, ())


def test_example_directory_role(examples: Any) -> None:
    change = examples[9]
    assert change.directory_role == "Application Administrator"
    assert change.directory_role_template_id == "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
    assert change.grantee_app_id == AGENT
    assert [each.type for each in change.targets] == ["ServicePrincipal", "Role"]


def test_example_risk(examples: Any) -> None:
    risk = examples[10]
    assert isinstance(risk, Risk)
    assert (risk.identity.id, risk.identity.blueprint_id, risk.identity.role) == (AGENT, BLUEPRINT, "agent")
    assert (risk.level, risk.event_type, risk.state) == ("medium", "signInSpike", "atRisk")
    assert (risk.time, risk.received) == (1791294309.533, 1791295383.0)
