"""Whatever arrives: nothing raises, nothing is lost, the next good record is always processed.

`FUZZ_EXAMPLES=200000 pytest tests/decode/test_hostile.py` looks harder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from detector.decode.decoded import Decoded
from detector.decode.decoder import _SINGLE, Decoder
from detector.domain.quarantine import MAX_BYTES
from tests.decode.builders import KEY, audit, dumps, every_kind, only_sign_in, plain, request, sign_in, target

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

GOOD = orjson.dumps(sign_in())
ODD = sign_in(appId=None)  # never on the fast path


def raw(record: Any) -> bytes:
    return orjson.dumps(record)


def with_text(text: bytes, record: Any = None) -> bytes:
    """A good record with raw bytes in the place of one value."""
    return raw(record or sign_in(appDisplayName="@@")).replace(b'"@@"', text)


def needed(text: bytes) -> bytes:
    return with_text(text, sign_in(servicePrincipalName="@@"))


NESTED = b"[" * 40 + b"]" * 40

REFUSED: list[tuple[str, bytes, str]] = [
    ("a number", b"5", "not_an_object"),
    ("a text", b'"x"', "not_an_object"),
    ("a bool", b"true", "not_an_object"),
    ("a list", b"[1]", "not_an_object"),
    ("a list of a record", b"[" + GOOD + b"]", "not_an_object"),
    ("a word", b"hello", "malformed_json"),
    ("two values", b"1 2", "malformed_json"),
    ("no colon", b'{"a" 1}', "malformed_json"),
    ("a key without quotes", b"{a: 1}", "malformed_json"),
    ("a trailing comma", b'{"a": 1,}', "malformed_json"),
    ("a comment", b'{"a": 1 /* x */}', "malformed_json"),
    ("a NaN", needed(b"NaN"), "malformed_json"),
    ("an Infinity", needed(b"Infinity"), "malformed_json"),
    ("a negative Infinity", needed(b"-Infinity"), "malformed_json"),
    ("a hexadecimal number", needed(b"0x10"), "malformed_json"),
    ("a leading zero", needed(b"007"), "malformed_json"),
    ("a lone point", needed(b"1."), "malformed_json"),
    ("a lone plus", needed(b"+1"), "malformed_json"),
    ("a number beyond doubles", needed(b"1e400"), "number_out_of_range"),
    ("an integer of 5,000 digits", needed(b"9" * 5000), "number_out_of_range"),
    ("a lone high surrogate", needed(b'"\\ud800"'), "malformed_json"),
    ("a lone low surrogate", needed(b'"\\udc00"'), "malformed_json"),
    ("two high surrogates", needed(b'"\\ud800\\ud800"'), "malformed_json"),
    ("an unknown escape", needed(b'"\\x41"'), "malformed_json"),
    ("half an escape", needed(b'"\\u00"'), "malformed_json"),
    ("latin-1", needed(b'"\xe9"'), "not_utf8"),
    ("overlong UTF-8", needed(b'"\xc0\xaf"'), "not_utf8"),
    ("half a character", needed(b'"\xe2\x82"'), "not_utf8"),
    ("an encoded surrogate", needed(b'"\xed\xa0\x80"'), "not_utf8"),
    ("a byte that is never UTF-8", needed(b'"\xff"'), "not_utf8"),
    ("a number for a name", needed(b"5"), "wrong_type"),
    ("a list for a name", needed(b"[]"), "wrong_type"),
    ("an object for a name", needed(b"{}"), "wrong_type"),
    ("a bool for a name", needed(b"true"), "wrong_type"),
    ("deep nesting", needed(NESTED), "too_deep"),
    ("deep nesting in objects", needed(b'{"a":' * 40 + b"1" + b"}" * 40), "too_deep"),
    ("very deep nesting", needed(b"[" * 3000 + b"]" * 3000), "too_deep"),
    ("a deep record", b'{"a":' * 5000 + b"1" + b"}" * 5000, "too_deep"),
    ("no id", raw(sign_in(id=...)), "missing_id"),
    ("a null id", raw(sign_in(id=None)), "missing_id"),
    ("an empty id", raw(sign_in(id="")), "wrong_type"),
    ("an id of 257 characters", raw(sign_in(id="x" * 257)), "wrong_type"),
    ("an id that is a number", raw(sign_in(id=5)), "wrong_type"),
    ("an id that is a list", raw(sign_in(id=["x"])), "wrong_type"),
    ("no caller", raw(sign_in(appId="", servicePrincipalId=None)), "missing_id"),
    ("no request id", raw(request(requestId=...)), "missing_id"),
    ("no time", raw(sign_in(createdDateTime=...)), "missing_time"),
    ("no time of activity", raw(audit("x", activityDateTime=...)), "missing_time"),
    ("no time of request", raw(request(timeGenerated=..., top={"time": None})), "missing_time"),
    ("a time without zone", raw(sign_in(createdDateTime="2026-03-02T08:00:01")), "bad_time"),
    ("a time that is none", raw(sign_in(createdDateTime="soon")), "bad_time"),
    ("a time that does not exist", raw(sign_in(createdDateTime="2026-02-30T08:00:01Z")), "bad_time"),
    ("a time in seconds", raw(sign_in(createdDateTime=1772438401)), "bad_time"),
    ("a time in a list", raw(sign_in(createdDateTime=["2026-03-02T08:00:01Z"])), "bad_time"),
    ("a time with NUL", raw(sign_in(createdDateTime="2026-03-02T08:00:01Z\0")), "bad_time"),
    ("no properties", raw({"category": "AuditLogs", "time": "x"}), "unsupported_shape"),
    ("null properties", raw(sign_in() | {"properties": None}), "unsupported_shape"),
    ("properties that are a list", raw(sign_in() | {"properties": []}), "unsupported_shape"),
    ("properties that are a word", raw(sign_in() | {"properties": "x"}), "unsupported_shape"),
    ("empty properties", raw(sign_in() | {"properties": {}}), "missing_id"),
    ("no category", raw({"time": "2026-03-02T08:00:01Z", "x": 1}), "unsupported_shape"),
    ("a category of no text", raw(sign_in() | {"category": 5}), "wrong_type"),
    ("a category that is a list", raw(sign_in() | {"category": ["AuditLogs"]}), "wrong_type"),
    ("a flat record without id", raw({"Category": "SignInLogs", "CreatedDateTime": "x"}), "unsupported_shape"),
    ("a tenant that is a number", raw(sign_in(top={"tenantId": 5})), "wrong_type"),
    ("a time of export that is a number", raw(sign_in(top={"time": 5})), "wrong_type"),
    ("a status that is a list", raw(sign_in(status=[0])), "wrong_type"),
    ("an error code of words", raw(sign_in(status={"errorCode": "many"})), "wrong_type"),
    ("an error code with a fraction", raw(sign_in(status={"errorCode": 0.5})), "wrong_type"),
    ("an error code out of range", raw(sign_in(status={"errorCode": 10**18})), "number_out_of_range"),
    ("an error code below the range", raw(sign_in(status={"errorCode": -(10**18)})), "number_out_of_range"),
    ("an agent that is a number", raw(sign_in(agent=5)), "wrong_type"),
    ("an agent type that is a number", raw(sign_in(agent={"agentType": 5})), "wrong_type"),
    ("a place that is a list", raw(sign_in(location=[])), "wrong_type"),
    ("an agent in broken JSON", raw(sign_in(agent='{"agentType"')), "wrong_type"),
    ("targets that are a text", raw(audit("x", targetResources="x")), "wrong_type"),
    ("a target that is a number", raw(audit("x", targetResources=[5])), "wrong_type"),
    ("an initiator that is a list", raw(audit("x", initiatedBy=[])), "wrong_type"),
    ("a result that is a list", raw(audit("x", result=[])), "wrong_type"),
    ("an activity of no text", raw(audit("x", activityDisplayName=5)), "wrong_type"),
    ("a status code out of range", raw(request(responseStatusCode=10**16)), "number_out_of_range"),
    ("a record that is too large", raw(sign_in(note="x" * 300_000)), "too_large"),
    ("an empty record of great size", b"{" + b" " * 300_000 + b"}", "too_large"),
]  # fmt: skip

TAKEN: list[tuple[str, bytes]] = [
    ("a name of 10,000 characters", raw(sign_in(servicePrincipalName="x" * 10_000))),
    ("a name with NUL and escapes", raw(sign_in(servicePrincipalName="a\0b\x1b[31m\u202e"))),
    ("a raw newline in a name", needed(b'"a\nb"')),
    ("a raw tab in a name", needed(b'"a\tb"')),
    ("a raw NUL in a name", needed(b'"a\0b"')),
    ("a name in single quotes", needed(b"'it\\'s \"mine\"'")),
    ("a record in single quotes", raw(ODD).replace(b'"', b"'")),
    ("a name with an apostrophe", needed(b'"it\'s"')),
    ("a key twice", GOOD.replace(b'"userId":""', b'"userId":5,"userId":""')),
    ("a surrogate pair", needed(b'"\\ud83d\\ude00"')),
    ("a member of no interest that is deep", raw(sign_in(extra=[[[[[[1]]]]]]))),
    ("ten thousand members of no interest", raw(sign_in(extra={f"k{number}": 1 for number in range(10_000)}))),
    ("a user agent without end", raw(sign_in(userAgent="x" * 10_000, appId=None))),
    ("targets that are empty", raw(sign_in(appId=None, agent=""))),
    ("an integer of 25 digits where none is read", with_text(b"9" * 25)),
]  # fmt: skip


def account(result: Decoded) -> int:
    return len(result.events) + len(result.quarantined) + result.filtered.total()


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for inner in value.values() for text in strings(inner))
    elif isinstance(value, tuple):
        yield from (text for inner in value for text in strings(inner))
    elif isinstance(value, msgspec.Struct):
        yield from strings(msgspec.structs.astuple(value))


def check(result: Decoded) -> None:
    """What holds for every result."""
    for piece in result.quarantined:
        assert len(piece.data) <= MAX_BYTES
        assert piece.size >= len(piece.data)
        assert len(piece.detail) < 200
    for event in result.events:
        assert all(len(kept) <= 256 for kept in strings(plain(event)))


@pytest.mark.parametrize(("data", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_hostile_record_is_quarantined_and_the_next_is_processed(data: Any, reason: Any) -> None:
    result = Decoder().body(b'{"records":[' + GOOD + b"," + data + b"," + GOOD + b"]}", "hub/3/17")
    assert [piece.reason for piece in result.quarantined] == [reason]
    assert len(result.events) == 2
    assert not result.filtered
    (piece,) = result.quarantined
    assert (piece.data, piece.size, piece.place) == (data[:MAX_BYTES], len(data), "hub/3/17")
    assert piece.sha256 == hashlib.sha256(data).hexdigest()
    check(result)


@pytest.mark.parametrize("data", [case[1] for case in TAKEN], ids=[case[0] for case in TAKEN])
def test_an_awkward_record_is_processed(data: Any) -> None:
    result = Decoder().body(b'{"records":[' + GOOD + b"," + data + b"," + GOOD + b"]}")
    assert not result.quarantined
    assert len(result.events) == 3
    check(result)
    access = only_sign_in(result.events[1:2]).access
    assert access.agent_name is None or access.agent_name.isprintable()


def test_the_corpus_is_large_enough() -> None:
    assert len(REFUSED) >= 80


A = GOOD
FORGED = b'{"records":[{"a":"},{\\"time\\":1}"},{"b" 1}]}'
BODIES: list[tuple[str, bytes, int, list[str]]] = [
    ("cut inside a record", b'{"records":[' + A + b"," + A[:300], 1, ["truncated"]),
    ("cut inside a string", b'{"records":[' + A + b',{"time":"2026', 1, ["truncated"]),
    ("cut between records", b'{"records":[' + A + b",", 1, []),
    ("cut before the end", b'{"records":[' + A, 1, []),
    ("cut in the head", b'{"records":', 0, ["truncated"]),
    ("cut single record", A[:200], 0, ["truncated"]),
    ("cut array", b"[" + A + b"," + A[:50], 1, ["truncated"]),
    ("one cut to a backslash", b'{"records":[' + A + b',{"a":"\\', 1, ["truncated"]),
    ("an open string before good records", b'{"records":[{"a":"open},' + A + b"," + A + b"]}", 2, ["truncated"]),
    ("an open bracket before good records", b'{"records":[{"a":[1,2},' + A + b"," + A + b"]}", 2, ["malformed_json"]),
    ("junk behind the message", b'{"records":[' + A + b"]} junk", 1, ["malformed_json"]),
    ("other members behind", b'{"records":[' + A.replace(b'":"', b'": "') + b',{"a" 1}],"x":1}', 1, ["malformed_json"]),
    ("an empty place", b'{"records":[' + A + b",," + A + b"]}", 2, ["malformed_json"]),
    ("single quotes all over", b"{'records':[" + A.replace(b'"', b"'") + b"]}", 1, []),
    ("the records are no list", b'{"records":5}', 0, ["unsupported_shape"]),
    ("the records are an object", b'{"records":' + A + b"}", 0, ["unsupported_shape"]),
    ("a stray bracket", b"]", 0, ["malformed_json"]),
    ("only an opening bracket", b"[", 0, []),
    ("only an opening brace", b"{", 0, ["truncated"]),
    ("UTF-16", ("\ufeff" + A.decode()).encode("utf-16-le"), 0, ["not_utf8"]),
    ("UTF-16, the other way", ("\ufeff" + A.decode()).encode("utf-16-be"), 0, ["not_utf8"]),
    ("UTF-32 without mark", A.decode().encode("utf-32-le"), 0, ["not_utf8"]),
    ("two marks", b"\xef\xbb\xbf" * 2 + A, 0, ["malformed_json"]),
    ("binary", bytes(range(256)), 0, ["not_utf8"]),
    ("gzip", b"\x1f\x8b\x08\x00\x00", 0, ["not_utf8"]),
    ("a forged record inside a string", FORGED, 0, ["unsupported_shape", "malformed_json"]),
    ("a bracket bomb", b"[" * 100_000, 0, ["too_deep"]),
    ("a brace bomb", b'{"a":' * 50_000, 0, ["too_deep"]),
    ("a bomb among the records", b'{"records":[' + A + b"," + b"[" * 50_000, 1, ["too_deep"]),
    ("a quote bomb", b'{"records":[' + b'"' * 100_001, 0, ["truncated"]),
    ("a backslash bomb", b'{"records":["' + b"\\" * 100_000, 0, ["truncated"]),
    ("an escape bomb", b'{"records":[' + b'\\"' * 50_000, 0, ["truncated"]),
    ("a single quote bomb", b'{"records":[' + b"'" * 100_001, 0, ["truncated"]),
    ("a seam bomb", b'{"records":["},' + b'{"time"' * 30_000, 0, ["truncated", "too_deep"]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "events", "reasons"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_a_broken_message_gives_what_can_be_saved(data: Any, events: Any, reasons: Any) -> None:
    result = Decoder().body(data)
    assert [piece.reason for piece in result.quarantined] == reasons
    assert len(result.events) == events
    check(result)


def test_broken_pieces_are_quarantined_byte_for_byte() -> None:
    broken = b'{"a": 1, \xff}', b'{"time":"2026-03-02", "x": }'
    result = Decoder().body(b'{"records":[ ' + broken[0] + b" , " + A + b",\n" + broken[1] + b"\n]}")
    assert [piece.data for piece in result.quarantined] == list(broken)


def test_a_message_over_the_limit_is_not_looked_into() -> None:
    result = Decoder(max_body_bytes=1000).body(dumps(sign_in(), sign_in()))
    assert [(piece.reason, piece.size) for piece in result.quarantined] == [
        ("too_large", len(dumps(sign_in(), sign_in())))
    ]
    assert Decoder(max_body_bytes=1000).lines(GOOD * 2).quarantined[0].reason == "too_large"
    assert Decoder(max_body_bytes=10).body(b"[null]").filtered == {"empty": 1}


def test_a_long_message_of_small_records_is_processed() -> None:
    """Only single records are limited; in lines too, where one line may be a message."""
    decoder = Decoder(max_record_bytes=3000)
    for data in (dumps(*[sign_in()] * 10), orjson.dumps([sign_in()] * 10)):
        assert len(decoder.body(data).events) == 10
        assert len(decoder.lines(data + b"\n" + GOOD).events) == 11
    assert len(decoder.lines(b"\n".join([GOOD] * 10)).events) == 10
    large = sign_in(note="x" * 3000)
    for result in (decoder.body(dumps(sign_in(), large)), decoder.lines(raw(large) + b"\n" + GOOD)):
        assert ([piece.reason for piece in result.quarantined], len(result.events)) == (["too_large"], 1)
    assert decoder.body(b'{"records":[' + GOOD + b"," + GOOD + b"," + GOOD[:900]).quarantined[0].reason == "truncated"


def test_details_say_where_and_never_what() -> None:
    secret = "s3cr3t-value"
    records = [
        sign_in(agent={"agentType": [secret]}),
        sign_in(id=[secret]),
        sign_in(createdDateTime=secret),
        audit("x", target(displayName={secret: secret})),
        sign_in() | {"category": [secret]},
        [secret],
        sign_in(status={"errorCode": secret}),
        request(responseStatusCode=secret),
        {"a": secret},
    ]
    result = Decoder().body(dumps(*records))
    assert len(result.quarantined) == len(records)
    assert all(secret not in piece.detail for piece in result.quarantined)
    assert result.quarantined[0].detail == "properties.agent.agentType should be str | null, not array"
    assert "properties.targetResources[0].displayName" in result.quarantined[3].detail


def test_letters_that_grow_in_another_case_stay_within_the_limit() -> None:
    record = sign_in(appId="\u0130" * 300, location={"countryOrRegion": "\u00df" * 300}, userId="\u0130" * 300)
    result = Decoder().body(dumps(record, audit("\u0390" * 300), request(requestMethod="\u00df" * 300)))
    assert len(result.events) == 3
    check(result)


def test_what_no_one_foresaw_costs_one_record(monkeypatch: Any) -> None:
    """A fault of the program in one record must not stop those behind it."""

    def fail(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("detector.decode.audit.fold_activity", fail)
    result = Decoder().body(dumps(sign_in(), audit("x"), sign_in()))
    assert ([piece.reason for piece in result.quarantined], len(result.events)) == (["wrong_type"], 2)


# Laws

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
kinds = st.sampled_from(every_kind())


def to_bytes(value: Any) -> bytes:
    return (
        orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
        if _fits(value)
        else repr(value).encode("utf-8", "replace")
    )


def _fits(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


@st.composite
def mutated_records(draw: st.DrawFn) -> Any:
    """A regular record with one value, at any depth, replaced, renamed or taken away."""
    record = orjson.loads(orjson.dumps(draw(kinds)))
    node: Any = record
    while True:
        places = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not places:
            return record
        place = draw(st.sampled_from(places))
        inner = node[place]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            node = inner
            continue
        match draw(st.sampled_from(["replace", "remove", "upper"])):
            case "replace":
                node[place] = draw(json_values | st.sampled_from(["", "<null>", "0", 0, [], {}, None]))
            case "remove":
                del node[place]
            case _ if isinstance(node, dict):
                node[place.upper()] = node.pop(place)
        return record


@given(st.binary(max_size=300))
@example(b'{"records":[{"a":"\\')
@fuzzed
def test_any_bytes_are_accounted_for(data: Any) -> None:
    decoder = Decoder()
    for result in (decoder.body(data), decoder.lines(data), decoder.body(b'{"records":[' + data + b"]}")):
        check(result)
    assert account(decoder.body(data)) >= 1


@pytest.mark.untraced
@given(json_values)
@fuzzed
def test_any_json_is_accounted_for(value: Any) -> None:
    data = to_bytes(value)
    result = Decoder().body(data)
    check(result)
    assert account(result) >= 1
    rows = [{str(name): str(inner) for name, inner in value.items()}] if isinstance(value, dict) else []
    assert account(Decoder().rows(rows)) == len(rows)


@pytest.mark.untraced
@given(st.lists(mutated_records(), min_size=1, max_size=4))
@fuzzed
def test_what_becomes_of_a_record_does_not_depend_on_its_neighbours(records: Any) -> None:
    pieces = [to_bytes(record) for record in records]
    together = Decoder().body(b'{"records":[' + b",".join(pieces) + b"]}")
    alone = [Decoder().body(b'{"records":[' + piece + b"]}") for piece in pieces]
    assert account(together) == len(records) == sum(map(account, alone))
    assert [plain(event) for event in together.events] == [plain(event) for each in alone for event in each.events]
    assert together.quarantined == [piece for each in alone for piece in each.quarantined]
    assert sum((each.filtered for each in alone), together.filtered.copy()) == together.filtered + together.filtered
    check(together)


@pytest.mark.untraced
@given(st.lists(kinds, min_size=1, max_size=3), st.data())
@fuzzed
def test_damage_to_a_message_never_raises(records: Any, data: Any) -> None:
    body = bytearray(dumps(*records))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "delete"])):
            case "flip":
                body[place] = data.draw(st.integers(0, 255))
            case "cut":
                del body[max(place, 1) :]
            case "insert":
                body[place:place] = data.draw(
                    st.sampled_from([b'"', b"{", b"}", b"[", b"]", b",", b"\\", b"\n", b"'", b"\0"])
                )
            case _:
                del body[place : place + 1]
        if not body:
            break
    check(Decoder().body(bytes(body)))
    check(Decoder().lines(bytes(body)))


@pytest.mark.untraced
@given(kinds, st.sampled_from(["", "userId", "agent", "location", "userAgent", "clientCredentialType"]), json_values)
@fuzzed
def test_the_slow_path_gives_the_event_of_the_fast_path(record: Any, member: Any, value: Any) -> None:
    record = orjson.loads(orjson.dumps(record))
    if member:
        record["properties"][member] = value if _fits(value) else KEY
    record = orjson.loads(orjson.dumps(record))  # what is no JSON number, such as NaN, became null
    decoder = Decoder()
    for fast in _SINGLE:
        try:
            events = decoder._events([fast.decode(orjson.dumps(record))]).events
        except Exception:  # noqa: BLE001 -- not regular: there is no fast path to compare
            continue
        assert [plain(event) for event in decoder._irregular(record).events] == [plain(event) for event in events]
    body, single = decoder.body(dumps(record, record)), decoder.body(dumps(record))
    assert [plain(event) for event in body.events] == 2 * [plain(event) for event in single.events]
