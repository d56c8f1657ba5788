"""Hashes of inputs: the same whoever computes them, and bounded whatever the thread that should."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from detector.sources import reading
from detector.sources.files import FileSource, Manner
from detector.sources.reading import NOTHING, Digest, Hasher

CHANCE = Random(8)
BLOCKS = [CHANCE.randbytes(CHANCE.choice((1, 1000, 2**17, 2**20, 3 * 2**20))) for _ in range(40)]


def test_inputs_that_are_read_by_turns_have_the_hashes_of_their_bytes() -> None:
    with closing(Hasher()) as hasher:
        digests = [hasher.digest() for _ in range(3)]
        for number, block in enumerate(BLOCKS):
            digests[number % 3].update(block)
        assert [each.hexdigest() for each in digests] == [
            hashlib.sha256(b"".join(BLOCKS[number::3])).hexdigest() for number in range(3)
        ]
        assert hasher.digest().hexdigest() == NOTHING


@pytest.mark.parametrize("ahead", [0, 1, 5])
def test_a_thread_that_gets_no_processor_is_not_waited_for(ahead: int) -> None:
    """It does some errands, and then none until all is over."""
    gate = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        digest = Digest(thread)
        for block in BLOCKS[:ahead]:
            digest.update(block)
        thread.submit(gate.wait)
        for block in BLOCKS[ahead:]:
            digest.update(block)
        assert digest.hexdigest() == hashlib.sha256(b"".join(BLOCKS)).hexdigest()
        gate.set()


@pytest.mark.parametrize("ahead", [0, 1, 5, len(BLOCKS)])
def test_a_file_is_given_in_its_order_whoever_reads_it(ahead: int) -> None:
    """The thread reads some blocks, and then none until all is over."""
    gate = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        digest = Digest(thread)
        blocks = digest.ahead(iter(BLOCKS))
        found = [next(blocks) for _ in range(ahead)]
        thread.submit(gate.wait)
        found += blocks
        gate.set()
        assert found == BLOCKS
        assert digest.hexdigest() == hashlib.sha256(b"".join(BLOCKS)).hexdigest()


def test_an_input_that_waits_for_its_time_holds_one_block() -> None:
    taken: list[bytes] = []
    with ThreadPoolExecutor(1) as thread:
        blocks = Digest(thread).ahead(block for block in BLOCKS if not taken.append(block))
        next(blocks)
        assert taken == BLOCKS[:1]


def test_what_goes_wrong_in_the_thread_is_told_behind_what_was_read_before() -> None:
    def failing() -> Iterator[bytes]:
        yield from BLOCKS[:4]
        raise OSError("the disk is gone")

    with ThreadPoolExecutor(1) as thread:
        found: list[bytes] = []
        with pytest.raises(OSError, match="gone"):
            found.extend(Digest(thread).ahead(failing()))
        assert found == BLOCKS[:4]


def test_whoever_stops_reading_leaves_no_thread_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, gate = threading.Event(), threading.Event()
    monkeypatch.setattr(reading, "wait", lambda errands: (gate.set(), wait(errands)))

    def slow() -> Generator[bytes, None, None]:
        yield from BLOCKS[:2]
        begun.set()
        gate.wait()
        yield BLOCKS[2]

    with ThreadPoolExecutor(1) as thread:
        file = slow()
        blocks = Digest(thread).ahead(file)
        assert [next(blocks), next(blocks)] == BLOCKS[:2]
        begun.wait()
        blocks.close()  # type: ignore[attr-defined] -- a generator
        file.close()  # refused by a generator that runs


@pytest.mark.parametrize("packed", [False, True])
def test_hashed_files_are_cut_as_others_are(tmp_path: Path, packed: bool) -> None:
    """So a reading that began without hashes can be continued with them, and the other way round."""
    lines = b"".join(
        b'{"createdDateTime":"2026-10-05T08:00:00Z","of":"%s"}\n' % CHANCE.randbytes(2**14).hex().encode()
        for _ in range(200)
    )
    path = tmp_path / "lines.json"
    path.write_bytes(gzip.compress(lines, 1) if packed else lines)
    read = {}
    for hashed in (False, True):
        source = FileSource([str(path)], manner=Manner(hashed=hashed))
        read[hashed] = [(chunk.data, chunk.line) for chunk in source]
        assert source.readings[0].read == source.bytes_done == path.stat().st_size
        assert source.readings[0].sha256 == (hashlib.sha256(path.read_bytes()).hexdigest() if hashed else None)
    assert read[True] == read[False]
    assert b"".join(data for data, _ in read[True]) == lines


def test_what_is_appended_meanwhile_is_neither_read_nor_hashed(tmp_path: Path) -> None:
    path = tmp_path / "lines.json"
    before = b'{"createdDateTime":"2026-10-05T08:00:00Z"}\n' * 200_000
    path.write_bytes(before)
    source = FileSource([str(path)], manner=Manner(hashed=True))
    chunks = iter(source)
    found = next(chunks).data
    with path.open("ab") as file:
        file.write(b"{}\n")
    assert found + b"".join(chunk.data for chunk in chunks) == before
    (account,) = source.readings
    assert (account.grown, account.sha256) == (3, hashlib.sha256(before).hexdigest())
