"""The command: what it costs, what it says, and how it ends."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from detector import __version__
from detector.cli import exits
from detector.cli.main import COMMANDS, main
from detector.runtime.live.service import EXIT_CODES
from detector.runtime.simulation import SimulationSettings, simulate

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "pydantic",
    "pandas",
    "numpy",
    "sklearn",
    "pyod",
    "structlog",
    "rich",
    "msgspec",
    "orjson",
    "yaml",
    "zstandard",
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    settings = SimulationSettings(
        seed=3,
        days=2,
        agents=12,
        blueprints=3,
        attack_after_days=1,
        mean_requests_per_agent_day=40,
        other_records_per_day=100,
    )
    (folder / "events.jsonl").write_bytes(b"\n".join(simulate(settings).bodies()))
    return folder


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Any:
    def runner(*arguments: object) -> tuple[int, bytes, str]:
        code = main([str(argument) for argument in arguments])
        captured = capfdbinary.readouterr()
        return code, captured.out, captured.err.decode()

    return runner


def spawned(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = (sys.executable, "-m", "detector", *map(str, arguments))
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False, **options)


# --------------------------------------------------------------------------------------------------- help


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from detector.cli.main import main; main(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run((sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"


def test_help_is_quick() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert spawned("--help").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.3


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(run: Any, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"agent-detector {command} " in out.decode()
    assert all(len(line) <= 100 for line in out.decode().split("\n"))


def test_every_exit_code_is_in_the_help_and_in_the_documentation(run: Any) -> None:
    _, out, _ = run("--help")
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for code, meaning in exits.MEANINGS.items():
        assert f"{code} " in out.decode()
        assert meaning in out.decode()
        assert f"| {code} |" in page


def test_the_version_is_told(run: Any) -> None:
    assert run("--version")[:2] == (0, f"agent-detector {__version__}\n".encode())


# ------------------------------------------------------------------------------------------------- replay


def test_a_pipe_gets_alerts_that_follow_the_schema(run: Any, demo: Path) -> None:
    import jsonschema

    code, out, err = run("replay", demo / "events.jsonl")
    assert code == exits.OK
    schema = json.loads((ROOT / "docs" / "alert.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    lines = out.splitlines()
    assert lines
    for line in lines:
        validator.validate(json.loads(line))
    assert f"Alerts    {len(lines)}" in err
    assert "received" in err


def test_the_same_records_packed_or_piped_give_the_same_bytes(run: Any, demo: Path, tmp_path: Path) -> None:
    _, plain, _ = run("replay", demo / "events.jsonl")
    packed = tmp_path / "events"
    packed.write_bytes(gzip.compress((demo / "events.jsonl").read_bytes()))
    _, again, _ = run("replay", packed)
    piped = spawned(
        "replay", "-", input=packed.read_bytes(), env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    )
    assert plain == again == piped.stdout


def test_people_can_read_alerts_from_a_pipe_too(run: Any, demo: Path) -> None:
    _, out, _ = run("replay", demo / "events.jsonl", "--pretty", "--min-severity", "high")
    text = out.decode()
    assert "HIGH" in text
    assert "MEDIUM" not in text
    assert "Next steps" in text
    assert "\x1b" not in text


def test_output_goes_to_files(run: Any, demo: Path, tmp_path: Path) -> None:
    alerts, summary, quarantine = tmp_path / "a.jsonl", tmp_path / "s.json", tmp_path / "q.jsonl"
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b'{"records":[{"time":"x"}]}\nbroken\n')
    arguments = ("--output", alerts, "--summary", summary, "--quarantine", quarantine)
    code, out, err = run("replay", demo / "events.jsonl", bad, *arguments)
    assert (code, out) == (exits.OK, b"")
    document = json.loads(summary.read_bytes())
    assert document["balanced"]
    assert document["alerts"]["total"] == len(alerts.read_bytes().splitlines()) > 0
    kept = [json.loads(line) for line in quarantine.read_bytes().splitlines()]
    assert [each["place"] for each in kept] == [f"{bad}:1", f"{bad}:2"]
    assert sum(document["records"]["quarantined"].values()) == len(kept)
    assert "--quarantine" in err


def test_what_is_written_is_not_read_when_it_lies_among_the_records(run: Any, demo: Path, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes((demo / "events.jsonl").read_bytes())
    results = [run("replay", tmp_path, "--output", tmp_path / "alerts.jsonl")[2].splitlines()[1] for _ in range(2)]
    assert results[0] == results[1]


def test_machines_get_json_everywhere(run: Any, demo: Path) -> None:
    code, out, err = run("replay", demo / "events.jsonl", demo / "missing", "--json")
    assert code == exits.INPUT
    assert all(json.loads(line) for line in out.splitlines())
    facts = [json.loads(line) for line in err.splitlines()]
    assert [(fact["level"], fact["event"]) for fact in facts] == [
        ("warning", "file_failed"),
        ("info", "replay_finished"),
    ]
    assert facts[1]["summary"]["failed_files"] == [facts[0]["failure"]]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), exits.OK),
        (("--fail-on", "info"), exits.ALERTS),
        (("--fail-on", "high", "--min-severity", "critical"), exits.ALERTS),
        (("--fail-on", "info", "--since", "2030-01-01"), exits.OK),
        (("--fail-on", "terrible"), exits.USAGE),
        (("--since", "2026-10-07", "--until", "2026-10-06"), exits.USAGE),
        (("--since", "soon"), exits.USAGE),
        (("--json", "--pretty"), exits.USAGE),
        (("--nonsense",), exits.USAGE),
        (("--output", "/"), exits.USAGE),
        (("--config", "missing.yaml"), exits.CONFIGURATION),
        (("missing.jsonl",), exits.INPUT),
        (("missing.jsonl", "--fail-on", "info"), exits.INPUT),
    ],
)
def test_exit_codes(run: Any, demo: Path, arguments: tuple[str, ...], code: int) -> None:
    ended, _, err = run("replay", demo / "events.jsonl", *arguments)
    assert ended == code
    assert "Traceback" not in err
    assert err


def test_an_unreadable_file_is_named_and_the_rest_is_read(run: Any, demo: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress((demo / "events.jsonl").read_bytes())[:5000])
    code, out, err = run("replay", demo / "events.jsonl", cut)
    assert code == exits.INPUT
    assert out
    assert f"Failed    {cut}: The gzip file is cut off" in err


def test_a_command_that_does_not_exist_is_guessed(run: Any) -> None:
    code, _, err = run("repaly")
    assert code == exits.USAGE
    assert "Did you mean replay?" in err


def test_a_fault_of_the_program_is_a_sentence_without_what_a_record_says(
    run: Any, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("detector.engine.engine.Engine.process", broken)
    code, _, err = run("replay", demo / "events.jsonl")
    assert code == exits.INTERNAL
    assert "RuntimeError" in err
    assert "--debug" in err
    assert "secret" not in err
    with pytest.raises(RuntimeError, match="secret"):
        main(["--debug", "replay", str(demo / "events.jsonl")])


def test_an_interrupt_has_its_own_code(run: Any, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("detector.engine.engine.Engine.process", interrupted)
    assert run("replay", demo / "events.jsonl")[0] == exits.INTERRUPTED


@pytest.mark.parametrize("form", ["--json", "--pretty"])
def test_a_reader_that_goes_away_ends_the_command_quietly(demo: Path, form: str) -> None:
    read, write = os.pipe()
    os.close(read)
    command = (sys.executable, "-m", "detector", "replay", str(demo / "events.jsonl"), form)
    ended = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert ended.returncode == exits.READER_GONE
    assert ended.stderr == b""


# ------------------------------------------------------------------------------------ simulate and check


def test_simulate_says_where_everything_is(run: Any, tmp_path: Path) -> None:
    code, out, _ = run("simulate", "--days", "1", "--agents", "6", "--no-attacks", "--out", tmp_path / "d")
    assert code == exits.OK
    for name in ("events.jsonl", "labels.json", "detector.yaml"):
        assert (tmp_path / "d" / name).is_file()
        assert str(tmp_path / "d" / name) in out.decode()


@pytest.mark.parametrize(
    "arguments", [("--agents", "0"), ("--blueprints", "99", "--agents", "3"), ("--days", "0"), ("--seed", "x")]
)
def test_simulate_refuses_nonsense(run: Any, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, _, err = run("simulate", "--out", tmp_path, *arguments)
    assert code == exits.USAGE
    assert arguments[0] in err


def test_simulate_cannot_write_where_a_file_is(run: Any, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("", encoding="utf-8")
    code, _, err = run("simulate", "--days", "0.1", "--agents", "2", "--no-attacks", "--out", tmp_path / "f")
    assert code == exits.USAGE
    assert "cannot be written" in err


def test_check_accepts_the_default_and_gives_advice(run: Any) -> None:
    code, out, _ = run("check")
    assert code == exits.OK
    assert "is valid" in out.decode()
    assert "Note:" in out.decode()


def test_check_tells_all_problems_at_once(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("latenes: 20m\nscope: everything\n", encoding="utf-8")
    code, _, err = run("check", "--config", path)
    assert code == exits.CONFIGURATION
    assert "2 problems" in err
    assert f"{path}:1" in err
    assert f"{path}:2" in err
    code, out, _ = run("check", "--config", path, "--json")
    assert code == exits.CONFIGURATION
    assert [problem["line"] for problem in json.loads(out)["problems"]] == [1, 2]


def test_check_prints_what_can_be_loaded_again(run: Any, tmp_path: Path) -> None:
    code, out, _ = run("check", "--print")
    assert code == exits.OK
    again = tmp_path / "again.yaml"
    again.write_bytes(out)
    assert run("check", "--config", again, "--print")[1] == out
    document = json.loads(run("check", "--print", "--json")[1])
    assert document["valid"]
    assert document["effective"].encode() == out


def test_check_prints_the_schema(run: Any) -> None:
    import jsonschema

    code, out, _ = run("check", "--schema")
    assert code == exits.OK
    jsonschema.Draft202012Validator.check_schema(json.loads(out))


def test_a_terminal_gets_a_bar_and_alerts_and_a_file_gets_lines(demo: Path, tmp_path: Path) -> None:
    """As `make demo` does it; both streams are one terminal of eighty columns."""
    master, slave = os.openpty()
    command = (sys.executable, "-m", "detector", "replay", str(demo / "events.jsonl"), "--output", str(tmp_path / "a"))
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color"}
    with subprocess.Popen(command, cwd=ROOT, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        shown = b""
        while piece := _piece(master):
            shown += piece
    os.close(master)
    assert process.returncode == exits.OK
    assert b"Reading" in shown
    assert b"Next steps" in shown
    assert b"Alerts" in shown
    assert (tmp_path / "a").read_bytes().count(b"\n") > 0


def _piece(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:
        return b""


def test_the_live_service_ends_with_codes_that_are_explained() -> None:
    assert EXIT_CODES == {"stopped": exits.OK, "restart": exits.RESTART, "fault": exits.INTERNAL}
    assert set(EXIT_CODES.values()) <= set(exits.MEANINGS)
