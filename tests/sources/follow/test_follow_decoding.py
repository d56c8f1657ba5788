"""What is handed over is what the decoder reads; what is cut, it quarantines; the settings fit the options."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields
from pathlib import Path

import pytest

from detector.config.blocks import Block
from detector.config.follow import FollowSettings
from detector.config.telemetry import TelemetrySettings
from detector.decode.decoder import Decoder
from detector.sources.follow.source import FollowOptions
from tests.decode.builders import sign_in
from tests.sources.follow.directory import Follower, append, pack


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("limit", [8_192, 40_000])
def test_a_line_beyond_the_limit_is_one_quarantined_record_and_its_neighbours_are_read(
    tmp_path: Path, packed: bool, limit: int
) -> None:
    good = json.dumps(sign_in())
    long = json.dumps({**sign_in(), "padding": "x" * 100_000})
    append(tmp_path / "a.jsonl", f"{good}\n{long}\n{good}\n")
    if packed:
        pack(tmp_path / "a.jsonl")
    follower = Follower(tmp_path, chunk_bytes=4_096, max_line_bytes=limit)
    asyncio.run(follower.settle())
    follower.close()
    decoder = Decoder(max_body_bytes=limit, max_record_bytes=limit)
    decoded = [decoder.lines(delivery.body) for delivery in follower.deliveries if delivery.body]
    reasons = [quarantined.reason for each in decoded for quarantined in each.quarantined]
    assert reasons == ["too_large"]
    assert sum(len(each.events) for each in decoded) == 2


def test_settings_of_the_block_are_options_of_the_source() -> None:
    options = FollowOptions()
    settings = FollowSettings(path="logs")
    for name in set(FollowSettings.model_fields) - {"path"}:
        assert getattr(settings, name) == getattr(options, name)
    assert {field.name for field in fields(options)} - set(FollowSettings.model_fields) == {"max_line_bytes"}


@pytest.mark.parametrize("block", [FollowSettings(path="logs"), TelemetrySettings()])
def test_defaults_are_valid(block: Block) -> None:
    assert type(block).model_validate(block.model_dump()) == block
