"""Bytes of a file, whatever it is packed in: gzip and zstd by their magic bytes, UTF-16 by its mark.

Everything comes in blocks of bounded size, so that neither a long file nor a decompression bomb fills the memory.
"""

from __future__ import annotations

import codecs
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import BinaryIO, Final, Protocol

import zstandard

from detector.errors import SourceError
from detector.sources.reading import Digest, Hasher

BLOCK: Final = 2**20
PIECE: Final = 128 * 2**10
"""What is read of a file at once: as much as a chunk holds. Larger blocks push the engine's memory out of the cache of
the processor, which costs more than the calls that they save; and where records are cut depends on it."""
_AHEAD: Final = 2 * 2**20
"""What is read of a file at once by another thread: see `Digest.ahead`."""
AVRO: Final = b"Obj\x01"
"""What a file of Event Hubs Capture begins with."""
PARQUET: Final = b"PAR1"
"""What a Parquet file begins and ends with."""
CHANGED: Final = "It has changed since the replay was interrupted. Remove the checkpoint and begin anew."
_STEP: Final = 2**10
"""Compressed zstd bytes told at once: the worst they can unfold to is 32 MiB."""
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_BOM: Final = codecs.BOM_UTF8
_UTF16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_FOREIGN: Final = {
    b"PARE": "is an encrypted Parquet file. Decrypt it first, or export JSON lines or CSV.",
    b"PK\x03\x04": "is a zip archive (or an Excel workbook). Unpack it first, or export CSV.",
    b"BZh": "is packed with bzip2. Unpack it first, or pipe it in: bzcat FILE | agent-detector replay -",
    b"\xfd7zXZ": "is packed with xz. Unpack it first, or pipe it in: xzcat FILE | agent-detector replay -",
}


class Raw(Protocol):
    """Bytes at rest, somewhere: they can be read from the beginning any number of times."""

    size: int
    version: str
    """What tells this content from another one of the same name and size."""
    grown: int
    """Bytes that were added since, as far as is known; they are not read."""
    samples: int
    """How many samples are worth their price."""

    def blocks(self) -> Iterator[bytes]:
        """The first `size` bytes, as they lie there; raises `SourceError` or `OSError`."""
        ...

    def hashed(self, digest: Digest) -> Iterator[bytes]:
        """The same blocks, told to the digest."""
        ...

    def sample(self, position: int, length: int) -> bytes:
        """Some bytes out of the middle."""
        ...

    def pin(self, size: int, version: str) -> None:
        """Reads what was there before and no more; raises `SourceError` when that is not there any more."""
        ...


class Disk:
    """A regular file. What is appended to it later is not read.

    Args:
        path: Its path.

    Raises:
        OSError: It cannot be looked at.
    """

    __slots__ = ("_path", "grown", "samples", "size", "version")

    def __init__(self, path: str) -> None:
        self._path: Final = path
        status = os.stat(path)
        self.size = status.st_size
        self.version = str(status.st_mtime_ns)
        self.grown = 0
        self.samples = 64

    def blocks(self) -> Iterator[bytes]:
        """The bytes, block by block."""
        return self._read(PIECE)

    def hashed(self, digest: Digest) -> Iterator[bytes]:
        """The same blocks, of which chunks are made in the same way: what was begun without hashes can go on with."""
        for block in digest.ahead(self._read(_AHEAD)):
            for at in range(0, len(block), PIECE):
                yield block[at : at + PIECE]

    def _read(self, most: int) -> Iterator[bytes]:
        """The bytes, so many at once behind the first piece, which may have to wait for the others."""
        left = self.size
        sizes = chain((PIECE,), repeat(most))
        with open(self._path, "rb", buffering=0) as file:
            while left and (block := file.read(min(left, next(sizes)))):
                left -= len(block)
                yield block
            if not left:
                self.grown = max(0, os.fstat(file.fileno()).st_size - self.size)

    def sample(self, position: int, length: int) -> bytes:
        """Some bytes out of the middle."""
        with open(self._path, "rb", buffering=0) as file:
            file.seek(position)
            return file.read(length)

    def pin(self, size: int, version: str) -> None:
        """See `Raw.pin`."""
        if self.size < size or (self.size == size and self.version != version):
            raise SourceError(self._path, CHANGED)
        self.size, self.version = size, version


