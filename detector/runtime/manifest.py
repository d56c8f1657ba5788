"""What a replay read, for whoever has to trust its answer: inputs, hashes, times, and what was not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any, Final

from detector import __version__
from detector.runtime.summary import utc
from detector.sources.chunk import FileFailure
from detector.sources.layout import HOUR
from detector.sources.reading import Reading

SCHEMA: Final = "1"
_MOST_GAPS: Final = 1_000


def manifest(
    readings: Sequence[Reading],
    *,
    failures: Iterable[FileFailure],
    left_out: int,
    ignored: Sequence[str],
    since: float,
    until: float,
) -> dict[str, Any]:
    """The manifest as JSON can hold it.

    Args:
        readings: What became of each input.
        failures: What could not be read, or not to its end.
        left_out: Archived files of other times, logs or tenants.
        ignored: Files in directories that were not read because of their ending.
        since: First event time that was wanted.
        until: First event time that was not wanted any more.
    """
    gaps = list(_gaps(readings, since, until))
    return {
        "schema": SCHEMA,
        "version": __version__,
        "wanted": {"from": _moment(since), "to": _moment(until)},
        "inputs": [_input(reading) for reading in readings],
        "totals": {
            "inputs": len(readings),
            "bytes": sum(reading.size for reading in readings),
            "bytes_read": sum(reading.read for reading in readings),
            **{status: sum(each.status == status for each in readings) for status in ("read", "partly", "failed")},
            "not_reached": sum(reading.status == "waiting" for reading in readings),
            "left_out": left_out,
            "ignored": list(ignored),
        },
        "failures": [{"place": failure.place, "problem": failure.message} for failure in failures],
        "gaps": gaps[:_MOST_GAPS],
        "gaps_not_listed": max(0, len(gaps) - _MOST_GAPS),
    }


def _input(reading: Reading) -> dict[str, Any]:
    said: dict[str, Any] = {
        "place": reading.place,
        "status": reading.status,
        "bytes": reading.size,
        "bytes_read": reading.read,
        "sha256": reading.sha256,
        "version": reading.version or None,
        "form": reading.form,
        "sorted": reading.sorted,
        "first": _moment(reading.first),
        "last": _moment(reading.last),
    }
    optional = {
        "log": reading.category,
        "tenant": reading.tenant,
        "hour": _moment(reading.slot),
        "bytes_added_meanwhile": reading.grown or None,
        "problem": reading.problem,
    }
    return said | {name: value for name, value in optional.items() if value is not None}


def _gaps(readings: Sequence[Reading], since: float, until: float) -> Iterator[dict[str, Any]]:
    """Hours without a file, by log and tenant: between its first and its last hour, and at the ends of the window.

    A log that nothing happened in has no file for that hour, so a gap is a question and not yet a loss.
    """
    hours: dict[tuple[str, str], set[int]] = {}
    for reading in readings:
        if reading.slot is not None and reading.category is not None:
            hours.setdefault((reading.category, reading.tenant or ""), set()).add(int(reading.slot // HOUR))
    for (category, tenant), there in sorted(hours.items()):
        first = min(there) if since == -inf else int(since // HOUR)
        last = max(there) if until == inf else int(-(-until // HOUR)) - 1
        begun: int | None = None
        for hour in range(first, last + 2):
            missing = hour <= last and hour not in there
            if missing and begun is None:
                begun = hour
            elif not missing and begun is not None:
                yield {
                    "log": category,
                    "tenant": tenant or None,
                    "from": utc(begun * HOUR),
                    "to": utc(hour * HOUR),
                    "hours": hour - begun,
                }
                begun = None


def _moment(time: float | None) -> str | None:
    return None if time is None or abs(time) == inf else utc(time)
