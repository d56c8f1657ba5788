"""Sign-ins: who asked for a token to what, with which credential, from where, and how it ended."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.decode import texts
from detector.decode.addresses import network
from detector.decode.decoder import Decoder
from tests.decode.builders import (
    AGENT,
    AGENT_USER,
    BLUEPRINT,
    GRAPH,
    HUMAN,
    KEY,
    TENANT,
    dumps,
    only_sign_in,
    plain,
    sign_in,
)


def test_an_agent_identity_gets_an_app_only_token(sign_in_of: Any) -> None:
    event = sign_in_of(sign_in())
    assert event.record_id == "11110000-0000-4000-8000-000000000001"
    assert event.time == 1772438401.25
    assert event.user_id is None
    assert event.user_agent is None
    access = event.access
    assert (access.tenant_id, access.kind, access.role, access.subject_role) == (
        TENANT,
        "service_principal",
        "agent",
        "agent",
    )
    assert (access.agent_id, access.agent_name, access.service_principal_id) == (AGENT, "invoice-agent", AGENT)
    assert (access.blueprint_id, access.parent_id) == (BLUEPRINT, None)
    assert (access.resource_id, access.resource_name) == (GRAPH, "Microsoft Graph")
    assert (access.credential_type, access.credential_key_id) == ("clientAssertion", KEY)
    assert (access.error_code, access.ca_status, access.client_app) == (0, "success", None)
    origin = event.origin
    assert (origin.ip, origin.prefix, origin.asn, origin.country) == ("203.0.113.10", "203.0.113.0/24", 64496, "SE")
    assert repr(access) == f"Access(service_principal {AGENT} -> {GRAPH}, 0)"


def test_a_blueprint_fails_with_a_wrong_secret(access_of: Any) -> None:
    record = sign_in(
        appId=BLUEPRINT,
        status={"errorCode": 7000215, "failureReason": "Invalid"},
        clientCredentialType="clientSecret",
        agent={"agentType": "agenticApp", "agentSubjectType": "agenticApp"},
        servicePrincipalCredentialKeyId="",
    )
    access = access_of(record)
    assert (access.role, access.agent_id, access.blueprint_id) == ("blueprint", BLUEPRINT, None)
    assert (access.error_code, access.credential_type, access.credential_key_id) == (7000215, "clientSecret", None)


def test_an_agent_acts_for_a_human(sign_in_of: Any) -> None:
    event = sign_in_of(
        sign_in(
            "NonInteractiveUserSignInLogs",
            userId=HUMAN.upper(),
            userAgent="agent/1\x07",
            clientAppUsed="Browser",
            agent={"agentType": "agenticAppInstance", "agentSubjectType": "notAgentic", "parentAppId": BLUEPRINT},
            appDisplayName="named by the app",
            servicePrincipalId=...,
        )
    )
    assert (event.user_id, event.user_agent) == (HUMAN, "agent/1")
    access = event.access
    assert (access.kind, access.role, access.subject_role) == ("non_interactive_user", "agent", "none")
    assert (access.client_app, access.agent_name, access.service_principal_id) == ("Browser", "named by the app", None)


def test_an_agent_acts_through_its_agent_user(access_of: Any) -> None:
    agent = {
        "agentType": "agenticAppInstance",
        "agentSubjectType": "agentIDuser",
        "agentSubjectParentId": AGENT.upper(),
        "parentAppId": BLUEPRINT.upper(),
    }
    access = access_of(sign_in("NonInteractiveUserSignInLogs", userId=AGENT_USER, agent=agent))
    assert (access.subject_role, access.parent_id, access.blueprint_id) == ("agent_user", AGENT, BLUEPRINT)


def test_a_managed_identity_has_no_address(sign_in_of: Any) -> None:
    event = sign_in_of(
        sign_in(
            "ManagedIdentitySignInLogs",
            ipAddress="",
            agent=None,
            location={"countryOrRegion": ""},
            autonomousSystemNumber=...,
            top={"callerIpAddress": None},
        )
    )
    assert (event.access.kind, event.access.role) == ("managed_identity", "none")
    assert repr(event.origin) == "Origin(None, ASNone, None)"


@pytest.mark.parametrize(
    ("category", "kind"),
    [("SignInLogs", "interactive_user"), ("MicrosoftServicePrincipalSignInLogs", "microsoft")],
)
def test_the_category_of_the_envelope_tells_the_kind(access_of: Any, category: Any, kind: Any) -> None:
    assert access_of(sign_in(category)).kind == kind


@pytest.mark.parametrize(
    ("spelling", "role", "is_known"),
    [
        (None, "none", True),
        ("", "none", True),
        ("NotAgentic", "none", True),
        ("agenticApp", "blueprint", True),
        ("agentIdentityBlueprint", "blueprint", True),
        ("agentIdentityBlueprintPrincipal", "blueprint", True),
        ("AgenticAppInstance", "agent", True),
        ("AgentIdentity", "agent", True),
        ("agent_identity", "agent", True),
        ("agentIDuser", "agent_user", True),
        ("agentIdUser", "agent_user", True),
        ("agentUser", "agent_user", True),
        ("unknownFutureValue", "none", False),
        ("agenticAppBuilder", "agent", False),
        ("serviceInstance", "agent", False),
        ("someBlueprintKind", "blueprint", False),
        ("guestAgentUser", "agent_user", False),
        ("notAgenticAtAll", "none", False),
        ("whatever", "none", False),
    ],
)
def test_an_agent_type_never_seen_is_folded_and_reported(decode: Any, spelling: Any, role: Any, is_known: Any) -> None:
    """Unknown members are kept by what they say; each record that has one counts."""
    record = sign_in(agent={"agentType": spelling, "parentAppId": BLUEPRINT})
    result = decode(record, record)
    assert only_sign_in(result.events[:1]).access.role == role
    assert result.unknown == ({} if is_known else {f"agentType:{spelling}": 2})


def test_an_agent_type_never_seen_is_reported_off_the_fast_path_too(decode: Any) -> None:
    odd = sign_in(appId=None, agent={"agentType": "agenticOracle", "agentSubjectType": "agenticMuse"})
    result = decode(odd, sign_in(), odd)
    assert len(result.events) == 3
    assert result.unknown == {"agentType:agenticOracle": 2, "agentType:agenticMuse": 2}


@pytest.mark.parametrize("agent", [None, {}, "", {"agentServicePrincipalId": AGENT}, ...])
def test_a_record_without_an_agent_concerns_none(access_of: Any, agent: Any) -> None:
    access = access_of(sign_in(agent=agent))
    assert (access.role, access.subject_role, access.blueprint_id) == ("none", "none", None)


def test_an_unknown_credential_type_is_kept_as_spelled(access_of: Any) -> None:
    assert access_of(sign_in(clientCredentialType="passkey")).credential_type == "passkey"
    assert access_of(sign_in(clientCredentialType="none")).credential_type is None
    assert access_of(sign_in(conditionalAccessStatus="reportOnly")).ca_status == "reportOnly"


def test_the_federated_credential_stands_in_for_a_key(access_of: Any) -> None:
    record = sign_in(servicePrincipalCredentialKeyId="", federatedCredentialId=KEY.upper())
    assert access_of(record).credential_key_id == KEY


@pytest.mark.parametrize(
    ("status", "result", "code"),
    [
        ({"errorCode": "7000222"}, "0", 7000222),
        ({}, "7000222", 7000222),
        (None, 53003, 53003),
        (..., " 53003 ", 53003),
        ("", "0", 0),
        ({"ErrorCode": 5}, "0", 5),
        ({"errorCode": None}, "7", 7),
    ],
)
def test_the_error_code_is_found_wherever_it_is_said(access_of: Any, status: Any, result: Any, code: Any) -> None:
    assert access_of(sign_in(status=status, top={"resultType": result})).error_code == code


def test_a_sign_in_that_does_not_say_how_it_ended_is_refused(refused: Any) -> None:
    reason, detail = refused(sign_in(status=..., top={"resultType": None}))
    assert (reason, "status.errorCode" in detail) == ("unsupported_shape", True)
    assert refused(sign_in(status=[])) == ("wrong_type", "properties.status should be object, not array")
    assert refused(sign_in(status={"errorCode": 10**17}))[0] == "number_out_of_range"


@pytest.mark.parametrize(
    ("spelling", "ip", "prefix"),
    [
        ("203.0.113.10:50123", "203.0.113.10", "203.0.113.0/24"),
        ("2001:DB8:12:34::9", "2001:db8:12:34::9", "2001:db8:12::/48"),
        ("[2001:db8:12:34::9]:443", "2001:db8:12:34::9", "2001:db8:12::/48"),
        ("[2001:db8::1]", "2001:db8::1", "2001:db8::/48"),
        ("2001:db8::1%eth0", "2001:db8::1", "2001:db8::/48"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.0/24"),
        ("::2001:db8:1:2:3:4:5:6:7", None, None),
        ("<null>", None, None),
        ("", None, None),
        ("unknown", None, None),
        ("1.2.3", None, None),
    ],
)
def test_an_address_is_read_in_every_spelling(sign_in_of: Any, spelling: Any, ip: Any, prefix: Any) -> None:
    origin = sign_in_of(sign_in(ipAddress=spelling)).origin
    assert (origin.ip, origin.prefix) == (ip, prefix)


def test_the_address_of_the_envelope_stands_in(sign_in_of: Any) -> None:
    assert sign_in_of(sign_in(ipAddress=...)).origin.ip == "198.51.100.7"
    assert sign_in_of(sign_in(ipAddress=None, top={"callerIpAddress": None})).origin.ip is None


@pytest.mark.parametrize(
    ("spelling", "asn"),
    [
        ("64496", 64496),
        ("AS64496", 64496),
        (0, None),
        ("", None),
        ("x", None),
        (2**32, None),
        (-1, None),
        ("9" * 30, None),
    ],
)
def test_a_network_number_is_read_as_number_or_text(sign_in_of: Any, spelling: Any, asn: Any) -> None:
    assert sign_in_of(sign_in(autonomousSystemNumber=spelling)).origin.asn == asn


@pytest.mark.parametrize("place", [None, ..., {}, "", {"countryOrRegion": None}])
def test_a_place_may_be_missing(sign_in_of: Any, place: Any) -> None:
    assert sign_in_of(sign_in(location=place)).origin.country is None


def test_the_country_of_the_envelope_stands_in(sign_in_of: Any) -> None:
    assert sign_in_of(sign_in(location=..., appId=None, top={"location": "se"})).origin.country == "SE"


@pytest.mark.parametrize(
    "top",
    [
        {"tenantId": None},
        {"tenantId": ""},
        {"tenantId": None, "resourceId": f"/TENANTS/{TENANT.upper()}/PROVIDERS/MICROSOFT.AADIAM"},
        {"tenantId": TENANT.upper(), "resourceId": None},
    ],
)
def test_the_tenant_is_found_in_the_resource_id(access_of: Any, top: Any) -> None:
    assert access_of(sign_in(top=top)).tenant_id == TENANT


def test_a_caller_without_app_id_is_its_service_principal(access_of: Any, refused: Any) -> None:
    assert access_of(sign_in(appId=None)).agent_id == AGENT
    assert access_of(sign_in(appId="", servicePrincipalName=None)).agent_name == "invoice-agent"
    reason, detail = refused(sign_in(appId="", servicePrincipalId=""))
    assert (reason, "appId" in detail) == ("missing_id", True)


def test_equal_sign_ins_share_their_flyweights(decoder: Any) -> None:
    """The engine compares them by identity; another spelling of the same facts has its own, with equal facts."""
    first = only_sign_in(decoder.body(dumps(sign_in())).events)
    second = only_sign_in(decoder.body(dumps(sign_in(id="x"))).events)
    assert first.access is second.access
    assert first.origin is second.origin
    spelled = [sign_in(id=name, appId=AGENT.upper(), ipAddress="203.0.113.10:1") for name in ("y", "z")]
    third, fourth = (only_sign_in(decoder.body(dumps(each)).events) for each in spelled)
    assert third.access is fourth.access
    assert third.origin is fourth.origin
    assert plain(third) | {"record_id": ""} == plain(first) | {"record_id": ""}


def test_what_differs_in_any_fact_is_not_shared(decode: Any) -> None:
    changes: list[dict[str, Any]] = [
        {"appId": BLUEPRINT},
        {"servicePrincipalName": "renamed"},
        {"status": {"errorCode": 1}},
        {"resourceId": KEY},
        {"agent": None},
        {"resourceDisplayName": "other"},
        {"clientCredentialType": "certificate"},
        {"servicePrincipalCredentialKeyId": ""},
        {"conditionalAccessStatus": "failure"},
        {"servicePrincipalId": KEY},
        {"federatedCredentialId": KEY},
        {"agent": {"agentType": "agenticAppInstance"}},
        {"agent": {"agentType": "agenticAppInstance", "agentSubjectType": "agenticApp"}},
        {"agent": {"agentType": "agenticAppInstance", "agentSubjectParentId": KEY}},
    ]
    records = [sign_in(), *(sign_in(**change) for change in changes)]
    categories = [sign_in(each) for each in ("ManagedIdentitySignInLogs", "SignInLogs")]
    events = decode(*records, *categories, sign_in(top={"tenantId": KEY})).events
    assert len({id(event.access) for event in events}) == len(events) == 18


def test_tables_are_bounded() -> None:
    """Invented identities cost time, not memory; an event keeps its facts when the tables are emptied."""
    decoder = Decoder(max_interned=10)
    events: list[Any] = [
        event
        for number in range(300)
        for event in decoder.body(
            dumps(
                sign_in(appId=f"app-{number}", ipAddress=f"192.0.2.{number % 256}", agent={"agentType": f"odd{number}"})
            )
        ).events
    ]
    flyweights = decoder._flyweights
    assert len(flyweights.by_kind["service_principal"]) <= 10
    assert len(flyweights.origins) <= 10
    assert len(flyweights.odd) <= 10
    assert [event.access.agent_id for event in events] == [f"app-{number}" for number in range(300)]


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**32 - 1))
def test_prefixes_are_written_as_the_library_writes_them(six: int, four: int) -> None:
    for groups in (six, six >> 96 << 96, six >> 112 << 112, six & ~(0xFFFF << 80), six & 2**80 - 1):
        parsed = IPv6Address(groups)
        if parsed.ipv4_mapped is None:
            assert network(str(parsed)) == (str(parsed), f"{IPv6Address(groups >> 80 << 80)}/48")
    address = IPv4Address(four)
    assert network(str(address)) == (str(address), f"{IPv4Address(four >> 8 << 8)}/24")


def test_caches_of_texts_are_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(texts, "_MAX_CACHED", 3)
    for number in range(10):
        assert texts.ident(f"Id-{number}") == f"id-{number}"
        assert texts.text(f" name {number} ") == f"name {number}"
    assert len(texts._idents) <= 3
    assert len(texts._texts) <= 3
