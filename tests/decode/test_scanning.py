"""The compiled way gives what the usual way gives: examples. Whatever it is shown: `tests/laws/test_both_ways.py`."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any
from uuid import UUID

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.decode import compiled, pieces
from detector.decode.decoded import Decoded
from detector.decode.decoder import Decoder
from detector.domain.events import SignIn
from tests.decode.builders import every_kind, sign_in

if not compiled.COMPILED:
    if os.environ.get("CI"):
        pytest.fail("CI has no compiled scanner: install a C compiler, and the package anew.", pytrace=False)
    pytest.skip("the scanner was not compiled", allow_module_level=True)

SERVICES = ("ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs", "MicrosoftServicePrincipalSignInLogs")


def plain(decoded: Decoded) -> dict[str, Any]:
    """All that a body gave, to be compared by value."""
    return {
        "events": [_plain(event) for event in decoded.events],
        "quarantined": [msgspec.to_builtins(each) for each in decoded.quarantined],
        "filtered": dict(decoded.filtered),
        "unknown": dict(decoded.unknown),
        "flows": {key: set(buckets) for key, buckets in decoded.flows.items()},
    }


def _plain(event: Any) -> Any:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    for name, value in fields.items():
        if isinstance(value, msgspec.Struct):
            fields[name] = {each: getattr(value, each) for each in value.__struct_fields__ if each != "route"}
    return type(event).__name__, fields


def body_of(*records: Any) -> bytes:
    return b'{"records":[' + b",".join(orjson.dumps(record) for record in records) + b"]}"


def check(data: bytes, *, lines: bool = False) -> Decoded:
    """Both ways, twice each: what is met for the first time, and what is known."""
    usual, quick = Decoder(scan=False), Decoder()
    for _ in range(2):
        expected = usual.lines(data) if lines else usual.body(data)
        got = quick.lines(data) if lines else quick.body(data)
        assert plain(got) == plain(expected)
    return got


def scanned(data: bytes) -> bool:
    """Whether the scanner read the body, whatever it found odd in it."""
    scanner = compiled.scanner()
    assert scanner is not None
    return scanner.scan(data, {}, {}) is not None


# ---------------------------------------------------------------------------------------------------- examples


@pytest.mark.parametrize("category", SERVICES)
def test_a_regular_body_is_scanned(category: str) -> None:
    data = body_of(*(sign_in(category, id=f"id-{number}") for number in range(5)))
    assert scanned(data)
    assert len(check(data).events) == 5


def test_lines_are_scanned_too() -> None:
    records = [orjson.dumps(sign_in(id=f"id-{number}")) for number in range(5)]
    for end in (b"\n", b"\r\n"):
        for data in (end.join(records), end.join(records) + end):
            assert scanned(data)
            assert len(check(data, lines=True).events) == 5
    assert not scanned(b"\n\n".join(records))
    assert not scanned(b"\n".join(records) + b"\r")


def test_other_categories_are_left_to_the_usual_way() -> None:
    for record in every_kind():
        assert scanned(body_of(record)) is (record["category"] in SERVICES)
        check(body_of(record, record))


def test_a_flyweight_is_one_object_for_all_records_of_one_spelling() -> None:
    decoder = Decoder()
    first, second = decoder.body(body_of(sign_in(id="a"), sign_in(id="b"))).events
    (third,) = decoder.body(body_of(sign_in(id="c"))).events
    assert isinstance(first, SignIn)
    assert isinstance(second, SignIn)
    assert isinstance(third, SignIn)
    assert third.access is first.access
    assert third.origin is first.origin


def test_an_odd_record_stays_in_its_place() -> None:
    records = [sign_in(id=f"id-{number}", status={"errorCode": 7000215 if number % 3 else 0}) for number in range(9)]
    done = check(body_of(*records))
    assert [event.record_id for event in done.events] == [f"id-{number}" for number in range(9)]


def test_a_record_that_is_none_of_ours_gets_its_reason() -> None:
    data = body_of(sign_in(id="a"), sign_in(id="b", appId=3), sign_in(id="c"))
    done = check(data)
    assert [event.record_id for event in done.events] == ["a", "c"]
    assert [each.reason for each in done.quarantined] == ["wrong_type"]


def test_a_number_in_an_unusual_spelling_is_read_the_usual_way() -> None:
    for credential in ("clientSecret", "somethingNew"):
        check(body_of(sign_in(autonomousSystemNumber=-5, clientCredentialType=credential)))


def test_a_known_access_may_come_from_a_new_place() -> None:
    decoder = Decoder()
    for address in ("192.0.2.1", "192.0.2.2"):
        (event,) = decoder.body(body_of(sign_in(ipAddress=address))).events
        assert isinstance(event, SignIn)
        assert event.origin.ip == address


def test_a_known_place_may_be_that_of_a_new_access() -> None:
    decoder = Decoder()
    for app in ("app-1", "app-2"):
        (event,) = decoder.body(body_of(sign_in(appId=app))).events
        assert isinstance(event, SignIn)
        assert event.access.agent_id == app


def test_the_client_and_the_user_are_read() -> None:
    (event,) = check(body_of(sign_in(userAgent=" curl/8 ", userId="USER-1"))).events
    assert isinstance(event, SignIn)
    assert (event.user_agent, event.user_id) == ("curl/8", "user-1")


def test_a_known_refusal_by_a_policy_is_read_again_for_its_policies() -> None:
    refused = {"status": {"errorCode": 53003}, "conditionalAccessStatus": "failure"}
    policies = [{"id": "p-1", "displayName": "Block", "result": "failure"}]
    record = sign_in(id="b", appliedConditionalAccessPolicies=policies, **refused)
    for _ in range(2):
        done = check(body_of(sign_in(id="a"), record, sign_in(id="c")))
    assert [len(event.policies) for event in done.events if isinstance(event, SignIn)] == [0, 1, 0]


def test_a_known_refusal_by_a_policy_may_come_from_a_new_place() -> None:
    refused = {"status": {"errorCode": 53003}, "conditionalAccessStatus": "failure"}
    usual, quick = Decoder(scan=False), Decoder()
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.2"):
        data = body_of(sign_in(id="a"), sign_in(id="b", ipAddress=address, **refused))
        assert plain(quick.body(data)) == plain(usual.body(data))


def test_tables_are_emptied_when_they_are_full() -> None:
    decoder = Decoder(max_interned=3)
    for number in range(20):
        (event,) = decoder.body(body_of(sign_in(appId=f"app-{number}", ipAddress=f"192.0.2.{number}"))).events
        assert isinstance(event, SignIn)
        assert event.access.agent_id == f"app-{number}"
        assert event.origin.ip == f"192.0.2.{number}"
    assert len(decoder._flyweights.scanned) <= 3
    assert len(decoder._flyweights.scanned_origins) <= 3


def test_spellings_never_seen_are_counted_once_for_each_record() -> None:
    odd = {"agentType": "agenticThing", "agentSubjectType": "notAgentic"}
    done = check(body_of(sign_in(id="a", agent=odd), sign_in(id="b", agent=odd), sign_in(id="c")))
    assert done.unknown == {"agentType:agenticThing": 2}


def test_what_happens_after_its_export_is_told_from_the_rest() -> None:
    late = sign_in(id="b", createdDateTime="2026-03-02T09:00:00Z")
    done = check(body_of(sign_in(id="a"), late, sign_in(id="c")))
    assert [each.reason for each in done.quarantined] == ["future_time"]


def test_a_long_value_that_changed_by_one_byte_is_read_anew() -> None:
    policies = [{"id": f"policy-{number}", "result": "notApplied"} for number in range(20)]
    check(body_of(*(sign_in(id=f"{number}", appliedConditionalAccessPolicies=policies) for number in range(3))))
    whole = orjson.dumps(sign_in(appliedConditionalAccessPolicies=policies))
    decoder = Decoder()
    assert len(decoder.body(whole).events) == 1
    broken = whole.replace(b'"policy-19"', b'"policy-1\xff"')
    assert plain(decoder.body(broken)) == plain(Decoder(scan=False).body(broken))


@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_scanner_asked_for_a_record_that_is_not_there_says_so(number: int) -> None:
    scanner = compiled.scanner()
    assert scanner is not None
    assert scanner.scan(b"{}", {}, {}) is None
    for ask in (scanner.access_key, scanner.origin_key, lambda place: scanner.record(b"{}", place)):
        with pytest.raises(IndexError):
            ask(number)


def test_a_key_has_sixteen_bytes() -> None:
    assert compiled.scanner() is not None
    with pytest.raises(ValueError, match="sixteen"):
        compiled.Scanner(b"short")


def test_two_keys_give_two_hashes_and_one_key_one() -> None:
    data = body_of(sign_in(id="a"), sign_in(id="b"), sign_in(appId="other"))
    one, same, other = (compiled.Scanner(key) for key in (b"k" * 16, b"k" * 16, b"q" * 16))
    for scanner in (one, same, other):
        assert scanner.scan(data, {}, {}) is not None
    assert one.access_key(0) == one.access_key(1) == same.access_key(0) != other.access_key(0)
    assert one.access_key(0) != one.access_key(2)
    assert one.origin_key(0) == one.origin_key(2)


def test_without_a_compiler_everything_goes_the_usual_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detector.decode.scanning", None)
    try:
        importlib.reload(compiled)
        assert not compiled.COMPILED
        assert compiled.scanner() is None
        assert compiled.line_ends is pieces.line_ends
        assert len(Decoder().body(body_of(sign_in(), sign_in())).events) == 2
    finally:
        monkeypatch.undo()
        importlib.reload(compiled)
    assert compiled.COMPILED


# ------------------------------------------------------------------------------------------------------- laws


@pytest.mark.parametrize("first", [0, 511, 512, 600])
def test_line_ends_are_counted_alike_whatever_the_length_of_the_first_line(first: int) -> None:
    piece = b"y" * first + b"\n" + b"z" * 600 + b"\r\nx"
    assert compiled.line_ends(piece) == pieces.line_ends(piece) == 2
    assert pieces.line_ends(b"y" * first) == 0


def test_a_record_whose_time_cannot_be_is_refused_and_the_others_are_read() -> None:
    """It is of an agent that was never met."""
    data = body_of(sign_in(id="a"), sign_in(id="b", appId=str(UUID(int=7)), createdDateTime="1999-01-01T00:00:00Z"))
    decoded = Decoder().body(data)
    assert [event.record_id for event in decoded.events] == ["a"]
    assert [each.reason for each in decoded.quarantined] == ["bad_time"]


@given(st.lists(st.sampled_from([b"", b"x", b"\n", b"\r\n", b"y" * 511, b"z" * 600, b"\0"]), max_size=30).map(b"".join))
def test_both_ways_count_the_same_line_ends(piece: bytes) -> None:
    assert compiled.line_ends(piece) == pieces.line_ends(piece) == piece.count(b"\n")


@pytest.mark.untraced
@given(st.integers(0, 400))
def test_a_body_cut_anywhere_is_read_the_same(length: int) -> None:
    data = body_of(sign_in(id="a"), sign_in(id="b"))
    check(data[: len(data) - length])
