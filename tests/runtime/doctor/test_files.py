"""The followed directory: may it be read, how old is it, and what is in it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from detector.runtime.doctor.canary import append_line, canary_body
from tests.runtime.doctor.stage import AGENT, Examined

pytestmark = pytest.mark.asyncio


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


def agent_signed_in() -> bytes:
    return canary_body(AGENT, time.time())  # noqa: TID251 -- what is written now is new


async def test_a_directory_that_is_written_to_is_well(examined: Examined, logs: Path) -> None:
    append_line(logs / "a.jsonl", agent_signed_in())
    with (logs / "a.jsonl").open("ab") as file:
        file.write(b'{"half": a line')
    examined.files(logs)
    results = await examined.results()
    assert results["files.directory"].verdict == "ok"
    assert results["files.directory"].details["files"] == 1
    assert results["files.categories"].details["categories"] == {"ServicePrincipalSignInLogs": 1}
    assert results["files.categories"].details["unusable"] == {}, "a line that is being written is not looked at"
    assert results["files.agents"].details["agents"] == 1
    assert "store.positions" not in results


async def test_only_the_end_of_a_large_file_is_read(examined: Examined, logs: Path) -> None:
    old = b'{"category": "AuditLogs"}\n' * 40_000
    (logs / "a.jsonl").write_bytes(old)
    append_line(logs / "a.jsonl", agent_signed_in())
    examined.files(logs)
    results = await examined.results()
    looked_at = sum(results["files.categories"].details["unusable"].values())
    assert 0 < looked_at < 12_000
    assert results["files.categories"].details["categories"] == {"ServicePrincipalSignInLogs": 1}


async def test_a_directory_that_is_missing_fails(examined: Examined, logs: Path) -> None:
    examined.files(logs / "gone" / "*.jsonl")
    results = await examined.results()
    assert results["files.directory"].verdict == "failed"
    assert "No such file" in results["files.directory"].found
    assert results["files.categories"].verdict == "not checked"


async def test_a_pattern_in_the_directory_part_fails(examined: Examined, logs: Path) -> None:
    examined.files(f"{logs}*/x/*.jsonl")
    assert (await examined.results())["files.directory"].verdict == "failed"


async def test_an_empty_directory_is_a_warning(examined: Examined, logs: Path) -> None:
    (logs / "notes.txt").write_text("not followed")
    examined.files(logs)
    results = await examined.results()
    assert results["files.directory"].verdict == "warning"
    assert results["files.categories"].verdict == "not checked"


async def test_a_directory_that_fell_silent_says_for_how_long(examined: Examined, logs: Path) -> None:
    append_line(logs / "a.jsonl", agent_signed_in())
    past = time.time() - 3 * 3600  # noqa: TID251 -- as above
    os.utime(logs / "a.jsonl", (past, past))
    examined.files(logs)
    directory = (await examined.results())["files.directory"]
    assert directory.verdict == "warning"
    assert "for 3 hours" in directory.found


async def test_a_file_that_may_not_be_read_fails(
    examined: Examined, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_line(logs / "a.jsonl", agent_signed_in())
    # Whoever runs the tests may be root, who may read everything.
    monkeypatch.setattr("detector.runtime.doctor.files.os.access", lambda *_: False)
    examined.files(logs)
    directory = (await examined.results())["files.directory"]
    assert directory.verdict == "failed"
    assert "a.jsonl" in directory.found


async def test_hostile_names_do_not_reach_the_terminal(
    examined: Examined, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_line(logs / "a\x1b[31m.jsonl", agent_signed_in())
    monkeypatch.setattr("detector.runtime.doctor.files.os.access", lambda *_: False)
    examined.files(logs)
    found = [each["found"] for each in (await examined.report()).document()["checks"]]
    assert any("[31m.jsonl" in text for text in found)
    assert not any("\x1b" in text for text in found)


async def test_without_a_source_the_report_says_so(examined: Examined) -> None:
    assert (await examined.results())["source"].verdict == "failed"
