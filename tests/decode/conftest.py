from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from detector.decode.decoded import Decoded
from detector.decode.decoder import Decoder
from detector.domain.events import Access, Change, Event, GraphActivity, Risk, SignIn
from tests.decode.builders import dumps


@pytest.fixture
def decoder() -> Decoder:
    return Decoder()


@pytest.fixture
def decode(decoder: Decoder) -> Callable[..., Decoded]:
    """Decodes records as one message of the export."""
    return lambda *records: decoder.body(dumps(*records))


def _one(result: Decoded, kind: type[Any]) -> Any:
    assert not result.quarantined, result.quarantined
    (event,) = result.events
    assert type(event) is kind
    return event


@pytest.fixture
def sign_in_of(decode: Callable[..., Decoded]) -> Callable[[Any], SignIn]:
    return lambda record: _one(decode(record), SignIn)


@pytest.fixture
def access_of(decode: Callable[..., Decoded]) -> Callable[[Any], Access]:
    return lambda record: _one(decode(record), SignIn).access


@pytest.fixture
def change_of(decode: Callable[..., Decoded]) -> Callable[[Any], Change]:
    return lambda record: _one(decode(record), Change)


@pytest.fixture
def risk_of(decode: Callable[..., Decoded]) -> Callable[[Any], Risk]:
    return lambda record: _one(decode(record), Risk)


@pytest.fixture
def request_of(decode: Callable[..., Decoded]) -> Callable[[Any], GraphActivity]:
    return lambda record: _one(decode(record), GraphActivity)


@pytest.fixture
def refused(decode: Callable[..., Decoded]) -> Callable[[Any], tuple[str, str]]:
    """Reason and detail of the one record that is quarantined."""

    def of(record: Any) -> tuple[str, str]:
        result = decode(record)
        (piece,) = result.quarantined
        events: list[Event] = result.events
        assert not events
        return piece.reason, piece.detail

    return of
