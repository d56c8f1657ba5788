"""`agent-detector incident`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from detector.cli import exits
from detector.cli.main import main
from tests.decode.builders import AGENT, GRAPH, KEY, audit, modified, sign_in, target

PLACES = ["--resource", GRAPH]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    changed = audit("Update application – Certificates and secrets management ", target(id=AGENT))  # noqa: RUF001 - as Entra writes it
    records = [changed, *(sign_in(id=f"id-{n}", ipAddress=f"203.0.113.{n}") for n in range(8)), sign_in(id="id-0")]
    path = tmp_path / "logs.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, records)))
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def runner(*arguments: object) -> tuple[int, str, str]:
        code = main(["incident", *map(str, arguments)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return runner


def test_it_says_who_with_what_from_where_and_what_was_changed(run: Any, archive: Path) -> None:
    code, out, _ = run(archive, *PLACES)
    assert code == exits.OK
    assert "1 agent found." in out
    assert f"agent invoice-agent ({AGENT})" in out
    assert "8 requests, 0 refused" in out
    assert f"credential clientAssertion ({KEY}): 8" in out
    assert "address    203.0.113.0 (AS64496): 1" in out
    assert "and 3 more; use --json to see all" in out
    assert "(1 copies)" in out


def test_json_is_one_document(run: Any, archive: Path) -> None:
    code, out, _ = run(archive, "--credential", KEY.upper(), "--json")
    document = json.loads(out)
    assert code == exits.OK
    assert [agent["id"] for agent in document["agents"]] == [AGENT]
    assert document["read"]["records"] == 10


def test_archived_hours_far_from_the_window_are_not_read(run: Any, archive: Path, tmp_path: Path) -> None:
    """An hour of another month is damaged: who asks about a day does not hear of it, who wants a report does."""
    tree = tmp_path / "insights-logs-auditlogs"
    for place, data in (("y=2026/m=03/d=02/h=08", archive.read_bytes()), ("y=2026/m=01/d=02/h=08", b"PAR1")):
        folder = tree / place / "m=00"
        folder.mkdir(parents=True)
        (folder / "PT1H.json").write_bytes(data)
    asked = (tree, *PLACES, "--since", "2026-03-01", "--until", "2026-03-03")
    code, out, _ = run(*asked)
    assert code == exits.OK
    assert "8 requests" in out
    assert run(tree, *PLACES)[0] == exits.INPUT
    assert run(*asked, "--markdown", tmp_path / "incident.md")[0] == exits.INPUT


@pytest.mark.parametrize("command", ["incident", "coverage", "diff", "replay"])
def test_an_address_that_shows_its_secret_to_the_network_is_refused(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yaml").write_text("{}")
    url = "http://example.org/container?sig=hidden"
    more: dict[str, list[Any]] = {
        "incident": [url, *PLACES],
        "coverage": [url],
        "diff": [tmp_path / "c.yaml", tmp_path / "c.yaml", "--archive", url],
        "replay": [url],
    }
    assert main([command, *map(str, more[command])]) == exits.USAGE
    said = capsys.readouterr()
    assert "Use https" in said.err
    assert "hidden" not in said.err + said.out


def test_nothing_found_is_said(run: Any, archive: Path) -> None:
    code, out, _ = run(archive, "--address", "192.0.2.1")
    assert (code, out.splitlines()[-1]) == (exits.OK, "No agent did.")


def test_what_cannot_be_read_is_named_and_ends_with_its_code(run: Any, archive: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(b"\x1f\x8b nothing of the kind")
    code, out, _ = run(archive, broken, *PLACES)
    assert code == exits.INPUT
    assert "Failed: " in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "There is no question."),
        ((*PLACES, "--since", "2026-03-03", "--until", "2026-03-02"), "--since must be before --until."),
        (("--address", "here"), "is neither an address nor a network"),
        ((*PLACES, "--since", "yesterday"), "is not a time"),
    ],
)
def test_a_question_that_is_none_is_refused(run: Any, archive: Path, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = run(archive, *arguments)
    assert code == exits.USAGE
    assert message in err


def test_many_changes_are_shown_in_part(run: Any, tmp_path: Path) -> None:
    described = modified("DisplayName", '["x"]')
    changes = [
        audit(
            "Update service principal",
            target(described, id=AGENT, type="ServicePrincipal"),
            id=f"c{n}",
            activityDateTime="2026-03-02T07:00:00Z",
        )
        for n in range(7)
    ]
    path = tmp_path / "logs.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, [*changes, sign_in()])))
    code, out, _ = run(path, *PLACES)
    assert code == exits.OK
    assert "changed    and 2 times before" in out
