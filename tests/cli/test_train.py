"""`train` and `models`, and what the others pay for a model that they do not use."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from detector.cli import exits
from detector.cli.main import main
from detector.cli.train import DETECTORS
from detector.models.scoring import load
from detector.runtime.simulation import SimulationSettings, simulate

MODEL_LIBRARIES = ("numpy", "pandas", "pyod", "scipy", "skops", "sklearn")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "events.jsonl"
    settings = SimulationSettings(seed=5, days=9, agents=16, attacks=False, mean_requests_per_agent_day=40)
    path.write_bytes(b"\n".join(simulate(settings).bodies()))
    return path


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Any:
    def runner(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return runner


def test_the_kinds_of_detectors_are_those_that_can_be_made() -> None:
    from detector.models import training  # imported by a test, not by every worker: it takes a second

    assert set(DETECTORS) == set(training.DETECTORS)


def test_train_makes_a_model_that_replay_uses(run: Any, archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "hours" / "1"
    code, out, err = run("train", archive, "--out", place, "--detector", "pca")
    assert (code, err) == (exits.OK, "")
    assert "pca, fitted on" in out
    manifest = load(place).manifest
    assert (manifest.name, manifest.version, manifest.sources[0].name) == ("hours", "1", "events.jsonl")
    assert len(manifest.sources[0].sha256) == 64
    config = tmp_path / "detector.yaml"
    config.write_text("model: {path: hours/1}\nbudget: {enabled: false}\n")
    code, out, err = run("replay", archive, "--config", config, "--json", "--no-progress")
    assert code == exits.OK
    told = [json.loads(line) for line in out.splitlines()]
    assert all(each["detector"] != "unusual_hour" or "hours/1" in each["explanation"] for each in told)
    code, _, err = run("train", archive, "--out", place)
    assert code == exits.USAGE
    assert "There is something already" in err


def test_training_by_the_clock_adds_a_version_to_a_folder_and_removes_old_ones(
    run: Any, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "hours"
    for day in (28, 29, 30):
        now = datetime(2026, 11, day, 2, 15, tzinfo=UTC).timestamp()
        monkeypatch.setattr("detector.runtime.replay.moment_of_reading", lambda now=now: now)
        code, out, err = run("train", archive, "--out", folder, "--dated", "--keep", "2", "--last", "400d")
        assert (code, err) == (exits.OK, "")
        assert f"hours/2026.11{day}.0215: sum, fitted on" in out
    assert "hours/2026.1128.0215: removed." in out
    code, out, _ = run("models", folder)
    assert code == exits.OK
    assert [line.split()[0] for line in out.splitlines()[::2]] == ["hours/2026.1129.0215", "hours/2026.1130.0215"]


def test_train_leaves_out_archived_hours_that_are_older(run: Any, archive: Path, tmp_path: Path) -> None:
    old = tmp_path / "insights-logs-auditlogs" / "y=2019" / "m=07" / "d=16" / "h=13" / "m=00" / "PT1H.json"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"{}")
    place = tmp_path / "hours" / "1"
    code, _, err = run("train", archive, tmp_path / "insights-logs-auditlogs", "--out", place, "--last", "400d")
    assert (code, err) == (exits.OK, "")
    assert [each.name for each in load(place).manifest.sources] == ["events.jsonl"]


def test_train_keeps_only_what_it_dated(run: Any, archive: Path, tmp_path: Path) -> None:
    code, _, err = run("train", archive, "--out", tmp_path / "1", "--keep", "3")
    assert code == exits.USAGE
    assert "--keep removes versions that --dated made" in err


def test_train_says_when_there_is_too_little(run: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    code, _, err = run("train", tmp_path / "empty.jsonl", "--out", tmp_path / "1")
    assert code == exits.USAGE
    assert "too few for a model" in err
    assert not (tmp_path / "1").exists()


def test_train_reads_files_only(run: Any, tmp_path: Path) -> None:
    code, _, err = run("train", "-", "--out", tmp_path / "1")
    assert code == exits.USAGE
    assert "standard input cannot be used" in err


def test_models_lists_what_ships_and_what_is_wrong(run: Any, tmp_path: Path) -> None:
    code, out, _ = run("models")
    assert code == exits.OK
    assert "hours/1" in out
    code, out, _ = run("models", tmp_path / "gone", "--json")
    assert code == exits.USAGE
    assert json.loads(out)[0]["usable"] is False
    code, out, _ = run("models", tmp_path / "gone")
    assert "cannot be read" in out


def test_a_model_that_cannot_be_used_stops_the_command(run: Any, archive: Path, tmp_path: Path) -> None:
    config = tmp_path / "detector.yaml"
    config.write_text("model: {path: gone}\n")
    code, out, err = run("replay", archive, "--config", config, "--json")
    assert (code, out) == (exits.USAGE, "")
    assert "The model cannot be read" in err


@pytest.mark.parametrize(
    ("text", "loaded"), [("", set()), ("model: {shadow: true}\n", {"numpy"})], ids=["no model", "the shipped one"]
)
def test_replay_loads_only_what_it_uses(text: str, loaded: set[str], archive: Path, tmp_path: Path) -> None:
    config = tmp_path / "detector.yaml"
    config.write_text(text)
    program = (
        "import sys; from detector.cli.main import main; "
        f"code = main(['replay', {str(archive)!r}, '--config', {str(config)!r}, '--json', '--no-progress']); "
        f"print([name for name in {MODEL_LIBRARIES!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    ended = subprocess.run((sys.executable, "-c", program), capture_output=True, check=True)
    assert set(eval(ended.stderr.decode().splitlines()[-1])) == loaded
