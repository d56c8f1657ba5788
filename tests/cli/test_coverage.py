"""`agent-detector coverage`: what it says of a store at work, of an archive, and of a configuration alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from detector.cli import exits
from detector.cli.main import main
from detector.config import catalogue
from tests.runtime.coverage.test_observed import body as simulated
from tests.runtime.coverage.test_observed import decoder, written

body = simulated


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> Path:
    """A store with the memory and the alerts of an invented tenant."""
    directory = tmp_path_factory.mktemp("coverage") / "data"
    assert written(directory, decoder().lines(body))
    return directory


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)

    def runner(*arguments: object) -> tuple[int, str, str]:
        code = main(["coverage", *(str(argument) for argument in arguments)])
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return runner


def of(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_configuration_alone_is_not_enough_to_call_anything_watched(run: Any) -> None:
    code, out, err = run()
    found = of(out)
    assert (code, err) == (exits.OK, "")
    assert found["counts"]["rows"]["watched"] == 0
    assert (found["records"], found["newest_record"]) == (None, None)
    assert found["looked_at"] == {"configuration": None, "store": None, "archive": []}
    assert len(found["rows"]) == 119
    assert len(found["sentences"]) == 38


def test_a_store_proves_what_came_and_shows_what_was_said(run: Any, data: Path) -> None:
    code, out, _ = run("--store", data, "--json")
    found = of(out)
    assert code == exits.OK
    assert found["records"]["received"] > 1_000
    inputs = {each["name"]: each for each in found["inputs"]}
    assert inputs["signins"]["status"] == "seen"
    assert inputs["signins"]["last"].startswith("2026-10-0")
    assert inputs["signins"]["categories"]["ServicePrincipalSignInLogs"] is not None
    assert inputs["manifest"]["status"] == "missing"
    rows = {each["id"]: each for each in found["rows"]}
    assert rows["D10"]["state"] == "watched"
    assert (rows["D16"]["state"], rows["D16"]["lacking"]) == ("not_seen", ["declared_egress"])
    assert rows["D16"]["connect"] == [catalogue.inputs()["declared_egress"].connect]
    (told,) = [row for row in found["rows"] if row["by"] == "fleet_spike"]
    assert told["last_alert"] is None or re.fullmatch(r"[0-9a-f]{32}", told["last_alert"]["id"])
    raised = [row for row in found["rows"] if row["last_alert"] is not None]
    assert raised
    code, out, _ = run("--store", data)
    assert of(out) == found, "a pipe gets JSON"


def test_the_alerts_that_it_names_are_in_the_store(run: Any, data: Path, capfdbinary: Any) -> None:
    _, out, _ = run("--store", data)
    named = {row["last_alert"]["id"] for row in of(out)["rows"] if row["last_alert"] is not None}
    assert main(["alerts", "show", "--store", str(data), *named]) == exits.OK
    capfdbinary.readouterr()


def test_an_archive_proves_what_comes_and_judges_nothing(run: Any, tmp_path: Path, body: bytes) -> None:
    (tmp_path / "events.jsonl").write_bytes(body)
    code, out, _ = run(tmp_path / "events.jsonl")
    found = of(out)
    assert code == exits.OK
    assert {row["state"] for row in found["rows"] if row["id"] == "D10"} == {"watched"}
    assert found["records"] is None
    assert all(row["alerts"] is None for row in found["rows"])


def test_the_store_of_the_configuration_is_looked_at_when_it_is_there(run: Any, tmp_path: Path, data: Path) -> None:
    config = tmp_path / "detector.yaml"
    config.write_text(f"store: {{directory: {data}}}\n")
    assert of(run("--config", config)[1])["looked_at"]["store"] == str(data)
    config.write_text(f"store: {{directory: {tmp_path / 'nothing'}}}\n")
    assert of(run("--config", config)[1])["looked_at"]["store"] is None


def test_people_get_tables_with_the_way_to_connect_what_is_missing(run: Any, data: Path) -> None:
    code, out, _ = run("--store", data, "--pretty")
    flat = " ".join(out.split())
    assert code == exits.OK
    assert "S24a" in out
    assert "38 sentences of the best practices:" in flat
    assert "partly" in flat
    assert "not seen without" in flat
    assert "never came" in flat
    assert "token_spike" in flat
    assert "The newest record is of 2026-10-0" in flat
    assert "\x1b" not in out


def test_a_configuration_alone_is_told_to_people_as_such(run: Any) -> None:
    _, out, _ = run("--pretty")
    flat = " ".join(out.split())
    assert "Which logs come cannot be told from the configuration: give --store, or an archive." in flat
    assert "Evidence: alerts show" not in flat


def test_markdown_has_a_row_for_every_sentence_and_every_row(run: Any, data: Path, tmp_path: Path) -> None:
    code, out, _ = run("--store", data, "--markdown")
    assert code == exits.OK
    assert out.startswith("# Coverage\n")
    for identifier in (*catalogue.sentences(), *catalogue.rows()):
        assert f"\n| {identifier} | " in out
    assert "`agent-detector alerts show " in out
    config = tmp_path / "a|b`.yaml"
    config.write_text("")
    _, out, _ = run("--config", config, "--markdown")
    assert "a\\|b\\`.yaml" in out
    assert "## Last results" not in out


def test_a_missing_store_is_a_mistake_only_when_it_was_named(run: Any, tmp_path: Path) -> None:
    code, _, err = run("--store", tmp_path / "nothing")
    assert code == exits.USAGE
    assert "There is no store here" in err


def test_input_that_cannot_be_read_is_told_and_the_rest_is_answered(run: Any, tmp_path: Path, body: bytes) -> None:
    (tmp_path / "good.jsonl").write_bytes(body)
    (tmp_path / "bad.jsonl").write_bytes(b"\x00\x01 neither")
    code, out, err = run(tmp_path / "good.jsonl", tmp_path / "bad.jsonl")
    assert code == exits.INPUT
    assert "bad.jsonl" in err
    assert of(out)["counts"]["rows"]["watched"]


def test_a_configuration_that_is_not_valid_ends_it(run: Any, tmp_path: Path) -> None:
    (tmp_path / "detector.yaml").write_text("scope: all\n")
    code, out, _ = run("--config", tmp_path / "detector.yaml")
    assert (code, out) == (exits.CONFIGURATION, "")


def test_forms_exclude_each_other(run: Any) -> None:
    code, _, err = run("--json", "--markdown")
    assert code == exits.USAGE
    assert "exclude each other" in err


def test_switching_a_detector_off_is_seen(run: Any, tmp_path: Path, data: Path) -> None:
    config = tmp_path / "detector.yaml"
    config.write_text("detectors: {token_spike: {enabled: false}}\n")
    rows = {row["id"]: row for row in of(run("--config", config, "--store", data)[1])["rows"]}
    assert rows["D01"]["state"] == "off"
