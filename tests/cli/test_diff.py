"""`agent-detector diff`: two configurations, two runs, and the preview of a suppression."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.cli import exits
from detector.cli.main import main
from detector.domain.alerts import Alert, Subject
from detector.runtime.difference import difference
from detector.sinks.file import JsonFile
from tests.cli.test_reports import archive
from tests.sinks.alerts import alert

__all__ = ["archive"]
AGENT = "6f1e8a52-0000-4000-8000-000000000001"


def run(*arguments: object) -> int:
    return main(["diff", *map(str, arguments)])


def told(path: Path, *alerts: Alert) -> Path:
    with JsonFile(path) as file:
        for each in alerts:
            file.deliver(each)
    return path


def test_what_was_gained_lost_and_changed_is_said_by_id() -> None:
    one, two, three = (alert(name, subject=Subject("agent", name, tenant="t")) for name in ("one", "two", "three"))
    worse = alert("two", subject=two.subject, severity="critical")
    found = difference([one, two], [worse, three])
    assert [each.alert.id for each in found.gained] == [three.id]
    assert [each.alert.id for each in found.lost] == [one.id]
    assert [(each.alert.id, each.fields) for each in found.changed] == [(two.id, ("severity: high -> critical",))]
    assert difference([one, two], [two, one]).same == 2


def test_the_same_thing_said_at_another_time_is_recognised() -> None:
    before = alert("one", id="a" * 32, time="2026-10-05T07:00:00.000Z")
    after = alert("one", id="b" * 32, time="2026-10-05T09:00:00.000Z")
    found = difference([before], [after])
    assert found.gained[0].why == (f"Said at {before.time} before, as alert {before.id}.", *found.gained[0].why[1:])
    assert found.lost[0].why[0] == f"Said at {after.time} after, as alert {after.id}."


def test_two_configurations_over_one_archive_and_why(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = tmp_path / "before.yaml", tmp_path / "after.yaml"
    before.write_text("{}\n")
    after.write_text("detectors:\n  credential_added:\n    enabled: false\n")
    assert run(before, after, "--archive", archive, "--json", "--fail") == exits.ALERTS
    document = json.loads(capsys.readouterr().out)
    assert document["settings"] == ["detectors.credential_added.enabled: True -> False"]
    assert {each["detector"] for each in document["lost"]} == {"credential_added"}
    assert document["lost"][0]["why"] == ["The detector credential_added is switched off after."]
    assert document["gained"] == []
    assert document["same"] > 0
    assert run(before, before, "--archive", archive, "--fail") == exits.OK
    assert capsys.readouterr().out.startswith("0 gained, 0 lost, 0 changed")


def test_a_suppression_shows_what_it_would_hide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = told(
        tmp_path / "alerts.jsonl",
        alert("one"),
        alert("two", detector="api_spread"),
        alert("three", subject=Subject("agent", "another")),
    )
    run(path, "--suppress", AGENT.upper(), "--json")
    document = json.loads(capsys.readouterr().out)
    assert (len(document["hidden"]), document["left"], document["by_severity"]["high"]) == (2, 1, 2)
    run(path, "--suppress", AGENT, "--detector", "api_spread")
    out = capsys.readouterr().out
    assert "1 alerts would have been hidden, 2 left." in out
    assert "1 of the hidden ones are high or critical" in out
    run(path, "--suppress", AGENT, "--since", "2026-10-06", "--json")
    assert json.loads(capsys.readouterr().out)["hidden"] == []


def test_the_lines_are_for_people_and_hide_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = told(tmp_path / "before.jsonl", alert("\x1b[31mred"))
    assert run(before, told(tmp_path / "after.jsonl")) == exits.OK
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "0 gained, 1 lost, 0 changed, 0 the same." in out
    assert "No setting of this detector differs." in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.jsonl",), "Give AFTER to compare with, or --suppress"),
        (("a.jsonl", "--suppress", AGENT, "--archive", "x"), "--suppress reads a file of alerts"),
        (("a.jsonl", "b.jsonl"), "The file cannot be read"),
    ],
)
def test_mistakes_are_told(arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) in {exits.USAGE, exits.INPUT}
    assert message in capsys.readouterr().err
