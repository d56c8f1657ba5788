"""What leaves the program is safe to show, whatever a record says."""

from __future__ import annotations

import base64
import io
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from detector.domain.alerts import Alert
from detector.domain.quarantine import Quarantined
from detector.errors import UsageError
from detector.sinks.encoding import json_line, printable
from detector.sinks.file import JsonFile
from detector.sinks.json_lines import JsonLines
from detector.sinks.terminal import Terminal
from tests.sinks.alerts import HOSTILE, alert

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs" / "alert.schema.json").read_text(encoding="utf-8"))
    return found


def shown(what: Alert, width: int = 80, *, terminal: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, markup=False, highlight=False, emoji=False)
    Terminal(console).deliver(what)
    return stream.getvalue()


def line_of(what: Alert) -> bytes:
    stream = io.BytesIO()
    JsonLines(stream).deliver(what)
    return stream.getvalue()


@pytest.mark.parametrize("name", HOSTILE)
def test_an_alert_is_one_line_of_printable_ascii_and_says_the_same_again(name: str) -> None:
    line = line_of(alert(name))
    assert line.endswith(b"\n")
    assert all(0x20 <= byte <= 0x7E for byte in line[:-1])
    assert json.loads(line)["subject"]["name"] == name


@pytest.mark.untraced
@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_reaches_the_terminal_as_anything_but_text(name: str, terminal: bool) -> None:
    text = shown(alert(name), terminal=terminal)
    without_colours = re.sub(r"\x1b\[[0-9;]*m", "", text) if terminal else text
    odd = {char for char in without_colours if unicodedata.category(char) in {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}}
    assert odd <= {"\n"}
    colours = set(re.findall(r"\x1b\[[0-9;]*m", text))
    assert colours == set(re.findall(r"\x1b\[[0-9;]*m", shown(alert("plain"), terminal=terminal)))


def test_markup_in_a_name_is_shown_as_it_stands() -> None:
    assert "[bold red]markup[/]" in shown(alert("[bold red]markup[/]"))


@pytest.mark.untraced
@given(name=st.text(max_size=300), width=st.integers(40, 200))
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    for line in shown(alert(name), width).split("\n"):
        cells = sum(
            0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
            for char in line
        )
        assert cells <= width + 2


@given(text=st.text())
def test_what_is_printable_stays_so(text: str) -> None:
    assert printable(printable(text)) == printable(text)
    assert all(char == " " or unicodedata.category(char)[0] not in "CZ" or char == "\ufffd" for char in printable(text))


def test_a_person_sees_what_happened_and_what_to_do() -> None:
    text = shown(alert())
    for part in (
        "HIGH",
        "Token-request spike",
        "Invoice triage",
        "6f1e8a52-0000-4000-8000-000000000001",
        "Blueprint",
        "2026-10-05 07:00:00.000 to 2026-10-05 07:24:49.188 UTC",
        "40 token requests, usually 2.678",
        "p = 7.2e-09",
        "203.0.113.7",
        "record-0",
        "and 3 more",
        "T1562.008 (v18.1); T1685.002 (v19)",
        "- A backfill.",
        "1. Ask the sponsor.",
        "2. Disable the agent.",
        "docs/detectors/token_spike.md",
    ):
        assert part in text


@pytest.mark.parametrize("severity", ["info", "low", "medium", "high", "critical"])
def test_every_severity_has_a_look(severity: str) -> None:
    assert severity.upper() in shown(alert(severity=severity), terminal=True)


def test_equal_alerts_give_equal_bytes_and_members_keep_their_order() -> None:
    assert line_of(alert()) == line_of(alert())
    document = json.loads(line_of(alert()))
    assert list(document) == list(Alert.__struct_fields__)
    assert document["attack"] == {"v18.1": ["T1562.008"], "v19": ["T1685.002"]}


@pytest.mark.untraced
@pytest.mark.untraced
def test_the_schema_is_one_and_takes_an_alert(schema: dict[str, Any]) -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(line_of(alert())))


def test_the_schema_knows_every_member_and_no_other(schema: dict[str, Any]) -> None:
    import jsonschema

    assert list(schema["properties"]) == schema["required"] == list(Alert.__struct_fields__)
    broken = json.loads(line_of(alert()))
    broken["severity"] = "terrible"
    assert not jsonschema.Draft202012Validator(schema).is_valid(broken)


def test_a_file_is_replaced_or_continued(tmp_path: Path) -> None:
    path = tmp_path / "new" / "alerts.jsonl"
    for append in (False, False, True):
        with JsonFile(path, append=append) as file:
            file.deliver(alert())
    assert path.read_bytes() == line_of(alert()) * 2


def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        JsonFile(tmp_path)


def test_a_quarantined_record_keeps_its_bytes(tmp_path: Path) -> None:
    data = bytes(range(256))
    with JsonFile(tmp_path / "q") as file:
        file.keep(Quarantined("not_utf8", "the record is not UTF-8", data, 256, "ab" * 32, "f:7"))
    kept = json.loads((tmp_path / "q").read_bytes())
    assert base64.b64decode(kept.pop("data")) == data
    assert kept == {
        "reason": "not_utf8",
        "detail": "the record is not UTF-8",
        "place": "f:7",
        "size": 256,
        "sha256": "ab" * 32,
    }


def test_numbers_that_json_does_not_know_are_a_fault() -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_line({"x": float("nan")})


def test_how_rare_an_alert_is_stands_in_words_where_it_was_weighed() -> None:
    model = alert(score=9.2, p_value=6e-10)
    assert "p = 6e-10" in shown(model, 120)
    assert "Rarity" not in shown(model, 120)
    weighed = shown(alert(score=9.2, p_value=3.57e-5, rate=0.01), 120)
    assert "without an attack an agent shows the like on one day in 28,011" in weighed
    assert "p = " not in weighed
    assert "p = " not in shown(alert(score=0.0, p_value=1.0), 120)
