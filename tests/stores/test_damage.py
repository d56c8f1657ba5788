"""Damage is found and repaired from a snapshot, or it changes nothing: never does the store go on with other content.

`STORE_DAMAGE=1` runs the full numbers (400 bit flips, 50 truncations, 50 zeroed pages for each way in which a process
can have ended); otherwise a tenth of them.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from detector.stores.failpoints import Point
from tests.stores.stage import AGENT, DAY, NOW, Content, Facts, batch, content, killed, opened

FULL = os.environ.get("STORE_DAMAGE") == "1"
FLIPS, TRUNCATIONS, ZEROED = (400, 50, 50) if FULL else (40, 5, 5)
PAGE = 4096

Ending = str
ENDINGS: tuple[Ending, ...] = ("closed", "killed", "killed_in_checkpoint")


@dataclass
class Patient:
    """A store to damage, and everything it may rightly hold afterwards."""

    directory: Path
    last: Content = field(default_factory=dict)
    earlier: list[Content] = field(default_factory=list)
    """After each earlier commit: what the loss of the end of the log may lead back to."""
    snapshot: Content = field(default_factory=dict)


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> dict[Ending, Patient]:
    folder = tmp_path_factory.mktemp("patients")
    patients = {ending: Patient(folder / ending) for ending in ENDINGS}
    live, history, ending = folder / "live", list[Content](), False

    def at(point: Point) -> None:
        if point == "in_checkpoint" and ending:
            killed(live, patients["killed_in_checkpoint"].directory)

    with opened(live, at=at, checkpoint_bytes=10**9) as store:
        store.alerts.suppress(AGENT, owner="o", reason="r", expires=NOW + DAY, detector="quiet")
        for number in range(30):
            if number == 15:
                # Whatever the snapshot has is in the database, and what follows is in the log alone.
                assert store._checkpoints.run()
                store.snapshot()
                base = content(live)
                history.clear()
            raised = [alert.id for alert in batch(number).alerts]
            for change in (
                lambda: store.commit(batch(number)),  # noqa: B023
                lambda: store.outbox.mark_sent("webhook", raised),  # noqa: B023
                lambda: store.alerts.acknowledge(raised, who="me", note="seen"),  # noqa: B023
            ):
                change()
                history.append(content(live))
        killed(live, patients["killed"].directory)
        ending = True
    shutil.copytree(live, patients["closed"].directory)
    for patient in patients.values():
        patient.last, patient.earlier, patient.snapshot = history[-1], [base, *history[:-1]], base
    assert patients["killed_in_checkpoint"].directory.exists()
    return patients


def flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def truncate(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def zero(data: bytearray, chance: random.Random) -> None:
    page = chance.randrange(max(1, len(data) // PAGE)) * PAGE
    data[page : page + PAGE] = bytes(len(data[page : page + PAGE]))


def outcome(patient: Patient, target: Path, file: str, harm: Callable[[bytearray], Any]) -> str:
    """What becomes of a damaged copy: `same`, `repaired`, `earlier` (the end of the log is gone), or a complaint."""
    directory = killed(patient.directory, target)
    data = bytearray((directory / file).read_bytes())
    harm(data)
    (directory / file).write_bytes(data)
    facts = Facts()
    try:
        opened(directory, facts).close()
        found = content(directory)
    finally:
        shutil.rmtree(directory)
    if facts.of("store_corrupted"):
        return "repaired" if found == patient.snapshot and facts.of("store_restored") else "REPAIRED WRONGLY"
    if found == patient.last:
        return "same"
    if not file.endswith("-wal") or found not in patient.earlier:
        return "SILENT DIFFERENCE"
    if facts.of("log_cut"):
        return "earlier, and told"
    # The last commit alone cannot be told from one that power failed in, nor a log cut off from one never written.
    return "earlier by one" if found == patient.earlier[-1] else "earlier"


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_no_damage_makes_a_silent_difference(patients: dict[Ending, Patient], tmp_path: Path, ending: Ending) -> None:
    patient, chance, seen = patients[ending], random.Random(ending), Counter[str]()
    files = ["store.db"] if ending == "closed" else ["store.db", "store.db-wal"]
    assert [(patient.directory / file).stat().st_size > 50_000 for file in files] == [True] * len(files)
    for harm, times in ((flip, FLIPS), (truncate, TRUNCATIONS), (zero, ZEROED)):
        for number in range(times):
            what = outcome(patient, tmp_path / "x", files[number % len(files)], lambda data: harm(data, chance))  # noqa: B023
            seen[f"{harm.__name__} {what}"] += 1
    print(ending, dict(seen))  # noqa: T201 -- the figures of a full run
    fine = {"same", "repaired", "earlier, and told", "earlier by one"}
    assert not [what for what in seen if what.split(" ", 1)[1] not in fine and what != "truncate earlier"]
    assert any("repaired" in what for what in seen)
    assert ending == "closed" or any("told" in what for what in seen)


@pytest.mark.slow
def test_no_bit_of_the_header_makes_a_silent_difference(patients: dict[Ending, Patient], tmp_path: Path) -> None:
    seen = Counter[str]()
    for ending in ("closed", "killed"):
        for bit in range(0, 800, 1 if FULL else 7):

            def harm(data: bytearray, bit: int = bit) -> None:
                data[bit // 8] ^= 1 << bit % 8

            seen[outcome(patients[ending], tmp_path / "x", "store.db", harm)] += 1
    print("header", dict(seen))  # noqa: T201
    assert set(seen) == {"same", "repaired"}


def test_a_row_is_missed(patients: dict[Ending, Patient], tmp_path: Path) -> None:
    """As if a page were older than the others: every row checks, and yet the store is not what was committed."""
    directory = killed(patients["closed"].directory, tmp_path / "x")
    with closing(sqlite3.connect(directory / "store.db", isolation_level=None)) as connection:
        (text,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'state_delete'").fetchone()
        connection.execute("DROP TRIGGER state_delete")
        connection.execute("DELETE FROM state WHERE rowid = 1")
        connection.execute(text)
    facts = Facts()
    opened(directory, facts).close()
    assert facts.of("store_corrupted")[0][0] == "Rows of state are missing, or of different commits."
    assert content(directory) == patients["closed"].snapshot


def test_an_index_that_leads_elsewhere_is_noticed(patients: dict[Ending, Patient], tmp_path: Path) -> None:
    """Every row is there and checks; only looking one up would not find it, and store it a second time."""
    directory = killed(patients["closed"].directory, tmp_path / "x")
    with closing(sqlite3.connect(directory / "store.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'outbox_order')"
            " WHERE name = 'alerts_time'"
        )
    facts = Facts()
    opened(directory, facts).close()
    assert facts.of("store_corrupted")[0][0] == "SQLite's integrity check fails."
    assert content(directory) == patients["closed"].snapshot


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DROP TRIGGER alerts_insert", "Its tables are not those of its format."),
        ("CREATE TABLE more (x)", "Its tables are not those of its format."),
        ("PRAGMA application_id = 7", "It is not a store of this program."),
        ("PRAGMA user_version = 7", "Its header and its table disagree about the format."),
        ("UPDATE meta SET crc = 0 WHERE name = 'format'", "Its header and its table disagree about the format."),
        ("UPDATE totals SET rows = 0 WHERE name = 'core'", "Rows of core are missing, or of different commits."),
    ],
)
def test_the_frame_of_the_store_is_checked_too(
    patients: dict[Ending, Patient], tmp_path: Path, statement: str, reason: str
) -> None:
    directory = killed(patients["closed"].directory, tmp_path / "x")
    with closing(sqlite3.connect(directory / "store.db", isolation_level=None)) as connection:
        connection.execute(statement)
    facts = Facts()
    opened(directory, facts).close()
    assert facts.of("store_corrupted") == [(reason, "damaged/0001-20260921T141320Z")]
    assert content(directory) == patients["closed"].snapshot


def test_a_damaged_store_is_kept_for_whoever_looks_into_it_but_not_for_ever(tmp_path: Path) -> None:
    for number in range(4):
        with opened(tmp_path) as store:
            store.commit(batch(number))
            if not number:
                store.snapshot()
        (tmp_path / "store.db").write_bytes(b"damage %d" % number)
    opened(tmp_path).close()
    kept = sorted((tmp_path / "damaged").iterdir())
    assert [(folder / "store.db").read_bytes() for folder in kept] == [b"damage 2", b"damage 3"]
    assert {oct(folder.stat().st_mode & 0o777) for folder in kept} == {"0o700"}


def test_without_a_good_snapshot_the_store_starts_empty_and_says_so(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.commit(batch(1))
    (tmp_path / "store.db").write_bytes(b"")
    facts = Facts()
    with opened(tmp_path, facts) as store:
        assert store.opening == store.load().opening == "lost"
        assert store.load().positions == {}
    assert [name for name, _ in facts.told][:2] == ["store_corrupted", "store_lost"]
