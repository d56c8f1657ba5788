"""`agent-detector replay` of an archive: windows, interruptions, and what it says it read."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from detector.cli import exits
from detector.cli.main import main
from tests.archive import on_time, tree
from tests.live.stream import Stream, stream

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def told() -> Stream:
    return on_time(stream(days=2.0, agents=6))


@pytest.fixture(scope="module")
def archive(told: Stream, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree(tmp_path_factory.mktemp("archive"), told.messages)


@pytest.fixture(scope="module")
def config(told: Stream, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "detector.yaml"
    path.write_text(yaml.safe_dump(told.configuration))
    return path


def command(archive: Path, config: Path, folder: Path, *more: Any) -> list[str]:
    said = [archive, "--config", config, "--output", folder / "alerts.jsonl", "--no-progress"]
    return ["replay", *map(str, [*said, "--summary", folder / "summary.json", *more])]


def replayed(archive: Path, config: Path, folder: Path, *more: Any) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    folder.mkdir(exist_ok=True)
    code = main(command(archive, config, folder, *more))
    return code, json.loads((folder / "summary.json").read_text()), alerts_in(folder / "alerts.jsonl")


def alerts_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def whole(archive: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("whole")
    code, summary, _ = replayed(archive, config, folder, "--manifest", folder / "manifest.json")
    assert code == exits.OK
    return folder, summary


# Windows


def before_the_end(summary: dict[str, Any], days: float) -> str:
    """A moment so many days before the last event, on the hour."""
    moment = datetime.fromisoformat(summary["last_event"]) - timedelta(days=days)
    return moment.strftime("%Y-%m-%dT%H:00:00Z")


def test_a_window_is_judged_after_the_days_before_have_taught(
    whole: tuple[Path, dict[str, Any]], archive: Path, config: Path, tmp_path: Path
) -> None:
    """The alerts are those of the whole archive that lie in the window, and the summary says what was learned."""
    folder, summary = whole
    start, end = before_the_end(summary, 1.0), before_the_end(summary, 0.4)
    code, said, found = replayed(archive, config, tmp_path, "--from", start, "--to", end, "--baseline", "60d")
    since, until = datetime.fromisoformat(start), datetime.fromisoformat(end)
    told = alerts_in(folder / "alerts.jsonl")
    wanted = [alert for alert in told if since <= datetime.fromisoformat(alert["time"]) < until]
    assert code == exits.OK
    assert wanted
    assert [alert["id"] for alert in found] == [alert["id"] for alert in wanted]
    baseline = said["baseline"]
    assert (baseline["kind"], baseline["judged_from"], baseline["judged_until"]) == ("learned", start, end)
    assert baseline["days_wanted"] == 60.0
    assert 30.0 < baseline["days_found"] < 40.0
    assert any("The baseline is" in note for note in said["notes"])
    assert baseline["alerts_not_told"] == sum(datetime.fromisoformat(each["time"]) < since for each in told)


def test_without_a_baseline_nothing_before_the_window_is_known(
    whole: tuple[Path, dict[str, Any]], archive: Path, config: Path, tmp_path: Path
) -> None:
    start = before_the_end(whole[1], 1.0)
    _, said, _ = replayed(archive, config, tmp_path, "--from", start, "--baseline", "0", "--spread", "0")
    assert said["baseline"]["kind"] == "none"
    assert said["first_event"] >= start
    assert said["records"]["received"] < whole[1]["records"]["received"]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (("--baseline", "3d"), "--from"),
        (("--from", "2026-10-06", "--to", "2026-10-05"), "before"),
        (("--from", "2026-10-05", "--since", "2026-10-05"), "--since"),
        (("--from", "2026-10-05", "--baseline", "tomorrow"), "length of time"),
        (("--checkpoint", "c", "--incidents"), "excludes"),
        (("--snapshot", "nowhere"), "no snapshot"),
    ],
)
def test_what_makes_no_sense_is_refused(
    more: tuple[str, ...], word: str, archive: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(archive, config, tmp_path, *more)) == exits.USAGE
    assert word in capsys.readouterr().err


# The manifest


def test_the_manifest_accounts_for_every_file_with_its_hash_and_time(
    whole: tuple[Path, dict[str, Any]], archive: Path
) -> None:
    document = json.loads((whole[0] / "manifest.json").read_text())
    files = sorted(path for path in archive.rglob("*.json"))
    inputs = {each["place"]: each for each in document["inputs"]}
    assert sorted(inputs) == [str(path) for path in files]
    for path in files:
        said, data = inputs[str(path)], path.read_bytes()
        assert (said["status"], said["bytes"], said["bytes_read"]) == ("read", len(data), len(data))
        assert said["sha256"] == hashlib.sha256(data).hexdigest()
        assert said["log"] == path.relative_to(archive).parts[0].removeprefix("insights-logs-")
        assert said["first"] <= said["last"]
        if said["log"].endswith("signinlogs"):
            times = [json.loads(line)["properties"]["createdDateTime"][:19] for line in data.splitlines()]
            assert {said["first"][:19], said["last"][:19]} <= set(times)
    assert document["totals"]["read"] == len(files)
    assert document["failures"] == []


def test_hours_without_a_file_are_gaps(whole: tuple[Path, dict[str, Any]]) -> None:
    document = json.loads((whole[0] / "manifest.json").read_text())
    there = {(each["log"], each["hour"]) for each in document["inputs"]}
    missing = sum(gap["hours"] for gap in document["gaps"])
    logs = {log for log, _ in there}
    span = {log: sorted(hour for each, hour in there if each == log) for log in logs}
    expected = 0
    for hours in span.values():
        first, last = (datetime.fromisoformat(hour) for hour in (hours[0], hours[-1]))
        expected += int((last - first).total_seconds() // 3600) + 1 - len(hours)
    assert missing == expected


def test_a_file_that_cannot_be_read_is_a_failure_in_summary_manifest_and_exit_code(
    archive: Path, config: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "insights-logs-auditlogs/tenantId=t/y=2026/m=10/d=05/h=09/m=00/PT1H.json"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"PAR1 and so on")
    said = [str(broken), "--manifest", str(tmp_path / "manifest.json")]
    code, summary, found = replayed(archive, config, tmp_path / "out", *said)
    assert code == exits.INPUT
    assert found
    assert [str(broken) in failure for failure in summary["failed_files"]] == [True]
    document = json.loads((tmp_path / "manifest.json").read_text())
    assert [each["status"] for each in document["inputs"] if each["place"] == str(broken)] == ["failed"]
    assert "Parquet" in document["failures"][0]["problem"]


# Interruptions


STRUCK = """
import os, sys, threading
from detector.cli.main import main
from detector.runtime import checkpoint

