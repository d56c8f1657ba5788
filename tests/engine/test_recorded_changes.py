"""Audit records in the form of the export, told to an engine: what each family of changes ends as.

The shapes are those of recorded events: where the grantee, the owner, the role and the trust stand differs in each.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.engine.engine import Engine
from tests.decode.builders import AGENT, BLUEPRINT, BY_APP, GRAPH, HUMAN, KEY, audit, dumps, modified, sign_in, target
from tests.stories import defaults

PRINCIPAL = "5e000000-0000-4000-8000-0000000000b2"
"""Object id of the blueprint's service principal."""
APPLICATION = "a0000000-0000-4000-8000-0000000000b3"
"""Object id of the blueprint's application."""
OTHER = "0e0e0000-0000-4000-8000-0000000000c2"
TIMES: dict[str, Any] = {"createdDateTime": "2026-03-02T07:00:00Z"}
EMPTY: dict[str, Any] = {"modifiedProperties": [], "administrativeUnits": []}


def alerts_of(*records: Any) -> list[Alert]:
    """What the product says of the records; an agent and its blueprint have signed in an hour before."""
    engine, decoder = Engine(defaults()), Decoder()
    known = [
        sign_in(id="s1", **TIMES),
        sign_in(
            id="s2",
            appId=BLUEPRINT,
            servicePrincipalId=PRINCIPAL,
            servicePrincipalName="crew",
            agent={"agentType": "agenticApp", "agentSubjectType": "agenticApp"},
            **TIMES,
        ),
    ]
    alerts: list[Alert] = []
    for record in (*known, *records):
        decoded = decoder.body(dumps(record))
        assert not decoded.quarantined
        alerts += engine.process(decoded)
    return [alert for alert in alerts + engine.finish() if alert.evidence.details.get("kind") is not None]


def blueprint(*changed: Any) -> Any:
    """An `Update application`: the target is the application object, and a detail names its appId."""
    about = target(*changed, id=APPLICATION, displayName="crew", type="Application")
    return audit("Update application", about, additionalDetails=[{"key": "AppId", "value": BLUEPRINT}])


def text(value: Any) -> str:
    return orjson.dumps(value).decode()


def principal_owner(owner: str, name: str) -> Any:
    changed = [
        modified("ServicePrincipal.ObjectID", f'"{PRINCIPAL}"'),
        modified("ServicePrincipal.DisplayName", '"crew"'),
        modified("ServicePrincipal.AppId", None),
    ]
    person = {"id": owner, "userPrincipalName": name, "type": "User", "modifiedProperties": changed}
    return audit("Add owner to service principal", person, {"id": PRINCIPAL, "type": "ServicePrincipal", **EMPTY})


TRUST = [{"Name": "n", "Issuer": "https://evil.example", "Subject": "s", "Id": KEY, "Audiences": ["a"]}]


@pytest.mark.parametrize(
    ("record", "detector", "subject", "sentence"),
    [
        (
            blueprint(modified("FederatedIdentityCredentials", text(TRUST), "[]")),
            "federated_credential_changed",
            BLUEPRINT,
            "added a federated credential to crew from 198.51.100.7, which trusts https://evil.example (subject s)",
        ),
        (
            blueprint(modified("AppAddress", text([{"Address": "https://evil.example/cb"}]), "[]")),
            "blueprint_edited",
            BLUEPRINT,
            "edited crew from 198.51.100.7: redirect URIs lead to evil.example now",
        ),
        (
            audit(
                "Add delegated permission grant",
                target(
                    modified("DelegatedPermissionGrant.Scope", '" Mail.Read"'),
                    modified("DelegatedPermissionGrant.ConsentType", '"AllPrincipals"'),
                    modified("ServicePrincipal.ObjectID", f'"{AGENT}"'),
                    modified("ServicePrincipal.AppId", None),
                    id=GRAPH,
                    displayName="Microsoft Graph",
                ),
            ),
            "delegated_grant",
            AGENT,
            "granted invoice-agent 1 sensitive scope (Mail.Read) from 198.51.100.7",
        ),
        (
            principal_owner(OTHER, "k#EXT#@contoso.example"),
            "owner_added",
            BLUEPRINT,
            "made k#EXT#@contoso.example owner of crew from 198.51.100.7; k#EXT#@contoso.example is "
            "a guest of the tenant",
        ),
        (
            audit("Update service principal", target(modified("AccountEnabled", "[true]", "[false]"))),
            "agent_reenabled",
            AGENT,
            "enabled invoice-agent again from 198.51.100.7",
        ),
        (
            audit(
                "Add eligible member to role in PIM completed (permanent)",
                {"id": KEY, "displayName": "Agent ID Administrator", "type": "Role", **EMPTY},
                {"id": HUMAN, "displayName": "Kim", "type": "User", **EMPTY},
                initiatedBy=BY_APP,
            ),
            "agent_admin_assigned",
            HUMAN,
            "made Kim eligible for the role Agent ID Administrator from 198.51.100.7",
        ),
        (
            audit(
                "Update application \N{EN DASH} Certificates and secrets management ",
                target(
                    modified(
                        "KeyDescription",
                        text([f"[KeyIdentifier={KEY},KeyType=Password,KeyUsage=Verify,DisplayName=x]"]),
                        "[]",
                    ),
                    id=APPLICATION,
                    displayName="crew",
                    type="Application",
                ),
                additionalDetails=[{"key": "AppId", "value": BLUEPRINT}],
                initiatedBy={
                    "app": {"servicePrincipalId": AGENT, "displayName": "invoice-agent", "agentType": "agent"}
                },
            ),
            "credential_by_unusual_actor",
            BLUEPRINT,
            "invoice-agent added a credential to crew from 198.51.100.7; the actor is an agent",
        ),
    ],
    ids=("federated", "edited", "granted", "owner", "enabled", "role", "credential"),
)
def test_a_record_as_exported_ends_as_an_alert(record: Any, detector: str, subject: str, sentence: str) -> None:
    (alert,) = [alert for alert in alerts_of(record) if alert.detector == detector]
    assert alert.subject.id == subject
    assert sentence in alert.explanation


def test_no_secret_of_a_record_reaches_an_alert() -> None:
    secret = "correct-horse-battery-staple"
    record = blueprint(
        modified("AppAddress", text([{"Address": f"https://a.example/{secret}?code={secret}"}]), "[]"),
        modified("Credential", text([{"Value": secret}]), "[]"),
    )
    alerts = alerts_of(record)
    assert alerts
    assert secret not in repr(alerts)
