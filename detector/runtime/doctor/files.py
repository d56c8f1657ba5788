"""The followed directory: may it be read, and what comes in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from detector.runtime.doctor.contents import Contents, judged
from detector.runtime.doctor.results import Result, ago, unchecked
from detector.sources.follow.names import Entry, Place

if TYPE_CHECKING:
    from detector.config.settings import Settings

_TAIL: Final = 256 * 2**10
"""Bytes of the end of a file that are looked at."""
_FILES: Final = 20
"""Files that are looked at: those written last."""
QUIET: Final = 2 * 3600.0


def files(settings: Settings, now: float) -> Iterator[Result]:
    """Looks at the directory and at the newest lines in it; reads nothing to the end of a large file."""
    assert settings.source.files is not None
    path = settings.source.files.path
    try:
        place = Place(path)
    except ValueError as error:
        yield _failed(str(error), "The service refuses to start.", "Put the pattern into the last part only.")
        yield from _unknown()
        return
    try:
        found = place.look()
    except OSError as error:
        yield _failed(
            f"{place.directory}: The directory cannot be listed ({error.strerror}).",
            "The service would wait for it and read nothing.",
            "Check the name and its rights; whoever runs the service must be able to read and enter it.",
        )
        yield from _unknown()
        return
    entries = sorted((entry for group in found.values() for entry in group), key=lambda entry: -entry.modified)
    yield _directory(path, place, entries, now)
    contents = Contents(settings)
    for entry in [entry for entry in entries if not entry.packed and entry.size][:_FILES]:
        try:
            lines = _tail(entry.path)
        except OSError:
            continue  # told with the directory
        if lines:
            contents.add(lines, lines=True)
    yield from judged("files", contents, now, "There is no line to look at.")


def _directory(path: str, place: Place, entries: list[Entry], now: float) -> Result:
    closed = [os.path.basename(entry.path) for entry in entries if not os.access(entry.path, os.R_OK)]
    details = {"files": len(entries), "bytes": sum(entry.size for entry in entries), "unreadable": len(closed)}
    if closed:
        return _failed(
            f"{len(closed)} of {len(entries)} files in {place.directory} may not be read, {closed[0]} for one.",
            "What is in them would not be seen.",
            "Let the user that runs the service read them.",
        )
    if not entries:
        return Result(
            check="files.directory",
            verdict="warning",
            found=f"{path}: No file there is followed.",
            meaning="The service would wait until there is one.",
            advice="Names end in .jsonl, .ndjson, .json or .log, unless `path` has a pattern; folders are not entered.",
            details=details,
        )
    silence = now - entries[0].modified / 1e9
    details["newest_seconds"] = round(silence)
    if silence > QUIET:
        return Result(
            check="files.directory",
            verdict="warning",
            found=f"Nothing was written to {path} for {silence / 3600:.0f} hours.",
            meaning="Either nothing happens, or nobody writes there any more.",
            advice="Check what is meant to write there.",
            details=details,
        )
    count = f"{len(entries)} file{'s' if len(entries) != 1 else ''}"
    found = f"{path}: {count}, the last written {ago(silence)} ago."
    return Result(check="files.directory", verdict="ok", found=found, details=details)


def _failed(found: str, meaning: str, advice: str) -> Result:
    return Result(check="files.directory", verdict="failed", found=found, meaning=meaning, advice=advice)


def _unknown() -> Iterator[Result]:
    for name in ("files.categories", "files.agents"):
        yield unchecked(name, "The directory cannot be read.")


def _tail(path: str) -> bytes:
    """The last whole lines of a file."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - _TAIL)
        file.seek(start)
        data = file.read(_TAIL)
    if start:
        data = data[data.find(b"\n") + 1 :] if b"\n" in data else b""
    return data[: data.rfind(b"\n") + 1]
