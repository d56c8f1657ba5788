"""Reports of `replay` and `incident`: the page, Markdown and OCSF, from records alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from detector.cli import exits
from detector.cli.main import main
from tests.decode.builders import AGENT, GRAPH, KEY, audit, modified, sign_in, target

NEW_KEY = "c0de0000-0000-4000-8000-0000000000f9"


def described(*keys: str) -> dict[str, Any]:
    text = [f"[KeyIdentifier={key},KeyType=Password,KeyUsage=Verify,DisplayName=x]" for key in keys]
    return modified("KeyDescription", json.dumps(text), "[]")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Calm days; then somebody adds a key, which is used from elsewhere for another resource."""
    records = [
        sign_in(id=f"calm-{day}-{hour}", createdDateTime=f"2026-02-{day:02d}T{hour:02d}:10:00Z")
        for day in range(20, 27)
        for hour in range(8, 18)
    ]
    changed = audit(
        "Update application – Certificates and secrets management ",  # noqa: RUF001 - as Entra writes it
        target(described(NEW_KEY), id=AGENT),
        id="added",
        activityDateTime="2026-02-27T09:00:00Z",
    )
    records.append(changed)
    records += [
        sign_in(
            id=f"bad-{n}",
            createdDateTime=f"2026-02-27T10:{n:02d}:00Z",
            servicePrincipalCredentialKeyId=NEW_KEY,
            ipAddress="198.51.100.66",
            resourceId="00000009-0000-0000-c000-000000000000",
            resourceDisplayName="<script>pwned()</script>",
        )
        for n in range(5)
    ]
    path = tmp_path / "logs.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, records)))
    return path


def run(*arguments: object) -> int:
    return main([str(each) for each in arguments])


def test_a_replay_writes_all_three(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, text, findings = tmp_path / "out" / "r.html", tmp_path / "r.md", tmp_path / "r.ocsf.jsonl"
    alerts = tmp_path / "alerts.jsonl"
    code = run("replay", archive, "--output", alerts, "--report", page, "--markdown", text, "--ocsf", findings)
    assert code == exits.OK
    assert f"Report    {page}" in capsys.readouterr().err
    ids = [json.loads(line)["id"] for line in alerts.read_text().splitlines()]
    assert ids
    shown = page.read_text()
    assert "<script>pwned()" not in shown
    assert all(each in shown for each in ("added", "bad-0", NEW_KEY, *ids))
    assert "## Stories" in text.read_text()
    documents = [json.loads(line) for line in findings.read_text().splitlines()]
    assert [each["metadata"]["uid"] for each in documents if each["class_uid"] == 2004] == ids
    incidents = [each for each in documents if each["class_uid"] == 2005]
    assert incidents
    for document in documents:
        if document["class_uid"] == 2004:
            DetectionFinding.model_validate(document)
    assert {each["type_uid"] for each in incidents} == {200501}


def test_an_incident_answers_and_reports(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "r.html"
    code = run("incident", archive, "--credential", NEW_KEY, "--report", page, "--json")
    document = json.loads(capsys.readouterr().out)
    assert code == exits.OK
    assert [agent["id"] for agent in document["agents"]] == [AGENT]
    kinds = {each["kind"]: each for each in document["statements"]}
    assert kinds["first_event"]["records"] == ["added"]
    assert NEW_KEY in kinds["credential"]["text"]
    assert set(kinds) >= {"first_event", "entry_point", "credential", "agents", "resources", "blast_radius"}
    assert all(each["records"] for each in document["statements"])
    assert document["blast_radius"]["agents"] == [AGENT]
    edges = {(each["source"].split(":")[0], each["target"].split(":")[0]) for each in document["chain"]["edges"]}
    assert {("actor", "credential"), ("credential", "agent"), ("agent", "resource")} <= edges
    assert f"Asked for: credential {NEW_KEY}." in page.read_text()


def test_the_answer_is_the_same_with_and_without_a_report(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = []
    for extra in ((), ("--markdown", tmp_path / "r.md")):
        run("incident", archive, "--resource", GRAPH, "--json", *extra)
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]


def test_what_an_archive_lacks_is_said(tmp_path: Path) -> None:
    path, text = tmp_path / "logs.jsonl", tmp_path / "r.md"
    path.write_bytes(
        b"\n".join(orjson.dumps(sign_in(id=f"s{n}", servicePrincipalCredentialKeyId=KEY)) for n in range(3))
    )
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(b"\x1f\x8b nothing of the kind")
    assert run("replay", path, broken, "--markdown", text, "--json") == exits.INPUT
    told = text.read_text().replace("\\", "")
    assert "There are no audit records in the input" in told
    assert "There is no inventory in the input" in told
    assert "1 input could not be read" in told
    assert "have shown too little for an expectation" in told


def test_a_report_of_nothing_says_so(tmp_path: Path) -> None:
    path, text = tmp_path / "logs.jsonl", tmp_path / "r.md"
    path.write_text("\n")
    run("replay", path, "--markdown", text, "--report", tmp_path / "r.html", "--json")
    assert "There is no record in the input" in text.read_text()


def test_a_report_that_cannot_be_written_is_said_before_the_work(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("replay", archive, "--report", tmp_path) == exits.USAGE
    assert "The report cannot be written" in capsys.readouterr().err
