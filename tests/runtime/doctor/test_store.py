"""The store: looked at, never changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from subprocess import PIPE

import pytest

from detector.config.store import StoreSettings
from detector.runtime.doctor.results import Result
from detector.runtime.doctor.store import StoreFindings, store
from tests.stores.stage import NOW, batch, opened

HOLD = """
import sys, fcntl, os
from detector.stores.lock import Lock
from pathlib import Path
lock = Lock(Path(sys.argv[1]))
lock.record(41)
print("held", flush=True)
sys.stdin.read()
"""


def looked(directory: Path, **changes: object) -> tuple[StoreFindings, dict[str, Result]]:
    settings = StoreSettings.model_validate({"directory": directory, "min_free": 0.0, **changes})
    found = store(settings, NOW, StoreFindings())
    return found, {result.check: result for result in found.results}


def everything(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def test_a_good_store_passes_and_is_left_as_it_was(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as service:
        service.commit(batch(1))
        service.snapshot()
        epoch = service.epoch
    before = everything(tmp_path / "data")
    found, results = looked(tmp_path / "data")
    assert {name: result.verdict for name, result in results.items()} == {
        "store.directory": "ok",
        "store.space": "ok",
        "store.lock": "ok",
        "store.integrity": "ok",
        "store.content": "ok",
        "store.snapshots": "ok",
    }
    assert (found.epoch, found.held) == (epoch, False)
    assert set(found.positions) == {"0", "1"}
    after = everything(tmp_path / "data")
    assert {name: after[name] for name in before} == before
    with opened(tmp_path / "data") as service:
        assert service.epoch == epoch + 1, "looking raises no epoch"


def test_a_store_locked_by_another_process_says_by_whom(tmp_path: Path) -> None:
    with opened(tmp_path) as service:
        service.commit(batch(1))
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=PIPE, stdout=PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        found, results = looked(tmp_path)
        assert found.held
        assert results["store.lock"].details["pid"] == holder.pid
        assert f"process {holder.pid}" in results["store.lock"].found
        assert results["store.lock"].details["epoch"] == 41
        assert results["store.integrity"].verdict == "not checked"
        assert results["store.content"].verdict == "ok", "it can be read beside a service"
    finally:
        holder.communicate()
    assert not looked(tmp_path)[0].held


def test_a_lock_that_is_looked_at_can_be_taken_at_once(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    looked(tmp_path)
    with opened(tmp_path) as service:
        assert looked(tmp_path)[0].held
        assert service.epoch == 2


def test_no_store_yet_is_no_fault(tmp_path: Path) -> None:
    found, results = looked(tmp_path / "not" / "there")
    assert results["store.directory"].verdict == "ok"
    assert "will be made" in results["store.directory"].found
    assert results["store.integrity"].verdict == "not checked"
    assert found.epoch is None
    assert not (tmp_path / "not").exists()


def test_damage_is_told(tmp_path: Path) -> None:
    with opened(tmp_path) as service:
        service.commit(batch(1))
    path = tmp_path / "store.db"
    data = bytearray(path.read_bytes())
    at = data.rindex(b"offset-1")
    data[at] ^= 1
    path.write_bytes(data)
    _, results = looked(tmp_path)
    assert results["store.integrity"].verdict == "failed"
    assert "damaged" in results["store.integrity"].found
    assert path.read_bytes() == data, "the doctor repairs nothing"


def test_a_file_that_is_no_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"x" * 5000)
    _, results = looked(tmp_path)
    assert results["store.integrity"].verdict == "failed"
    assert results["store.content"].verdict == "not checked"


def test_a_store_of_a_later_release_is_told(tmp_path: Path) -> None:
    from detector.stores.schema import STEPS

    with opened(tmp_path, steps=(*STEPS, lambda _: None)):
        pass
    _, results = looked(tmp_path)
    assert results["store.integrity"].verdict == "failed"
    assert "release" in results["store.integrity"].advice
    assert results["store.content"].verdict == "not checked"


def test_a_directory_that_cannot_be_written_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    _, results = looked(tmp_path / "file" / "data")
    assert results["store.directory"].verdict == "failed"


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("free", "verdict"), [(90, "ok"), (12, "warning"), (9, "failed")])
def test_free_space_is_held_against_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 100 - free, free))
    _, results = looked(tmp_path, min_free=0.1)
    assert results["store.space"].verdict == verdict


def test_old_snapshots_of_a_service_at_work_are_a_warning(tmp_path: Path) -> None:
    with opened(tmp_path, now=lambda: NOW - 20_000) as service:
        service.snapshot()
        _, results = looked(tmp_path)
    assert results["store.snapshots"].verdict == "warning"
    _, results = looked(tmp_path)
    assert results["store.snapshots"].verdict == "ok", "nobody is there to take one"