class Input:
    """One file, blob, pipe or standard input.

    Args:
        place: Its name as the person gave it.
        stream: An open stream that can be read only once; `None` for bytes at rest.
        seen: Told the blocks read from disk, network or pipe, as they lie there.
        raw: Bytes at rest; `None` for a file to be opened by its name.
    """

    __slots__ = ("_close", "_started", "_stream", "digest", "hasher", "once", "place", "plain", "raw", "seen")

    def __init__(
        self,
        place: str,
        stream: BinaryIO | None = None,
        seen: Callable[[bytes], None] | None = None,
        raw: Raw | None = None,
    ) -> None:
        self.place: Final = place
        self.seen = seen
        self.hasher: Hasher | None = None
        """Who hashes what is read; `None` when nobody asks for it."""
        self.digest: Digest | None = None
        """Of what was read, once that has begun."""
        self.plain = False
        """Whether the bytes at rest are the bytes of the records, so that samples can be taken anywhere."""
        self._started: Iterator[bytes] | None = None
        self._close = False
        if stream is None and raw is None:
            if stat.S_ISREG(os.stat(place).st_mode):
                raw = Disk(place)
            else:
                stream = open(place, "rb")  # noqa: SIM115 -- a pipe; read to its end, later, and closed there
                self._close = True
        self._stream: Final = stream
        self.raw: Final = raw
        self.once: Final = stream is not None
        """Whether the bytes can be read only once."""

    @property
    def size(self) -> int:
        """Bytes at rest; 0 when that is not known."""
        return 0 if self.raw is None else self.raw.size

    def head(self, enough: Callable[[bytes], bool]) -> bytes:
        """The first bytes, until `enough` says so or the input ends; `blocks` gives them again."""
        blocks = self.blocks(counted=False) if not self.once else self.blocks()
        read = b""
        for block in blocks:
            read += block
            if enough(read):
                break
        if self.once:
            self._started = chain((read,), blocks)
        return read

    def blocks(self, *, counted: bool = True) -> Iterator[bytes]:
        """The unpacked bytes, without a byte order mark.

        Raises:
            SourceError: The file is damaged, cut off, or of a kind that is not read.
            OSError: The file cannot be read.
        """
        if self._started is not None:
            started, self._started = self._started, None
            return started
        return _decoded(self._unpacked(self.seen if counted else None), self.place)

    def _unpacked(self, seen: Callable[[bytes], None] | None) -> Iterator[bytes]:
        raw = self._raw(seen)
        first = next(raw, b"")
        while len(first) < 8 and (more := next(raw, b"")):
            first += more
        for magic, message in _FOREIGN.items():
            if first.startswith(magic):
                raise SourceError(self.place, f"It {message}")
        raw = chain((first,), raw)
        if first.startswith(_GZIP):
            yield from _gunzip(raw, self.place)
        elif first.startswith(_ZSTD):
            yield from _unzstd(raw, self.place)
        else:
            self.plain = not self.once and not first.startswith((*_UTF16, AVRO, PARQUET))
            yield from raw

    def _raw(self, seen: Callable[[bytes], None] | None) -> Iterator[bytes]:
        try:
            for block in self._lying() if seen is None else self._hashed():
                if seen is not None:
                    seen(block)
                yield block
        finally:
            if self._close and self._stream is not None:
                self._stream.close()

    def _hashed(self) -> Iterator[bytes]:
        if self.hasher is None:
            return self._lying()
        self.digest = digest = self.hasher.digest()
        return digest.along(self._lying()) if self.raw is None else self.raw.hashed(digest)

    def _lying(self) -> Iterator[bytes]:
        stream = self._stream
        if stream is not None:
            return iter(lambda: _read(stream), b"")
        assert self.raw is not None, "what is no stream is at rest"
        return self.raw.blocks()


def _read(stream: BinaryIO) -> bytes:
    """What a pipe has to give now, rather than waiting until a block is full."""
    read1 = getattr(stream, "read1", None)
    return bytes(read1(BLOCK) if read1 is not None else stream.read(BLOCK))


def _gunzip(raw: Iterator[bytes], place: str) -> Iterator[bytes]:
    """Gzip, of any number of members; padding between and behind them is skipped."""
    unpack = zlib.decompressobj(31)
    open_member = False
    try:
        for block in raw:
            data = block if open_member else block.lstrip(b"\0")
            while data:
                open_member = True
                unpacked = unpack.decompress(data, BLOCK)
                if unpacked:
                    yield unpacked
                data = unpack.unconsumed_tail
                if unpack.eof:
                    data = unpack.unused_data.lstrip(b"\0")
                    unpack = zlib.decompressobj(31)
                    open_member = False
        while open_member and (unpacked := unpack.decompress(b"", BLOCK)):
            yield unpacked
    except zlib.error:
        raise SourceError(place, "The gzip file is damaged here; records before were read. Copy it again.") from None
    if open_member and not unpack.eof:
        raise SourceError(place, "The gzip file is cut off; records before were read. Copy it again.")


def _unzstd(raw: Iterator[bytes], place: str) -> Iterator[bytes]:
    """Zstandard, of any number of frames."""
    decompressor = zstandard.ZstdDecompressor()
    unpack = decompressor.decompressobj()
    open_frame = False
    try:
        for block in raw:
            for start in range(0, len(block), _STEP):
                data = block[start : start + _STEP]
                while data:
                    open_frame = True
                    unpacked = unpack.decompress(data)
                    if unpacked:
                        yield unpacked
                    data = b""
                    if unpack.eof:
                        data = unpack.unused_data
                        unpack = decompressor.decompressobj()
                        open_frame = False
    except zstandard.ZstdError:
        raise SourceError(place, "The zstd file is damaged here; records before were read. Copy it again.") from None
    if open_frame:
        raise SourceError(place, "The zstd file is cut off; records before were read. Copy it again.")


def _decoded(blocks: Iterator[bytes], place: str) -> Iterator[bytes]:
    """UTF-8 without its mark; UTF-16, as Windows shells redirect it, is turned into UTF-8."""
    first = next(blocks, b"")
    encoding = _UTF16.get(first[:2])
    if encoding is None:
        yield first.removeprefix(_BOM)
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in chain((first[2:],), blocks):
            yield decoder.decode(block).encode()
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise SourceError(place, "The UTF-16 text is damaged here; records before were read.") from None