number, seconds, write = int(sys.argv[1]), float(sys.argv[2]), checkpoint.write
struck = threading.Timer(seconds, os.kill, (os.getpid(), number))

def writing(*arguments):
    write(*arguments)
    if struck.ident is None:
        struck.start()

checkpoint.write = writing
sys.exit(main(sys.argv[3:]))
"""
"""A replay that a signal strikes so many seconds behind its first checkpoint, however slow whoever looks on is."""


def struck(arguments: list[str], what: signal.Signals, seconds: float = 0.0) -> tuple[int, bytes]:
    """Runs a replay that gets a signal; its exit code, and what it says."""
    done = subprocess.run(
        (sys.executable, "-c", STRUCK, str(int(what)), str(seconds), *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "3"},
        stderr=subprocess.PIPE,
        check=False,
        timeout=180,
    )
    return done.returncode, done.stderr


def test_after_kill_9_at_any_place_the_result_is_the_same(
    whole: tuple[Path, dict[str, Any]], archive: Path, config: Path, tmp_path: Path
) -> None:
    """Killed again and again, each time behind another checkpoint: the file of alerts is the same byte for byte."""
    checkpoint = tmp_path / "checkpoint"
    arguments = command(archive, config, tmp_path, "--checkpoint", checkpoint, "--checkpoint-every", "0.02")
    arguments += ["--manifest", str(tmp_path / "manifest.json")]
    kills = 0
    for seconds in (0.0, 0.02, 0.005, 0.05):
        code, _ = struck(arguments, signal.SIGKILL, seconds)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
    assert kills
    if checkpoint.exists():
        assert main(arguments) == exits.OK
    folder, wanted = whole
    assert (tmp_path / "alerts.jsonl").read_bytes() == (folder / "alerts.jsonl").read_bytes()
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["runs"] == kills + 1
    for member in ("records", "alerts", "first_event", "last_event", "unknown", "failed_files"):
        assert summary[member] == wanted[member], member
    mine, theirs = (json.loads((each / "manifest.json").read_text()) for each in (tmp_path, folder))
    assert mine["inputs"] == theirs["inputs"]
    assert not checkpoint.exists()


def test_an_interruption_leaves_a_checkpoint_and_says_how_to_go_on(
    whole: tuple[Path, dict[str, Any]], archive: Path, config: Path, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint"
    arguments = command(archive, config, tmp_path, "--checkpoint", checkpoint)
    code, err = struck([*arguments, "--checkpoint-every", "0.05"], signal.SIGINT)
    assert code == exits.INTERRUPTED
    assert b"Run the same command again" in err
    assert main([*arguments, "--checkpoint-every", "60"]) == exits.OK
    assert (tmp_path / "alerts.jsonl").read_bytes() == (whole[0] / "alerts.jsonl").read_bytes()


def test_a_checkpoint_of_another_question_is_refused(
    archive: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tmp_path / "checkpoint"
    arguments = command(archive, config, tmp_path, "--checkpoint", checkpoint, "--checkpoint-every", "0.02")
    assert struck(arguments, signal.SIGKILL)[0] == -signal.SIGKILL
    assert main([*arguments, "--sort"]) == exits.USAGE
    assert "other options" in capsys.readouterr().err
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    assert main(arguments) == exits.USAGE
    assert "damaged" in capsys.readouterr().err
