"""The process that reads Parquet files, one after the other: `python -m detector.sources.parquet.worker`."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, Final

import msgspec

from detector.sources.parquet import frames
from detector.sources.parquet.frames import Answer, Failed, Request
from detector.sources.parquet.table import CUT_OFF, answers

MEMORY: Final = 512 * 2**20
"""Bytes that the process may have, besides its code."""
NO_ROOM: Final = "There is no room on the disk to unpack the Parquet file ({reason}). Set TMPDIR to a folder with room."
_REQUEST: Final = msgspec.msgpack.Decoder(Request)
_ENCODER: Final = msgspec.msgpack.Encoder()


def serve(requests: IO[bytes], told: IO[bytes]) -> None:
    """Reads file after file, until whoever asks is gone."""
    while True:
        try:
            _serve(_REQUEST.decode(frames.read(requests)), requests, told)
        except (EOFError, BrokenPipeError):
            return


def _serve(request: Request, requests: IO[bytes], told: IO[bytes]) -> None:
    with ExitStack() as stack:
        file: IO[bytes] | None = None
        reason: str | None = None
        while block := frames.read(requests):
            try:
                file = file or stack.enter_context(TemporaryFile(dir=request.folder))
                if reason is None:
                    file.write(block)
            except OSError as error:
                reason = error.strerror  # the rest is taken as well, or nobody would listen to the answer
        found = _found(file, request) if reason is None else iter((Failed(NO_ROOM.format(reason=reason)),))
        for answer in found:
            frames.write(told, _ENCODER.encode(answer))
    told.flush()


def _found(file: IO[bytes] | None, request: Request) -> Iterator[Answer]:
    return iter((Failed(CUT_OFF),)) if file is None else answers(file, request.longest_row, request.only)


def main() -> None:
    """Serves standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides what an interruption means
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
