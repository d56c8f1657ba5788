"""Archives of records as a storage account holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from detector.config.build import engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.engine.engine import Engine
from tests.live.stream import Message, Stream

TENANT = "aaaa0000-0000-4000-8000-000000000001"


def hour_of(moment: float) -> str:
    """The folder of an hour."""
    return f"{datetime.fromtimestamp(moment, UTC):y=%Y/m=%m/d=%d/h=%H}/m=00"


def blobs_of(messages: Iterable[Message], tenant: str = TENANT) -> dict[tuple[str, str], bytes]:
    """The contents of blobs by container and name: JSON lines that end in CRLF, by hour and in order of arrival."""
    lines: dict[tuple[str, str], list[bytes]] = {}
    for message in messages:
        for record in json.loads(message.body)["records"]:
            container = f"insights-logs-{record['category'].lower()}"
            name = f"tenantId={tenant}/{hour_of(message.enqueued)}/PT1H.json"
            lines.setdefault((container, name), []).append(json.dumps(record, separators=(",", ":")).encode())
    return {key: b"\r\n".join(each) + b"\r\n" for key, each in sorted(lines.items())}


def tree(folder: Path, messages: Iterable[Message]) -> Path:
    """The same as files."""
    for (container, name), text in blobs_of(messages).items():
        path = folder / container / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    return folder


def on_time(told: Stream) -> Stream:
    """The messages without those that hold something late.

    The live service counts such records and does not judge them. In an archive they lie where they belong, and a replay
    may judge them.
    """
    decoder, engine = Decoder(), Engine(engine_settings(load()))
    kept = []
    for message in told.messages:
        decoder.not_after = message.enqueued
        late = engine.accounting.late
        engine.process(decoder.body(message.body))
        if engine.accounting.late == late:
            kept.append(message)
    return replace(told, messages=tuple(kept))


def sampled(told: Stream, step: int) -> list[Message]:
    """Every so many-th message, without those that repeat what one that is left out had told before them.

    A copy may come late, which says nothing as long as what it repeats was in time.
    """
    first: dict[str, int] = {}
    kept = []
    for number, message in enumerate(told.messages):
        ids = [record["properties"]["id"] for record in json.loads(message.body)["records"]]
        if number % step == 0 and all(first.setdefault(each, number) % step == 0 for each in ids):
            kept.append(message)
        for each in ids:
            first.setdefault(each, number)
    return kept
