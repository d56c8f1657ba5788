"""No message can raise: a part that cannot be read is a fact, and the rest is delivered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpAnnotatedMessage

from detector.domain.delivery import Delivery, Position
from detector.sources.event_hubs.events import delivery_of
from tests.sources.event_hubs.raised import EXCEPTIONS, raised
from tests.sources.event_hubs.recorded import Facts


class Message:
    """An event whose parts may raise."""

    def __init__(self, **parts: Any) -> None:
        self._parts: dict[str, Any] = {
            "sequence_number": 7,
            "offset": "4711",
            "enqueued_time": datetime(2026, 11, 23, tzinfo=UTC),
            "body": [b"{", b"}"],
            **parts,
        }

    def __getattr__(self, name: str) -> Any:
        part = self._parts[name]
        if isinstance(part, Exception):
            raise part
        return part


def read(event: Any, facts: Facts | None = None) -> Delivery | None:
    return delivery_of(event, "0", facts or Facts(), lambda: 99.0)


def test_all_parts_of_a_body_are_joined_in_order() -> None:
    facts = Facts()
    delivery = read(Message(), facts)
    assert delivery == Delivery("0", Position(7, "4711"), datetime(2026, 11, 23, tzinfo=UTC).timestamp(), b"{}")
    assert facts.told == {}


def test_a_real_event_is_read() -> None:
    event = EventData(b"body")
    event.raw_amqp_message.annotations = {  # type: ignore[assignment]
        b"x-opt-sequence-number": 3,
        b"x-opt-offset": b"12",
        b"x-opt-enqueued-time": 1_700_000_000_500,
    }
    assert read(event) == Delivery("0", Position(3, "12"), 1_700_000_000.5, b"body")


@pytest.mark.parametrize("value", [b"bytes", "text", 12, None, {b"a": [1]}])
def test_a_body_that_is_no_data_section_is_kept_as_text_to_be_refused_later(value: object) -> None:
    event = EventData(b"")
    event._raw_amqp_message = AmqpAnnotatedMessage(value_body=value) if value is not None else event._raw_amqp_message
    event.raw_amqp_message.annotations = {b"x-opt-sequence-number": 3}  # type: ignore[assignment]
    delivery = read(event)
    assert delivery is not None
    assert isinstance(delivery.body, bytes)


@pytest.mark.parametrize("kind", EXCEPTIONS)
@pytest.mark.parametrize("part", ["offset", "enqueued_time", "body"])
def test_a_part_that_raises_costs_itself_only(part: str, kind: type[Exception]) -> None:
    facts = Facts()
    delivery = read(Message(**{part: raised(kind)}), facts)
    assert delivery is not None
    assert delivery.position.sequence == 7
    assert [told for _, told in facts.told["unreadable"]] == [part.removesuffix("_time")]
    if part == "enqueued_time":
        assert delivery.enqueued == 99.0


# A generator turns the end of another one into a RuntimeError, which is here anyhow.
@pytest.mark.parametrize("kind", [kind for kind in EXCEPTIONS if kind not in (StopIteration, StopAsyncIteration)])
def test_what_could_be_read_of_a_body_before_it_broke_is_delivered(kind: type[Exception]) -> None:
    def broken() -> Iterator[bytes]:
        yield b"first"
        raise raised(kind)

    delivery = read(Message(body=broken()))
    assert delivery is not None
    assert delivery.body == b"first"


@pytest.mark.parametrize("value", [None, "x", *map(raised, EXCEPTIONS)], ids=repr)
def test_without_a_sequence_number_there_is_no_delivery_but_a_fact(value: object) -> None:
    facts = Facts()
    assert read(Message(sequence_number=value), facts) is None
    assert facts.told["unreadable"] == [("0", "sequence")]
