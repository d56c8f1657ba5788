"""Audit records: who changed what, read by name from values that are JSON inside strings."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from detector.decode.activity import fold_activity
from tests.decode.builders import (
    AGENT,
    BLUEPRINT,
    BY_APP,
    GRAPH,
    HUMAN,
    KEY,
    ROLE_TEMPLATE,
    TENANT,
    audit,
    modified,
    target,
)

SECOND_KEY = KEY.replace("e1", "e2")


def described(*keys: str, name: str = "main") -> str:
    return orjson.dumps(
        [f"[KeyIdentifier={key},KeyType=Password,KeyUsage=Verify,DisplayName={name}]" for key in keys]
    ).decode()


def test_a_secret_is_added_to_a_blueprint(change_of: Any) -> None:
    """The name has an en dash and a trailing space in real records."""
    name = "Update application \u2013 Certificates and secrets management "
    record = audit(
        name,
        target(
            modified("KeyDescription", described(KEY.upper(), SECOND_KEY), described(SECOND_KEY)),
            modified("Included Updated Properties", '"KeyDescription"'),
            id=BLUEPRINT.upper(),
            type="Application",
            displayName="invoice blueprint",
        ),
        additionalDetails=[{"key": "User-Agent", "value": "console/1.0"}, {"key": "AppId", "value": GRAPH.upper()}],
    )
    change = change_of(record)
    assert change.activity == "update application - certificates and secrets management"
    assert change.activity_name == name.strip()
    assert [(key.key_id, key.type, key.name) for key in change.keys_added] == [(KEY, "Password", "main")]
    assert change.keys_removed == ()
    assert change.time == 1772439000.000001
    assert (change.tenant_id, change.category, change.succeeded) == (TENANT, "AuditLogs", True)
    assert (change.actor.kind, change.actor.id, change.actor.name) == ("user", HUMAN, "kim@contoso.example")
    assert change.actor.ip == "198.51.100.7"
    (identity,) = change.targets
    assert (identity.id, identity.type, identity.app_id) == (BLUEPRINT, "Application", GRAPH)
    assert change.properties_changed == ("KeyDescription", "Included Updated Properties")
    assert (change.user_agent, change.service) == ("console/1.0", "Core Directory")


@pytest.mark.parametrize(
    ("old", "new", "added", "removed"),
    [
        ("[]", described(KEY), [KEY], []),
        (described(KEY), "[]", [], [KEY]),
        (described(KEY), described(SECOND_KEY), [SECOND_KEY], [KEY]),
        (described(KEY, SECOND_KEY), described(SECOND_KEY, KEY), [], []),
        (None, described(KEY), [], []),
        (described(KEY), None, [], []),
        ("[]", f"[KeyIdentifier={KEY},KeyType=Password]", [KEY], []),
        ("[]", '"[KeyIdentifier=,KeyType=x]"', [], []),
        ("[]", '[1, null, "nonsense"]', [], []),
        ("[]", '{"a": 1}', [], []),
    ],
)
def test_keys_are_the_difference_of_both_sides(change_of: Any, old: Any, new: Any, added: Any, removed: Any) -> None:
    """The text of an empty list is known to be empty; null is unknown, and nothing is concluded from it."""
    change = change_of(audit("Update service principal", target(modified("KeyDescription", new, old))))
    assert [key.key_id for key in change.keys_added] == added
    assert [key.key_id for key in change.keys_removed] == removed


def test_the_name_of_a_key_may_have_commas_and_brackets(change_of: Any) -> None:
    change = change_of(audit("x", target(modified("KeyDescription", described(KEY, name="CN=a,O=[b]"), "[]"))))
    assert change.keys_added[0].name == "CN=a,O=[b]"


def test_an_app_role_is_granted(change_of: Any) -> None:
    """The only target is the resource; the grantee stands in the modified properties."""
    change = change_of(
        audit(
            "Add app role assignment to service principal",
            target(
                modified("ServicePrincipal.ObjectID", f'"{AGENT.upper()}"'),
                modified("AppRole.Value", '"RoleManagement.ReadWrite.Directory"'),
                modified("AppRole.Id", f'"{KEY}"'),
                modified("ServicePrincipal.AppId", f'["{AGENT}"]'),
                modified("ServicePrincipal.DisplayName", "invoice-agent"),
                modified("TargetId.ServicePrincipalNames", f'"https://graph.example;{GRAPH}"'),
                id=GRAPH,
                displayName="Microsoft Graph",
            ),
        )
    )
    assert (change.grantee_app_id, change.grantee_object_id, change.grantee_name) == (AGENT, AGENT, "invoice-agent")
    assert (change.permission, change.permission_id) == ("RoleManagement.ReadWrite.Directory", KEY)
    assert [(each.id, each.app_id) for each in change.targets] == [(GRAPH, GRAPH)]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("side", ["newValue", "oldValue"])
def test_a_directory_role_is_given_or_taken(change_of: Any, reverse: Any, side: Any) -> None:
    """The order of the targets means nothing, and a removal has its values on the old side."""
    values = {"Role.DisplayName": "Application Administrator", "Role.TemplateId": ROLE_TEMPLATE.upper()}
    values["TargetId.ServicePrincipalNames"] = f"{AGENT};https://agent.example"
    entries = [{"displayName": name, side: f'"{value}"'} for name, value in values.items()]
    targets = [target(*entries), {"id": KEY, "displayName": None, "type": "Role", "modifiedProperties": []}]
    change = change_of(audit("Add member to role", *(reversed(targets) if reverse else targets)))
    assert (change.directory_role, change.directory_role_template_id) == ("Application Administrator", ROLE_TEMPLATE)
    assert change.grantee_app_id == AGENT
    assert {each.type for each in change.targets} == {"ServicePrincipal", "Role"}


def test_a_role_change_that_names_no_principal_has_no_grantee(change_of: Any) -> None:
    assert change_of(audit("x", target(modified("Role.TemplateId", '"a"')))).grantee_app_id is None


def test_scopes_of_a_consent_are_found_by_name(change_of: Any) -> None:
    consent = "[] => [[Id: 1, ClientId: 2, ConsentType: AllPrincipals, Scope: Mail.Read User.Read, CreatedDateTime: x],"
    consent += " [Id: 2, Scope: User.Read]]"
    change = change_of(
        audit("Consent to application", target(modified("Other", None), modified("ConsentAction.Permissions", consent)))
    )
    assert change.permission == "Mail.Read User.Read"
    granted = audit("Add delegated permission grant", target(modified("DelegatedPermissionGrant.Scope", '"Mail.Read"')))
    assert change_of(granted).permission == "Mail.Read"
    assert change_of(audit("x", target(modified("ConsentAction.Permissions", "nothing")))).permission is None


@pytest.mark.parametrize("name", ["FederatedIdentityCredentials", "federatedIdentityCredential"])
def test_a_federated_credential_has_no_activity_of_its_own(change_of: Any, name: Any) -> None:
    record = audit("Update application", target(modified(name, '[{"Issuer":"https://issuer.example"}]', "[]")))
    assert change_of(record).federated_credentials_changed


def test_the_value_of_a_credential_is_kept_nowhere(decode: Any) -> None:
    secret = "correct-horse-battery-staple"
    changed = [modified("Credential", f'[{{"Value":"{secret}"}}]'), modified("Password", secret, secret)]
    record = audit("Add service principal", target(*changed), additionalDetails=[{"key": "note", "value": secret}])
    result = decode(record)
    assert secret not in repr(result)
    assert result.events[0].properties_changed == ("Credential", "Password")


def test_a_pipeline_is_known_by_its_object_id(change_of: Any) -> None:
    actor = change_of(audit("Add service principal", target(), initiatedBy=BY_APP)).actor
    assert (actor.kind, actor.id, actor.name, actor.app_id) == ("app", KEY, "pipeline", None)
    both = {
        "user": None,
        "app": {"servicePrincipalId": AGENT, "servicePrincipalName": "n", "agentType": "agentIdentity"},
    }
    actor = change_of(audit("x", initiatedBy=both)).actor
    assert (actor.kind, actor.name, actor.role) == ("app", "n", "agent")
    assert change_of(audit("x", initiatedBy={"user": {}, **BY_APP})).actor.kind == "app"
    assert change_of(audit("x", initiatedBy={"user": {}})).actor.kind == "user"


@pytest.mark.parametrize("initiator", [None, {}, {"user": None, "app": None}, ...])
def test_an_actor_may_be_unknown(change_of: Any, initiator: Any) -> None:
    actor = change_of(audit("x", initiatedBy=initiator)).actor
    assert (actor.kind, actor.id, actor.ip) == ("unknown", None, "198.51.100.7")


def test_the_address_of_the_actor_may_stand_in_three_places(change_of: Any) -> None:
    details = [{"key": "ipaddr", "value": "192.0.2.3"}, {"key": "", "value": None}, {}]
    nowhere = {"callerIpAddress": None}
    assert change_of(audit("x", additionalDetails=details, top=nowhere)).actor.ip == "192.0.2.3"
    user = {"user": {"id": HUMAN, "ipAddress": "192.0.2.4:1"}}
    assert change_of(audit("x", additionalDetails=details, initiatedBy=user)).actor.ip == "192.0.2.4"
    assert change_of(audit("x", additionalDetails=None, top=nowhere)).actor.ip is None


@pytest.mark.parametrize(
    ("result", "succeeded"),
    [
        ("success", True),
        ("Success", True),
        (0, True),
        ("0", True),
        (None, True),
        ("failure", False),
        ("timeout", False),
        (1, False),
    ],
)
def test_the_result_is_a_word_or_a_number(change_of: Any, result: Any, succeeded: Any) -> None:
    assert change_of(audit("x", result=result)).succeeded is succeeded


def test_agent_types_of_targets_are_a_bonus(decode: Any) -> None:
    record = audit(
        "Add service principal",
        target(agentType="agenticAppInstance", blueprintId=BLUEPRINT.upper()),
        target(agentType="agenticOracle", type=None, displayName=None, userPrincipalName="u@contoso.example"),
        {"modifiedProperties": None},
    )
    result = decode(record)
    first, second, third = result.events[0].targets
    assert (first.role, first.blueprint_id) == ("agent", BLUEPRINT)
    assert (second.role, second.type, second.name) == ("agent", "", "u@contoso.example")
    assert (third.id, third.role) == (None, "none")
    assert result.unknown == {"agentType:agenticOracle": 1}


def test_values_that_are_no_text_are_read_as_json(change_of: Any) -> None:
    """As Log Analytics and some services give them."""
    record = audit("x", target({"displayName": "AppRole.Value", "newValue": ["Mail.Read"], "oldValue": {}}))
    assert change_of(record).permission == "Mail.Read"
    assert change_of(audit("x", target(modified("AppRole.Value", "[]", "null")))).permission is None
    assert change_of(audit("x", target(modified("AppRole.Value", "[1, 2]")))).permission == "[1, 2]"


def test_a_record_names_its_activity(refused: Any, change_of: Any) -> None:
    assert refused(audit("  "))[0] == "unsupported_shape"
    assert refused(audit("x", activityDisplayName=..., top={"operationName": None})) == (
        "unsupported_shape",
        "properties.activityDisplayName is missing",
    )
    assert change_of(audit("Add  user ", activityDisplayName=None)).activity_name == "Add user"


def test_targets_may_be_an_empty_cell(change_of: Any) -> None:
    assert change_of(audit("x", targetResources="")).targets == ()


def test_lists_are_bounded(change_of: Any) -> None:
    names = [modified(f"p{number}", None) for number in range(300)]
    change = change_of(audit("x", *[target(name) for name in names]))
    assert (len(change.targets), len(change.properties_changed)) == (256, 256)


@pytest.mark.parametrize("dash", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212-")
def test_activities_fold_to_one_spelling(dash: Any) -> None:
    assert fold_activity(f"  Update application {dash}  Certificates AND secrets management. ") == (
        "update application - certificates and secrets management"
    )
    assert fold_activity(fold_activity("Add\tuser .")) == fold_activity("Add user")


def test_a_modified_property_without_a_name_names_nothing(change_of: Any) -> None:
    nameless = modified("", '"x"')
    record = audit("Update service principal", target(nameless, modified("DisplayName", '"agent"')))
    assert change_of(record).properties_changed == ("DisplayName",)
