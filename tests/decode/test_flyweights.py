"""The tables of recurring parts: found by the hash of all that a record says."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest

from detector.decode.decoder import Decoder
from detector.domain.events import SignIn, SignInKind
from tests.decode.builders import AGENT, HUMAN, KEY, Json, dumps, only_sign_in, plain, sign_in

KINDS: dict[str, SignInKind] = {
    "ServicePrincipalSignInLogs": "service_principal",
    "ManagedIdentitySignInLogs": "managed_identity",
    "MicrosoftServicePrincipalSignInLogs": "microsoft",
    "NonInteractiveUserSignInLogs": "non_interactive_user",
    "SignInLogs": "interactive_user",
}
every_kind = pytest.mark.parametrize(("category", "kind"), KINDS.items())


def one(decoder: Decoder, record: Json) -> SignIn:
    return only_sign_in(decoder.body(dumps(record)).events)


def facts(decoder: Decoder, record: Json) -> dict[str, Any]:
    return plain(one(decoder, record))


@every_kind
def test_an_access_and_an_origin_are_kept_under_the_hash_of_what_the_record_says(category: Any, kind: Any) -> None:
    """Whoever has the hash has the access: nothing else is compared, so the key must hold all that is read."""
    decoder = Decoder(scan=False)
    right = one(decoder, sign_in(category))
    assert list(decoder._flyweights.by_kind[kind].values()) == [right.access]
    assert list(decoder._flyweights.origins.values()) == [right.origin]
    again = one(decoder, sign_in(category, id="another"))
    assert (again.access, again.origin) == (right.access, right.origin)


@every_kind
def test_numbers_of_one_hash_are_told_apart(category: Any, kind: Any) -> None:
    """-1 and -2 are the only numbers taken that share a hash: an access with such a code is not kept."""
    assert hash(-1) == hash(-2)
    decoder = Decoder(scan=False)
    codes = [-1, -2, -1, 1, 2, 0, -2]
    records = [sign_in(category, status={"errorCode": code}) for code in codes]
    events: list[Any] = decoder.body(dumps(*records)).events
    assert [event.access.error_code for event in events] == codes
    assert {event.access.kind for event in events} == {kind}
    assert {access.error_code for access in decoder._flyweights.by_kind[kind].values()} == {0, 1, 2}


def test_a_network_number_that_shares_its_hash_with_another_is_refused(refused: Any, decode: Any) -> None:
    assert hash(2**61 - 1 + 64496) == 64496
    record = sign_in(autonomousSystemNumber=2**61 - 1 + 64496)
    assert refused(record) == (
        "number_out_of_range",
        "properties.autonomousSystemNumber is beyond the range of numbers accepted",
    )
    (event,) = decode(record, sign_in()).events
    assert event.origin.asn == 64496
    assert [each.origin.asn for each in decode(*(sign_in(autonomousSystemNumber=n) for n in (-1, -2))).events] == [
        None
    ] * 2


@every_kind
def test_an_app_id_in_upper_case_is_the_same_caller(category: Any, kind: Any) -> None:
    """Each spelling has its own access, with equal facts."""
    decoder = Decoder(scan=False)
    upper, lower = (sign_in(category, appId=app, userId=HUMAN) for app in (AGENT.upper(), AGENT))
    events: list[Any] = decoder.body(dumps(upper, lower, upper, lower)).events
    assert [event.access.agent_id for event in events] == [AGENT] * 4
    assert all(plain(event) == plain(events[0]) for event in events)
    assert events[0].access is events[2].access
    assert events[1].access is events[3].access
    assert len(decoder._flyweights.by_kind[kind]) == 2
    mixed = sign_in(category, appId=AGENT.upper(), servicePrincipalId=KEY.upper(), resourceId=KEY.upper(), agent=None)
    access = one(decoder, mixed).access
    assert (access.agent_id, access.service_principal_id, access.resource_id) == (AGENT, KEY, KEY)


@pytest.mark.parametrize(
    "changes",
    [
        {"appId": ""},
        {"appId": f" {AGENT}"},
        {"ipAddress": ""},
        {"ipAddress": "203.0.113.10:443"},
        {"ipAddress": "2001:DB8::1"},
        {"ipAddress": "::ffff:192.0.2.1"},
        {"ipAddress": "nonsense"},
    ],
)
def test_odd_spellings_of_ids_and_addresses_are_shared_like_any(decoder: Any, changes: Any) -> None:
    first, second = decoder.body(dumps(sign_in(**changes), sign_in(id="x", **changes))).events
    assert first.access is second.access
    assert first.origin is second.origin


def test_kinds_share_nothing(decoder: Any) -> None:
    """Records that differ in their category only have one key, and five tables."""
    events = decoder.body(dumps(*(sign_in(category, clientAppUsed=None) for category in KINDS))).events
    assert [event.access.kind for event in events] == list(KINDS.values())
    assert len({id(event.access) for event in events}) == len(KINDS)


def test_unknown_members_are_counted_for_each_record_that_has_them(decoder: Any) -> None:
    record = sign_in(appId=AGENT.upper(), agent={"agentType": "agenticOracle"})
    assert decoder.body(dumps(record, sign_in(), record)).unknown == {"agentType:agenticOracle": 2}


def test_long_texts_are_not_remembered_whole() -> None:
    """The caches of texts are bounded in bytes, not only in number."""
    decoder = Decoder(scan=False)
    decoder.body(dumps(sign_in(userAgent="x", userId="y")))
    tracemalloc.start()
    try:
        for number in range(40):
            long = f"{number}" + "x" * 100_000
            result = decoder.body(dumps(sign_in(userAgent=long, userId=long)))
            assert len(result.events) == 1
        # What was read last is not remembered, and neither is what waits for the collector of cycles.
        del result, long
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 40 * 8_000
