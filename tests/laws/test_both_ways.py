"""Law: the compiled way of decoding gives what the usual way gives, whatever it is shown."""

from __future__ import annotations

import os
from typing import Any

import orjson
from hypothesis import HealthCheck, given
from hypothesis import settings as search
from hypothesis import strategies as st

from tests.decode.builders import AGENT, BLUEPRINT, GRAPH, KEY, sign_in
from tests.decode.test_scanning import SERVICES, body_of, check

fuzzed = search(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "200")), suppress_health_check=list(HealthCheck), deadline=None
)

texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", AGENT, BLUEPRINT, GRAPH, KEY, "x" * 257, "ö", '"', "\\", "\x7f", "\u2028", "\U0001f916", "null"]
    ),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
instants = st.from_regex(
    r"(1999|20[0-5][0-9])-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,10})?(Z|\+00:00|z|\+01:00|)",
    fullmatch=True,
)
MEMBERS = tuple(sign_in()["properties"])


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """A sign-in of which a few members are something else, are gone, or stand elsewhere."""
    record = sign_in(draw(st.sampled_from(SERVICES)))
    for _ in range(draw(st.integers(0, 3))):
        inside = draw(st.booleans())
        place = record["properties"] if inside else record
        name = draw(st.sampled_from(MEMBERS if inside else tuple(record)) | texts)
        if name == "createdDateTime" and draw(st.booleans()):
            place[name] = draw(instants)
        elif name == "properties":
            continue
        elif draw(st.integers(0, 3)):
            place[name] = draw(values)
        else:
            place.pop(name, None)
    for name in ("agent", "location", "status"):
        if draw(st.integers(0, 5)) == 0 and isinstance(record["properties"].get(name), dict):
            inner = draw(
                st.dictionaries(st.sampled_from(("agentType", "errorCode", "countryOrRegion")) | texts, values)
            )
            record["properties"][name] = {**record["properties"][name], **inner}
    if draw(st.booleans()):
        members = list(record["properties"].items())
        record["properties"] = dict(draw(st.permutations(members)))
    return record


@fuzzed
@given(st.lists(records(), min_size=1, max_size=5), st.booleans())
def test_whatever_the_records_both_ways_agree(told: list[dict[str, Any]], lines: bool) -> None:
    try:
        raw = [orjson.dumps(record) for record in told]
    except (orjson.JSONEncodeError, TypeError):
        return  # half a character, or a number beyond 64 bits: no JSON of anybody's
    check(b"\n".join(raw) if lines else b'{"records":[' + b",".join(raw) + b"]}", lines=lines)


SPICE = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\n", b"\t", b"\x00", b"\x1f", b"\x80", b"\xc3", b"\xff",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82\xac", b"\\u00e4", b"\\ud800", b"\\n", b"0", b"-", b"1e5", b"01",
    b"null", b"true", b'"id":"x",', b'"appId":null,', b"0.", b".5", b"9" * 30,
)  # fmt: skip


@fuzzed
@given(
    st.lists(records(), min_size=1, max_size=3),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), st.sampled_from(SPICE)), min_size=1, max_size=4),
)
def test_whatever_the_bytes_both_ways_agree(told: list[dict[str, Any]], cuts: list[tuple[float, int, bytes]]) -> None:
    try:
        data = body_of(*told)
    except (orjson.JSONEncodeError, TypeError):
        return
    for where, length, spice in cuts:
        place = int(where * len(data))
        data = data[:place] + spice + data[place + length :]
    check(data)


@fuzzed
@given(instants)
def test_times_are_read_to_the_same_number(instant: str) -> None:
    check(body_of(sign_in(createdDateTime=instant, top={"time": "2059-01-01T00:00:00Z"})))
