"""What an audit record changes of an application or service principal."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.decode import application
from detector.domain.events import FederatedTrust, FieldChange
from tests.decode.builders import AGENT, BLUEPRINT, GRAPH, HUMAN, KEY, ROLE_TEMPLATE, audit, modified, target


def updated(*changed: Any, **members: Any) -> Any:
    return audit("Update application", target(*changed, **members))


def text(value: Any) -> str:
    return orjson.dumps(value).decode()


# --------------------------------------------------------------------------------------------------- enabled


@pytest.mark.parametrize(
    ("old", "new", "enabled"),
    [
        ("[true]", "[false]", False),
        ("[false]", "[true]", True),
        ('["True"]', '["False"]', False),
        ('"false"', '"true"', True),
        ("false", "true", True),
        (None, "[true]", True),
        ("[]", "[true]", True),
        ("[true]", "[true]", None),
        ("[true]", None, None),
        ("[true]", "[]", None),
        (None, "perhaps", None),
    ],
)
def test_an_account_is_enabled_or_disabled_when_the_value_changes(
    change_of: Any, old: Any, new: Any, enabled: Any
) -> None:
    assert change_of(updated(modified("AccountEnabled", new, old))).enabled is enabled


@pytest.mark.parametrize(("new", "enabled"), [("[true]", False), ("[false]", True)])
def test_an_application_says_the_opposite(change_of: Any, new: str, enabled: bool) -> None:
    assert change_of(updated(modified("IsDisabled", new, None))).enabled is enabled


def test_a_record_that_does_not_name_the_account_says_nothing_of_it(change_of: Any) -> None:
    assert change_of(updated(modified("DisplayName", '"x"'))).enabled is None


# ------------------------------------------------------------------------------------- federated credentials


def credential(name: str, issuer: str, **members: Any) -> dict[str, Any]:
    """As recorded."""
    told = {"Name": name, "Issuer": issuer, "Subject": "s", "Id": KEY.upper(), "Description": "d", "Audiences": ["a"]}
    return told | {"ClaimsMatchingExpressionValue": None, "EncodingVersion": 2, "TrustedIssuer": None} | members


def test_a_federated_credential_is_added(change_of: Any) -> None:
    change = change_of(updated(modified("FederatedIdentityCredentials", text([credential("n", "https://i")]), "[]")))
    assert change.federated_added == (FederatedTrust("n", "https://i", "s", KEY),)
    assert change.federated_removed == ()


def test_an_edited_one_is_removed_and_added(change_of: Any) -> None:
    kept, old, new = credential("kept", "https://i"), credential("n", "https://i"), credential("n", "https://j")
    change = change_of(updated(modified("FederatedIdentityCredentials", text([kept, new]), text([old, kept]))))
    assert [trust.issuer for trust in change.federated_added] == ["https://j"]
    assert [trust.issuer for trust in change.federated_removed] == ["https://i"]


def test_an_expression_stands_for_the_subject(change_of: Any) -> None:
    flexible = credential("n", "https://i", Subject=None, ClaimsMatchingExpressionValue="claims['sub'] matches 'r:*'")
    change = change_of(updated(modified("federatedIdentityCredential", text(flexible))))
    assert change.federated_added[0].subject == "claims['sub'] matches 'r:*'"


@pytest.mark.parametrize("value", ["[1, null]", "nonsense", '"x"', "{", None, "[]"])
def test_what_is_no_federated_credential_is_none(change_of: Any, value: str | None) -> None:
    change = change_of(updated(modified("FederatedIdentityCredentials", value, None)))
    assert (change.federated_added, change.federated_removed) == ((), ())
    assert change.federated_credentials_changed


# ---------------------------------------------------------------------------------------------------- fields


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        (
            "AppAddress",
            [{"AddressType": 0, "Address": "https://a.example/secret?x=1", "ReplyAddressClientType": 1}],
            [{"AddressType": 0, "Address": "https://b.example:8443/cb"}, {"Address": "http://localhost:3000/x"}],
            FieldChange("redirect_uris", ("b.example", "http://localhost"), ("a.example",)),
        ),
        ("AppAddress", [], [{"Address": "app://callback"}], FieldChange("redirect_uris", ("app://callback",))),
        ("ReplyUrls", [], ["https://b.example"], FieldChange("redirect_uris", ("b.example",))),
        (
            "AppAddress",
            [],
            [{"Address": "https://[x"}],
            FieldChange("redirect_uris", ("an address that cannot be read",)),
        ),
        ("AppAddress", [], [7], FieldChange("redirect_uris")),
        ("AppIdentifierUri", [], ["api://x"], FieldChange("identifier_uris", ("api://x",))),
        (
            "AvailableToOtherTenants",
            [False],
            [True],
            FieldChange("sign_in_audience", ("several tenants",), ("this tenant",)),
        ),
        ("SignInAudience", None, "AzureADMultipleOrgs", FieldChange("sign_in_audience", ("AzureADMultipleOrgs",))),
        (
            "ServicePrincipalLockConfiguration",
            {"IsEnabled": True, "AllProperties": True, "Other": None},
            {"IsEnabled": False, "AllProperties": True, "Other": 3},
            FieldChange("instance_lock", ("IsEnabled: false",), ("IsEnabled: true",)),
        ),
        (
            "Entitlement",
            [],
            [{"EntitlementId": "e1"}, {"Value": "Tasks.Do"}],
            FieldChange("exposed_scopes", ("e1", "Tasks.Do")),
        ),
        ("Entitlement", [], [{"Other": 1}], FieldChange("exposed_scopes")),
        (
            "RequiredResourceAccess",
            [],
            [
                {
                    "ResourceAppId": GRAPH.upper(),
                    "RequiredAppPermissions": [{"EntitlementId": "p"}, {"EntitlementId": "q"}],
                }
            ],
            FieldChange("requested_permissions", (f"{GRAPH}/p", f"{GRAPH}/q")),
        ),
        (
            "requiredResourceAccess",
            [],
            [
                {"resourceAppId": GRAPH, "resourceAccess": [{"id": "p"}]},
                "nonsense",
                {"resourceAppId": "r", "resourceAccess": 1},
            ],
            FieldChange("requested_permissions", (f"{GRAPH}/p",)),
        ),
        ("PublicClient", [False], [True], FieldChange("public_client", ("true",), ("false",))),
    ],
)
def test_the_public_values_of_a_field_are_compared(
    change_of: Any, name: str, old: Any, new: Any, expected: FieldChange
) -> None:
    sides = [None if side is None else text(side) for side in (new, old)]
    assert change_of(updated(modified(name, *sides))).fields == (expected,)


def test_a_field_that_is_listed_and_did_not_change_is_left(change_of: Any) -> None:
    assert change_of(updated(modified("AppAddress", "[]", "[]"), modified("DisplayName", '"x"', '"y"'))).fields == ()


def test_a_path_that_may_carry_a_secret_is_kept_nowhere(decode: Any) -> None:
    secret = "correct-horse-battery-staple"
    address = text([{"Address": f"https://user:{secret}@a.example/{secret}?code={secret}#{secret}"}])
    assert secret not in repr(decode(updated(modified("AppAddress", address, "[]"))))


# ---------------------------------------------------------------------------------------------------- grants


def granted(new: str | None, old: str | None = None, consent: str | None = '"AllPrincipals"') -> Any:
    """As recorded: the target is the resource, the scopes begin with a space, the client has an object id only."""
    return audit(
        "Add delegated permission grant",
        target(
            modified("DelegatedPermissionGrant.Scope", new, old),
            modified("DelegatedPermissionGrant.ConsentType", consent),
            modified("ServicePrincipal.ObjectID", f'"{AGENT}"'),
            modified("ServicePrincipal.AppId", None),
            id=GRAPH,
        ),
    )


def test_a_delegated_grant_names_what_it_adds_and_for_whom(change_of: Any) -> None:
    change = change_of(granted('" User.Read Mail.Read"', '" User.Read"'))
    assert (change.scopes, change.for_everybody) == (("Mail.Read",), True)
    assert (change.grantee_object_id, change.grantee_app_id) == (AGENT, None)
    assert change_of(granted('"Mail.Read"', None, '"Principal"')).for_everybody is False
    assert change_of(granted('"Mail.Read"', None, None)).for_everybody is None


ENTRY = (
    "[Id: 1, ClientId: 2, PrincipalId: , ResourceId: 3, ConsentType: {}, Scope: {}, CreatedDateTime: , ExpiryTime: ]"
)


@pytest.mark.parametrize(
    ("permissions", "on_behalf_of_all", "scopes", "everybody"),
    [
        (f"[] => [{ENTRY.format('AllPrincipals', 'Mail.Read User.Read')}]", "True", ("Mail.Read", "User.Read"), True),
        (f"[] => [{ENTRY.format('AllPrincipals', 'Mail.Read')}]", "False", ("Mail.Read",), False),
        (f"[] => [{ENTRY.format('AllPrincipals', 'Mail.Read')}]", None, ("Mail.Read",), True),
        (f"[] => [{ENTRY.format('Principal', 'Mail.Read')}]", None, ("Mail.Read",), False),
        (
            f"[{ENTRY.format('Principal', 'User.Read')}] => [{ENTRY.format('Principal', 'User.Read Mail.Send')}]",
            "False",
            ("Mail.Send",),
            False,
        ),
        (f"[{ENTRY.format('P', 'User.Read')}] => [{ENTRY.format('P', 'User.Read')}]", "True", (), True),
        ("nothing", None, (), None),
        (None, None, (), None),
    ],
)
def test_a_consent_repeats_what_was_granted_before(
    change_of: Any, permissions: Any, on_behalf_of_all: Any, scopes: Any, everybody: Any
) -> None:
    change = change_of(
        audit(
            "Consent to application",
            target(
                modified("ConsentContext.IsAdminConsent", '"True"'),
                modified("ConsentContext.OnBehalfOfAll", on_behalf_of_all and f'"{on_behalf_of_all}"'),
                modified("ConsentAction.Permissions", permissions and text(permissions)),
            ),
        )
    )
    assert (change.scopes, change.for_everybody) == (scopes, everybody)


def test_padding_does_not_hide_a_scope(change_of: Any) -> None:
    """Scopes of a grant are not checked by Microsoft Graph, which stores 3,850 characters of them."""
    padding = " ".join(f"s{number}" for number in range(700))
    assert "Mail.Read" in change_of(granted(text(f"{padding} Mail.Read"))).scopes


def test_no_more_scopes_are_kept_than_a_grant_can_hold_twice(change_of: Any) -> None:
    scopes = change_of(granted(text(" ".join(f"s{number:05}" for number in range(2_000))))).scopes
    assert len(scopes) == 8_192 // 6


# ------------------------------------------------------------------------------------------ roles and owners


def test_a_role_of_privileged_identity_management_is_named_by_a_target_and_a_detail(change_of: Any) -> None:
    record = audit(
        "Add eligible member to role in PIM completed (permanent)",
        {"id": KEY, "displayName": "Agent ID Administrator", "type": "Role", "modifiedProperties": []},
        {"id": HUMAN, "userPrincipalName": "kim@contoso.example", "type": "User", "modifiedProperties": []},
        additionalDetails=[{"key": "TemplateId", "value": ROLE_TEMPLATE.upper()}],
    )
    change = change_of(record)
    assert (change.directory_role, change.directory_role_template_id) == ("Agent ID Administrator", ROLE_TEMPLATE)
    without_role = audit("x", target(), additionalDetails=[{"key": "TemplateId", "value": ROLE_TEMPLATE}])
    assert change_of(without_role).directory_role_template_id is None


def test_an_owner_of_an_application_names_it_in_modified_properties(change_of: Any) -> None:
    owner = {
        "id": HUMAN,
        "userPrincipalName": "kim_fabrikam.example#EXT#@contoso.example",
        "type": "User",
        "modifiedProperties": [
            modified("Application.ObjectID", f'"{BLUEPRINT.upper()}"'),
            modified("Application.DisplayName", '"crew"'),
            modified("Application.AppId", None),
        ],
    }
    change = change_of(audit("Add owner to application", owner))
    assert (change.grantee_object_id, change.grantee_name, change.grantee_app_id) == (BLUEPRINT, "crew", None)
    assert change.targets[0].guest
    assert not change_of(audit("x", target())).targets[0].guest


# -------------------------------------------------------------------------------------------------- hostile


@given(st.text(), st.text())
def test_no_text_is_too_odd(old: str, new: str) -> None:
    def sides(_name: str) -> tuple[str | None, str | None]:
        return old, new

    application.enabled(sides)
    application.federated(sides)
    application.fields(sides)
    application.scopes(sides)
    application.for_everybody(sides)


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Address", "Issuer", "ResourceAppId", "RequiredAppPermissions", "x"]), inner)
    ),
    max_leaves=8,
)


@pytest.mark.untraced
@given(NESTED, NESTED)
def test_no_json_is_too_odd_and_what_is_kept_is_bounded(old: Any, new: Any) -> None:
    def sides(_name: str) -> tuple[str | None, str | None]:
        return text(old), text(new)

    for change in application.fields(sides):
        assert all(0 < len(each) <= 256 for each in (*change.added, *change.removed))
    application.federated(sides)


@pytest.mark.parametrize("name", ["AppAddress", "FederatedIdentityCredentials", "RequiredResourceAccess"])
def test_long_lists_are_cut(change_of: Any, name: str) -> None:
    entries = [
        {
            "Address": f"https://h{n}",
            "Issuer": f"https://h{n}",
            "ResourceAppId": f"r{n}",
            "ResourceAccess": [{"Id": "p"}],
        }
        for n in range(1000)
    ]
    change = change_of(updated(modified(name, text(entries), "[]")))
    kept = change.federated_added or change.fields[0].added
    assert len(kept) == 64
