"""The tables of recurring parts: found by hash, held against the caller and the address, exact behind that."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from detector.decode.decoder import Decoder
from detector.domain.events import Access, Origin, SignIn, SignInKind
from tests.decode.builders import AGENT, BLUEPRINT, HUMAN, KEY, Json, dumps, only_sign_in, plain, sign_in

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
def test_an_access_found_by_hash_is_held_against_the_caller(category: Any, kind: Any) -> None:
    decoder = Decoder()
    table = decoder._flyweights.by_kind[kind]
    record = sign_in(category)
    right = one(decoder, record)
    ((key, access),) = table.items()
    assert access is right.access
    wrong = one(Decoder(), sign_in(category, appId=BLUEPRINT)).access
    table[key] = wrong
    assert one(decoder, record).access is right.access
    assert table == {key: right.access}, "the table is mended"
    decoder._flyweights.clear()
    table[key] = wrong
    again = one(decoder, record)
    assert again.access is not right.access, "nothing but the planted entry was left"
    assert plain(again) == plain(right)


@every_kind
def test_an_origin_found_by_hash_is_held_against_the_address(category: Any, kind: Any) -> None:
    decoder = Decoder()
    table = decoder._flyweights.origins
    record = sign_in(category)
    right = one(decoder, record)
    assert right.access.kind == kind
    ((key, origin),) = table.items()
    assert origin is right.origin
    for planted in ("192.0.2.1", ""):
        table[key] = one(Decoder(), sign_in(ipAddress=planted)).origin
        assert one(decoder, record).origin is right.origin
        assert table == {key: right.origin}


def test_a_wrong_entry_deceives_no_neighbour(decoder: Any) -> None:
    """Two callers under one hash take turns; each gets its own access."""
    records = [sign_in(), sign_in(appId=BLUEPRINT, ipAddress="192.0.2.1")]
    first, second = (one(decoder, record) for record in records)
    accesses: dict[int, Access] = decoder._flyweights.by_kind["service_principal"]
    origins: dict[int, Origin] = decoder._flyweights.origins
    for table, values in ((accesses, (first.access, second.access)), (origins, (first.origin, second.origin))):
        keys = list(table)
        assert list(table.values()) == list(values)
        table[keys[0]], table[keys[1]] = table[keys[1]], table[keys[0]]  # type: ignore[assignment, index]
    events = decoder.body(dumps(*records * 3)).events
    assert [event.access for event in events] == [first.access, second.access] * 3
    assert [event.origin for event in events] == [first.origin, second.origin] * 3


@every_kind
def test_numbers_of_one_hash_are_told_apart(category: Any, kind: Any) -> None:
    """-1 and -2 are the only numbers taken that share a hash."""
    assert hash(-1) == hash(-2)
    decoder = Decoder()
    codes = [-1, -2, -1, 1, 2, 0, -2]
    records = [sign_in(category, status={"errorCode": code}) for code in codes]
    events: list[Any] = decoder.body(dumps(*records)).events
    assert [event.access.error_code for event in events] == codes
    assert {event.access.kind for event in events} == {kind}
    assert events[0].access is events[2].access


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
    """The table that is held against the record never knows it, the exact one does."""
    decoder = Decoder()
    upper, lower = (sign_in(category, appId=app, userId=HUMAN) for app in (AGENT.upper(), AGENT))
    events: list[Any] = decoder.body(dumps(upper, lower, upper, lower)).events
    assert [event.access.agent_id for event in events] == [AGENT] * 4
    assert all(plain(event) == plain(events[0]) for event in events)
    assert events[0].access is events[2].access
    assert events[1].access is events[3].access
    assert len(decoder._flyweights._accesses) == len(decoder._flyweights.by_kind[kind]) == 2
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
def test_what_the_first_table_cannot_confirm_is_shared_all_the_same(decoder: Any, changes: Any) -> None:
    first, second = decoder.body(dumps(sign_in(**changes), sign_in(id="x", **changes))).events
    assert first.access is second.access
    assert first.origin is second.origin


def test_kinds_share_nothing(decoder: Any) -> None:
    """Records that differ in their category only have one key, and five tables."""
    events = decoder.body(dumps(*(sign_in(category, clientAppUsed=None) for category in KINDS))).events
    assert [event.access.kind for event in events] == list(KINDS.values())
    assert len({id(event.access) for event in events}) == len(KINDS)


def test_odd_spellings_are_counted_when_the_first_table_is_passed_by(decoder: Any) -> None:
    record = sign_in(appId=AGENT.upper(), agent={"agentType": "agenticOracle"})
    assert decoder.body(dumps(record, sign_in(), record)).unknown == {"agentType:agenticOracle": 2}


def test_long_texts_are_not_remembered_whole() -> None:
    """The caches of texts are bounded in bytes, not only in number."""
    decoder = Decoder()
    decoder.body(dumps(sign_in(userAgent="x", userId="y")))
    tracemalloc.start()
    try:
        for number in range(40):
            long = f"{number}" + "x" * 100_000
            result = decoder.body(dumps(sign_in(userAgent=long, userId=long)))
            assert len(result.events) == 1
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 40 * 8_000
