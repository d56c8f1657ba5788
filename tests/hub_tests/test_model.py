"""The hub as a log: numbers, offsets, times, retention, growth; where positions point; which tokens count."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote_plus

import pytest
from azure.eventhub._utils import event_position_selector
from hypothesis import given
from hypothesis import strategies as st

from tests.hub import Hub
from tests.hub.amqp.types import Described, Symbol
from tests.hub.authority import SAS_TYPE, Authority, DeniedError, covers, entity_path, sign
from tests.hub.positions import SELECTOR, start_sequence
from tests.hub.refusal import RefusedError

NOW = 1_800_000_000.0


def _hub(events: int = 0) -> Hub:
    hub = Hub("agents", partitions=2, now=lambda: NOW)
    for number in range(events):
        hub.put(0, b"x" * number, enqueued=NOW + number)
    return hub


def test_sequence_numbers_rise_by_one_and_offsets_are_other_numbers() -> None:
    hub = _hub()
    assert [hub.put("0", b"abc"), hub.put(0, b"def"), hub.put(1, b"g")] == [0, 1, 0]
    events = hub.read("0", 0)
    assert [event.body for event in events] == [b"abc", b"def"]
    assert [event.sequence for event in events] == [0, 1]
    offsets = [int(event.offset) for event in events]
    assert offsets == sorted(offsets)
    assert offsets[1] > 1


def test_times_are_given_or_taken_from_the_clock() -> None:
    hub = _hub()
    hub.put(0, b"a")
    hub.put(0, b"b", enqueued=12.5)
    assert [event.enqueued_ms for event in hub.read("0", 0)] == [int(NOW * 1000), 12500]


def test_the_state_of_a_partition_as_it_fills_and_empties() -> None:
    hub = _hub()
    assert hub.state(0) == (0, -1, "-1", 0, True)
    hub.put(0, b"a", enqueued=1.0)
    hub.put(0, b"b", enqueued=2.0)
    beginning, last, offset, enqueued, empty = hub.state(0)
    assert (beginning, last, enqueued, empty) == (0, 1, 2000, False)
    hub.expire(0, 1)
    assert [event.sequence for event in hub.read("0", 0)] == [1]
    hub.expire(0, 99)
    assert hub.state(0) == (2, 1, offset, 2000, True)
    assert hub.put(0, b"c") == 2


def test_partitions_can_be_added_and_the_hub_created_anew() -> None:
    hub = Hub("agents", partitions=1, created=datetime(2026, 1, 1, tzinfo=UTC))
    assert hub.created == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert hub.add_partition() == "1"
    assert hub.partition_ids == ("0", "1")
    hub.put(1, b"a")
    hub.recreate(created=5.0)
    assert (hub.created, hub.generation, hub.partition_ids) == (5.0, 1, ("0", "1"))
    assert hub.state(1).last_sequence == -1


def test_listeners_hear_every_change_until_they_stop() -> None:
    hub = _hub()
    heard: list[int] = []

    def listener() -> None:
        heard.append(1)

    hub.listen(listener)
    hub.put(0, b"a")
    hub.put_many(0, [b"b", b"c"])
    hub.expire(0, 1)
    hub.add_partition()
    assert len(heard) == 4
    hub.ignore(listener)
    hub.put(0, b"d")
    assert len(heard) == 4


def test_a_key_always_leads_to_the_same_partition() -> None:
    hub = Hub("agents", partitions=8)
    assert len({hub.partition_for("agent-1") for _ in range(10)}) == 1
    assert len({hub.partition_for(f"agent-{number}") for number in range(100)}) == 8
    assert [hub.partition_for(None) for _ in range(8)] == list(hub.partition_ids)


# --------------------------------------------------------------------------------------------- positions


def _start(hub: Hub, selector: str | bytes, *, forget: bool = False) -> int:
    text = selector.decode() if isinstance(selector, bytes) else selector
    return start_sequence(hub, "0", {SELECTOR: Described(Symbol(SELECTOR), text)}, forget_offsets=forget)


@given(events=st.integers(0, 6), number=st.integers(-1, 5), inclusive=st.booleans())
def test_a_sequence_number_starts_behind_it_or_at_it(events: int, number: int, inclusive: bool) -> None:
    hub = _hub(events)
    selector = event_position_selector(number, inclusive)
    if number > events - 1:
        with pytest.raises(RefusedError, match="sequence number"):
            _start(hub, selector)
    else:
        assert _start(hub, selector) == max(0, number + (0 if inclusive else 1))


@given(events=st.integers(1, 6), at=st.integers(0, 5), inclusive=st.booleans())
def test_an_offset_and_a_time_start_like_the_sequence_number(events: int, at: int, inclusive: bool) -> None:
    hub = _hub(events)
    at = min(at, events - 1)
    event = hub.read("0", at)[0]
    expected = at + (0 if inclusive else 1)
    assert _start(hub, event_position_selector(event.offset, inclusive)) == expected
    moment = datetime.fromtimestamp(event.enqueued_ms / 1000, UTC)
    assert _start(hub, event_position_selector(moment, inclusive)) == expected


def test_the_ends_of_a_partition() -> None:
    hub = _hub(3)
    assert _start(hub, event_position_selector("-1")) == 0
    assert _start(hub, event_position_selector("@latest")) == 3
    assert _start(hub, event_position_selector("@latest", True)) == 2
    assert start_sequence(hub, "0", {}) == 0


def test_an_offset_behind_the_last_is_refused_as_the_service_words_it() -> None:
    hub = _hub(2)
    last = hub.state(0).last_offset
    with pytest.raises(RefusedError) as caught:
        _start(hub, event_position_selector("999999"))
    assert caught.value.condition == "com.microsoft:argument-error"
    assert caught.value.description == (
        f"The supplied offset '999999' is invalid. The last offset in the system is '{last}'"
    )


def test_a_hub_that_forgot_refuses_what_it_gave_out_before() -> None:
    hub = _hub(2)
    for position in (0, hub.state(0).last_offset):
        with pytest.raises(RefusedError, match="in the system is '-1'"):
            _start(hub, event_position_selector(position), forget=True)
    assert _start(hub, event_position_selector("-1"), forget=True) == 0
    assert _start(hub, event_position_selector("@latest"), forget=True) == 2


@pytest.mark.parametrize("text", ["", "amqp.annotation.x-opt-offset > 'no offset'", "x = 1", "1"])
def test_another_filter_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="not a valid amqp filter"):
        _start(_hub(), text)


# ------------------------------------------------------------------------------------------------ tokens

AUDIENCE = "sb://127.0.0.1:1234/agents"


def _token(resource: str = AUDIENCE, key: str = "secret", policy: str = "reader", expiry: int = int(NOW) + 60) -> str:
    encoded = quote_plus(resource)
    return f"SharedAccessSignature sr={encoded}&sig={quote_plus(sign(encoded, expiry, key))}&se={expiry}&skn={policy}"


def _authority(**options: object) -> Authority:
    return Authority({"reader": "secret"}, now=lambda: NOW, **options)  # type: ignore[arg-type]


def test_a_signature_with_the_right_key_gives_the_right_until_it_expires() -> None:
    assert _authority().grant(_token(), SAS_TYPE, AUDIENCE, None) == ("agents", NOW + 60)
    assert _authority().grant(_token("sb://127.0.0.1:1234/"), SAS_TYPE, AUDIENCE, None).path == ""


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (_token(key="wrong"), "InvalidSignature"),
        (_token(policy="other"), "InvalidSignature"),
        (_token(expiry=int(NOW)), "ExpiredToken"),
        (_token("sb://127.0.0.1:1234/other"), "InvalidAudience"),
        ("SharedAccessSignature sr=x", "InvalidToken"),
        ("", "InvalidToken"),
    ],
)
def test_any_other_signature_gives_nothing(token: str, why: str) -> None:
    with pytest.raises(DeniedError, match=why):
        _authority().grant(token, SAS_TYPE, AUDIENCE, None)


def test_web_tokens_are_judged_by_the_callable() -> None:
    judging = _authority(authorise=lambda token, audience: (token, audience) == ("good", AUDIENCE))
    assert judging.grant("good", "jwt", AUDIENCE, NOW + 5) == ("agents", NOW + 5)
    with pytest.raises(DeniedError):
        judging.grant("bad", "jwt", AUDIENCE, None)
    with pytest.raises(DeniedError):
        _authority().grant("good", "jwt", AUDIENCE, None)
    with pytest.raises(DeniedError, match="UnsupportedTokenType"):
        judging.grant("good", "password", AUDIENCE, None)
    assert Authority(now=lambda: NOW).grant("any", "jwt", AUDIENCE, None).path == "agents"


def test_rights_reach_down_but_not_aside() -> None:
    assert entity_path("amqps://h:1/Agents/Partitions/0/") == "agents/partitions/0"
    assert covers("", "agents")
    assert covers("agents", "agents/partitions/0")
    assert not covers("agents", "agents2")
    assert not covers("agents/partitions/0", "agents")
