"""Hashes of inputs: the same whoever computes them, and bounded whatever the thread that should."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from random import Random

import pytest

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
