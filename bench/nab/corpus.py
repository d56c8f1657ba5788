"""The public benchmark as files: series with a time, a value, and the windows in which something was wrong."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Series:
    """One file of the benchmark."""

    name: str
    """Path below `data/`, such as `realTweets/Twitter_volume_KO.csv`."""
    times: tuple[float, ...]
    """Seconds since 1970; the files give no zone, and are read as UTC."""
    values: tuple[float, ...]
    windows: tuple[tuple[int, int], ...]
    """First and last row of each anomaly, both included."""

    @property
    def category(self) -> str:
        """The directory, which stands for a kind of source."""
        return self.name.partition("/")[0]


def seconds(text: str) -> float:
    """A time as the benchmark writes it, in seconds since 1970."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def columns(path: Path, *names: str) -> list[tuple[str, ...]]:
    """The named columns of a CSV file, as text, row by row.

    Raises:
        KeyError: the file lacks one of the columns.
    """
    with path.open(newline="") as lines:
        return [tuple(row[name] for name in names) for row in csv.DictReader(lines)]


def series_of(path: Path, name: str, windows: list[tuple[str, str]]) -> Series:
    """One file, with its windows as row numbers; a time that stands in several rows is the first of them."""
    rows = columns(path, "timestamp", "value")
    times = tuple(seconds(when) for when, _ in rows)
    limits = tuple((times.index(seconds(first)), times.index(seconds(last))) for first, last in windows)
    return Series(name, times, tuple(float(value) for _, value in rows), limits)


def read(root: Path) -> list[Series]:
    """All labelled series of a checkout of the benchmark, in order of their names.

    Raises:
        FileNotFoundError: there is no benchmark at `root`.
    """
    labels = root / "labels" / "combined_windows.json"
    if not labels.is_file():
        raise FileNotFoundError(f"{labels} does not exist: --data wants a checkout of github.com/numenta/NAB")
    windows = msgspec.json.decode(labels.read_bytes(), type=dict[str, list[tuple[str, str]]])
    return [series_of(root / "data" / name, name, windows[name]) for name in sorted(windows)]


def results(root: Path, detector: str, series: Sequence[Series]) -> list[list[float]]:
    """The scores that the benchmark itself keeps of a detector, series by series."""
    found = []
    for one in series:
        category, _, file = one.name.partition("/")
        path = root / "results" / detector / category / f"{detector}_{file}"
        found.append([float(score) for (score,) in columns(path, "anomaly_score")])
    return found
