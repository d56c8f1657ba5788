"""Quarantine and digests: bounded, and exact within the bounds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.stores import quarantine
from detector.stores.digests import FAN
from detector.stores.records import Commit
from tests.stores.stage import Facts, loaded, opened, quarantined


def test_quarantined_records_are_kept_to_the_byte(tmp_path: Path) -> None:
    records = [quarantined(bytes(range(256)) * 64), quarantined(b""), quarantined(b'{"id":"\xed\xa0\x80"}')]
    with opened(tmp_path) as store:
        store.commit(Commit(quarantined=records))
        assert list(quarantine.read(store._reader)) == records
    with opened(tmp_path) as store:
        assert list(quarantine.read(store._reader)) == records


def test_a_file_name_that_is_no_text_does_not_stop_a_commit(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(Commit(quarantined=[quarantined(place="logs\udcff.json:7")]))
        assert next(quarantine.read(store._reader)).place == "logs\\udcff.json:7"


@pytest.mark.untraced
@settings(max_examples=20)
@given(batches=st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=8))
def test_the_ring_keeps_the_newest_that_fit(tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]) -> None:
    facts, given = Facts(), list[bytes]()
    with opened(tmp_path_factory.mktemp("ring"), facts, quarantine_rows=10, quarantine_bytes=100) as store:
        for number, sizes in enumerate(batches):
            data = [bytes([number]) * size for size in sizes]
            given += data
            store.commit(Commit(quarantined=[quarantined(each) for each in data]))
            kept = [record.data for record in quarantine.read(store._reader)]
            want = given[-10:]
            while sum(map(len, want)) > 100:
                want = want[1:]
            assert kept == want
        assert sum(count for (count,) in facts.of("quarantine_forgotten")) == len(given) - len(kept if given else [])


@pytest.mark.untraced
def test_the_ring_has_the_promised_size(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for _ in range(11):
            store.commit(Commit(quarantined=[quarantined(b"x")] * 1_000))
        assert store._reader.rows("SELECT count(*) FROM quarantine") == [(10_000,)]
        for _ in range(5):
            store.commit(Commit(quarantined=[quarantined(bytes(16_384))] * 1_000))
        ((rows, total),) = store._reader.rows("SELECT count(*), sum(length(data)) FROM quarantine")
        assert (rows, total) == (4_096, 64 * 2**20)


def test_digests_of_many_batches_stay_few_rows(tmp_path: Path) -> None:
    chance, given = random.Random(1), list[bytes]()
    with opened(tmp_path, full_sync=False) as store:
        for _ in range(FAN * FAN + 5):
            given.append(chance.randbytes(8))
            store.commit(Commit(digests={7: given[-1]}))
        ((rows, levels),) = store._reader.rows("SELECT count(*), count(DISTINCT level) FROM digests")
        assert rows < 2 * FAN
        assert levels == 2
        assert loaded(store)["digests"] == {7: sorted(given)}
    with opened(tmp_path) as store:
        assert store.opening == "kept"
        assert loaded(store)["digests"] == {7: sorted(given)}


def test_digests_of_hours_that_have_passed_are_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for hour in range(5):
            store.commit(Commit(digests={hour: bytes([hour]) * 8}, forget_before=hour - 2))
        assert sorted(loaded(store)["digests"]) == [2, 3, 4]
        store.commit(Commit(forget_before=9, digests={9: bytes(8)}))
        assert sorted(loaded(store)["digests"]) == [9]
