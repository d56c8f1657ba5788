"""The source as the service sees it: what is not handed over yet, what is amiss, how far it is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.config.load import load
from detector.config.settings import Settings
from detector.domain.delivery import Delivery, Position
from detector.errors import UsageError
from detector.runtime.live.feeds import Before, Ears, Feed, FilesFeed, HubFeed, Lag, Time, exported, feed_of
from detector.sources.event_hubs.shared import PartitionState
from detector.telemetry.health import REASONS
from tests.decode.builders import dumps, envelope, sign_in
from tests.telemetry.facts import Clock, telemetry

TIME = Time(now=Clock(), monotonic=Clock())


class Taker:
    def __init__(self) -> None:
        self.taken: list[tuple[Delivery, float | None]] = []

    async def put(self, delivery: Delivery, order: float | None = None) -> None:
        self.taken.append((delivery, order))


async def _remember(_: str, __: Mapping[str, Position]) -> None:
    """Nobody asks."""


def made(settings: Settings, taker: Taker, positions: Mapping[str, Position] | None = None) -> Feed:
    before = Before(epoch=3, positions=positions or {}, identities={})
    return feed_of(settings, before, Ears(deliver=taker.put, remember=_remember), telemetry()[0], TIME)


# When a chunk was exported


def lines(*times: str) -> bytes:
    return b"".join(dumps(envelope("X", {}, time=time)) + b"\n" for time in times)


def test_a_chunk_was_exported_when_its_last_record_was() -> None:
    at = exported(lines("2026-03-02T08:00:00Z", "2026-03-02T08:00:10.5000000Z"))
    assert at == 1_772_438_410.5


@pytest.mark.parametrize(
    "chunk", [b"", b"{}", b'{"time":"', b'{"time":""}', b'{"time":"soon"}', b'{"time":"' + b"9" * 99]
)
def test_a_chunk_without_a_time_of_export_has_none(chunk: bytes) -> None:
    assert exported(chunk) is None


@given(st.binary(max_size=80))
def test_whatever_stands_there_it_is_a_time_or_none(text: bytes) -> None:
    found = exported(b'{"time":"' + text)
    assert found is None or isinstance(found, float)


# Files


def files(folder: Path, **more: Any) -> Settings:
    block = {"path": str(folder), "poll_seconds": 0.05, "chunk_bytes": 4096, **more}
    return load(text=f"source: {{files: {block}}}".replace("'", '"'))


async def reading(feed: Feed, done: Any) -> None:
    running = asyncio.create_task(feed.run())
    async with asyncio.timeout(60):
        while not done():
            await asyncio.sleep(0.01)
    await feed.stop()
    await running


@pytest.mark.asyncio
async def test_files_are_merged_by_the_time_of_export_else_by_that_of_their_records(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines("2026-03-02T08:00:00Z"))
    bare = b'{"createdDateTime":"2026-03-02T07:00:00Z","id":"x"}\n'
    (tmp_path / "b.jsonl").write_bytes(bare)
    (tmp_path / "c.jsonl").write_bytes(b"no time at all\n")
    taker = Taker()
    feed = made(files(tmp_path), taker)
    assert (feed.name, feed.lines) == ("files", True)
    await reading(feed, lambda: len(taker.taken) == 3)
    orders = {delivery.body: order for delivery, order in taker.taken}
    assert orders[lines("2026-03-02T08:00:00Z")] == 1_772_438_400.0
    assert orders[bare] == 1_772_434_800.0
    plain = next(delivery for delivery, _ in taker.taken if delivery.body == b"no time at all\n")
    assert orders[plain.body] == plain.enqueued


class Slow(Taker):
    """Takes one chunk and no more until it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def put(self, delivery: Delivery, order: float | None = None) -> None:
        if self.taken:
            await self.go.wait()
        await super().put(delivery, order)


@pytest.mark.asyncio
async def test_a_file_is_behind_until_all_of_it_was_handed_over_and_lags_until_it_is_committed(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(dumps(sign_in()) * 0 + (dumps(sign_in()) + b"\n") * 20)
    taker = Slow()
    feed = made(files(tmp_path), taker)
    running = asyncio.create_task(feed.run())
    async with asyncio.timeout(60):
        while not taker.taken:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert len(feed.behind()) == 1
        size = file.stat().st_size
        (lag,) = feed.lags({})
        assert lag.messages == size
        first = taker.taken[0][0]
        (lag,) = feed.lags({first.partition: first.position})
        assert lag.messages == size - len(first.body)
        taker.go.set()
        while feed.behind():
            await asyncio.sleep(0.01)
    last = taker.taken[-1][0]
    assert list(feed.lags({last.partition: last.position})) == [Lag(last.partition, 0)]
    assert list(feed.reasons()) == []
    feed.committed({})
    await feed.stop()
    await running


# A hub


STATES = {
    "0": PartitionState("opening", None, None, 0.0),
    "1": PartitionState("opened", Position(5, "5"), 9, 0.0),
    "2": PartitionState("idle", Position(9, "9"), 9, 0.0),
    "3": PartitionState("held", Position(7, "7"), 9, 0.0),
    "4": PartitionState("stalled", Position(7, "7"), 9, 0.0),
    "5": PartitionState("unknown", Position(7, "7"), 7, 0.0),
    "6": PartitionState("opened", Position(12, "12"), 9, 0.0),
}


@pytest.fixture
def hub(tmp_path: Path) -> HubFeed:
    secret = tmp_path / "connection"
    secret.write_text(
        "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=agents;UseDevelopmentEmulator=true"
    )
    feed = made(load(text=f"source: {{event_hubs: {{connection_string_file: {secret}}}}}"), Taker())
    assert isinstance(feed, HubFeed)
    return feed


def test_a_hub_has_the_name_of_its_namespace_and_its_own(hub: HubFeed) -> None:
    assert (hub.name, hub.lines) == ("event-hub:127.0.0.1/agents", False)


def test_a_hub_that_never_answered_is_unreachable(hub: HubFeed) -> None:
    assert list(hub.reasons()) == ["hub_unreachable"]
    assert hub.behind() == []
    assert list(hub.lags({})) == []


def test_reasons_come_with_their_partition_and_are_known(hub: HubFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub._source, "state", lambda: STATES)
    reasons = list(hub.reasons())
    assert reasons == ["partition_not_open:0", "partition_stalled:4", "hub_unreachable:5"]
    assert {reason.partition(":")[0] for reason in reasons} <= REASONS


def test_partitions_that_hold_more_or_are_only_being_opened_are_behind(
    hub: HubFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub._source, "state", lambda: STATES)
    assert hub.behind() == ["0", "1", "3", "4"]

    def changed() -> None:
        raise RuntimeError("dictionary changed size during iteration")

    monkeypatch.setattr(hub._source, "state", changed)
    assert hub.behind() == ["0", "1", "3", "4"], "as before, for a moment"


def test_lag_is_what_is_not_committed(hub: HubFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub._source, "state", lambda: STATES)
    lags = dict(hub.lags({"1": Position(2, "2"), "6": Position(11, "11")}))
    assert lags == {"1": 7, "2": 0, "3": 2, "4": 2, "5": 0, "6": 0}


def test_without_a_source_a_sentence_says_what_to_set() -> None:
    with pytest.raises(UsageError, match=r"Set source\.event_hubs or source\.files"):
        made(load(text=""), Taker())


def test_the_follower_of_files_never_needs_the_client_of_a_hub(tmp_path: Path) -> None:
    assert isinstance(made(files(tmp_path), Taker()), FilesFeed)
