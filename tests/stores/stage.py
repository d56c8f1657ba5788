"""Stores to play with: builders, a clock that stands still, facts that are remembered, and a kill without a process."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from detector.domain.delivery import Position
from detector.domain.quarantine import Quarantined
from detector.stores import schema
from detector.stores.database import Database
from detector.stores.failpoints import Point, nowhere
from detector.stores.records import Commit, CoreRow, NewAlert, StateRow
from detector.stores.schema import STEPS, Step
from detector.stores.settings import StoreSettings
from detector.stores.store import Store
from detector.stores.workings import Workings

NOW = 1_790_000_000.0
"""Wall clock of every test, unless it says otherwise: 2026-09-21."""
DAY = 86_400.0
AGENT = "6f1e8a52-0000-4000-8000-000000000001"
OTHER = "6f1e8a52-0000-4000-8000-000000000002"


class Facts:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *values: self.told.append((name, values))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [values for told, values in self.told if told == name]


def workings(
    facts: Facts | None = None,
    at: Callable[[Point], None] = nowhere,
    steps: tuple[Step, ...] = STEPS,
    now: Callable[[], float] = lambda: NOW,
    **settings: Any,
) -> Workings:
    return Workings(
        now=now,
        monotonic=lambda: 0.0,
        facts=facts or Facts(),
        at=at,
        settings=StoreSettings(**settings),
        steps=steps,
    )


def opened(directory: Path, facts: Facts | None = None, **options: Any) -> Store:
    return Store.open(directory, workings(facts, **options))


def alert(number: int = 1, **changes: Any) -> NewAlert:
    members: dict[str, Any] = {
        "id": f"{number:032x}",
        "time": NOW - 60 + number / 1000,
        "severity": "high",
        "detector": "token_spike",
        "subject": AGENT,
        "document": b'{"n":%d}' % number,
        "sinks": ("alertmanager",),
    }
    return NewAlert(**{**members, **changes})


def quarantined(data: bytes = b'{"id": 1', place: str = "0@1") -> Quarantined:
    return Quarantined("malformed_json", "The text ends early.", data, len(data), "0" * 64, place)


def batch(number: int, **changes: Any) -> Commit:
    """A batch that touches every table; batches of different numbers differ in every row they share."""
    members: dict[str, Any] = {
        "state": [
            StateRow("agent", "t", f"agent-{k % 40}", b"%d:" % number * (k % 7 + 1)) for k in range(number, number + 5)
        ],
        "core": [CoreRow("admission", b"watermark %d" % number)],
        "positions": {"0": Position(number * 10, f"offset-{number}"), "1": Position(number, f"{number}")},
        "identities": {"hub": "created 2026-01-01"},
        "digests": {497_222 + number // 8: number.to_bytes(8, "little") * 3},
        "counters": {"received": number * 11, "applied": number * 10},
        "alerts": [alert(number, sinks=("alertmanager", "webhook"))],
        "quarantined": [quarantined(b"\x00\xff%d" % number, f"0@{number}")],
    }
    return Commit(**{**members, **changes})


def killed(directory: Path, target: Path) -> Path:
    """The files as a process leaves them that is killed at this instant; the shared-memory file is rebuilt anyway."""
    return Path(shutil.copytree(directory, target, ignore=shutil.ignore_patterns("*-shm")))


Content = dict[str, Counter[tuple[Any, ...]]]


def content(directory: Path) -> Content:
    """All rows of all tables but the store's own numbers."""
    with closing(Database(directory / "store.db", "ro")) as database:
        return {
            table: Counter(database.rows(f"SELECT * FROM {table}"))
            for table, _ in schema.columns(database.connection)
            if table != "meta"
        }


def loaded(store: Store) -> dict[str, Any]:
    """What an engine would get, in a form to compare."""
    got = store.load()
    return {
        "state": {row[:3]: (row.version, row.payload) for row in got.state},
        "core": got.core,
        "positions": got.positions,
        "identities": got.identities,
        "digests": {hour: sorted(ids[k : k + 8] for k in range(0, len(ids), 8)) for hour, ids in got.digests.items()},
        "counters": got.counters,
    }
