"""`agent-detector case`: alerts and raw records that nobody can alter unseen."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from detector.cli import exits
from detector.cli.main import main
from tests.cli.test_reports import archive
from tests.tables import parquet

__all__ = ["archive"]


def run(*arguments: object) -> int:
    return main(["case", *map(str, arguments)])


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    key = Ed25519PrivateKey.generate()
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def alerts(archive: Path, tmp_path: Path) -> Path:
    path = tmp_path / "alerts" / "alerts.jsonl"
    main(["replay", str(archive), "--output", str(path)])
    return path


@pytest.fixture
def case(archive: Path, alerts: Path, keys: tuple[Path, Path], tmp_path: Path) -> Path:
    out = tmp_path / "out" / "case.zip"
    assert run("export", archive, "--alerts", alerts, "--out", out, "--key", keys[0]) == exits.OK
    return out


def manifest(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as opened:
        document: dict[str, Any] = json.loads(opened.read("manifest.json"))
    return document


def test_a_case_holds_the_records_byte_for_byte(case: Path, archive: Path) -> None:
    with zipfile.ZipFile(case) as opened:
        raw = opened.read("records.jsonl").splitlines()
        lines = set(archive.read_bytes().splitlines())
        assert raw
        assert set(raw) <= lines
        document = json.loads(opened.read("manifest.json"))
        assert document["records_missing"] == []
        assert {each["id"] for each in document["records"]} >= {"added"}
        assert all(each["exact"] for each in document["records"])
        place = next(each for each in document["records"] if each["id"] == "added")
        assert json.loads(archive.read_bytes().splitlines()[place["line"] - 1])["properties"]["id"] == "added"
        assert {each["name"] for each in document["files"]} | {"manifest.json", "manifest.json.sig"} == set(
            opened.namelist()
        )


def test_it_is_as_it_was_made(case: Path, keys: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", case, "--public-key", keys[1]) == exits.OK
    assert capsys.readouterr().out == "Every hash fits, and so does the signature.\n"
    assert run("verify", case) == exits.OK
    assert "Hashes alone prove nothing" in capsys.readouterr().err


def altered(case: Path, change: Any) -> Path:
    with zipfile.ZipFile(case) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    path = case.with_name("altered.zip")
    path.write_bytes(written.getvalue())
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda files: files.update({"records.jsonl": b"{}\n"}), "records.jsonl is not what the manifest says."),
        (lambda files: files.pop("alerts.csv"), "alerts.csv is missing."),
        (lambda files: files.update({"more.txt": b""}), "more.txt is not in the manifest."),
        (lambda files: files.pop("manifest.json.sig"), "It is not signed."),
        (
            lambda files: files.update({"manifest.json": files["manifest.json"] + b" "}),
            "The signature is not of this key, or the manifest was altered.",
        ),
    ],
)
def test_every_alteration_is_seen(
    case: Path, keys: tuple[Path, Path], change: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", altered(case, change), "--public-key", keys[1]) == exits.ALERTS
    assert said in capsys.readouterr().out


def test_records_in_messages_packed_files_and_tables_are_found(archive: Path, alerts: Path, tmp_path: Path) -> None:
    records = [orjson.loads(line) for line in archive.read_bytes().splitlines()]
    packed, out = tmp_path / "in" / "bodies.jsonl.gz", tmp_path / "case.zip"
    packed.parent.mkdir()
    packed.write_bytes(
        gzip.compress(b"\n".join(orjson.dumps({"records": records[n : n + 7]}) for n in range(0, 99, 7)))
    )
    assert run("export", packed, "--alerts", alerts, "--out", out) == exits.OK
    document = manifest(out)
    assert (document["signed"], document["records_missing"]) == (False, [])
    with zipfile.ZipFile(out) as opened:
        ids = [json.loads(line)["properties"]["id"] for line in opened.read("records.jsonl").splitlines()]
    assert sorted(ids) == sorted(each["id"] for each in document["records"])


def test_the_inputs_that_hold_the_records_are_read_to_their_end_for_their_hash(
    archive: Path, alerts: Path, tmp_path: Path
) -> None:
    """Two hours hold the same records; the first one is enough, however early in it the last record stands."""
    first, second = (tmp_path / f"insights-logs-x/y=2026/m=10/d=05/h={hour:02}/m=00/PT1H.json" for hour in (8, 20))
    lines = archive.read_bytes().splitlines(keepends=True)
    for path in (first, second):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(lines + lines[-1:] * 4000))
    out = tmp_path / "case.zip"
    assert run("export", tmp_path / "insights-logs-x", "--alerts", alerts, "--out", out) == exits.OK
    document = manifest(out)
    assert {each["file"] for each in document["records"]} == {str(first)}
    found = {each["place"]: each for each in document["inputs"]}
    data = first.read_bytes()
    assert found[str(first)] == {
        "place": str(first),
        "size": len(data),
        "read": len(data),
        "status": "read",
        "version": str(first.stat().st_mtime_ns),
        "sha256": hashlib.sha256(data).hexdigest(),
        "records": len(document["records"]),
    }
    other = found[str(second)]
    assert (other["status"], other["read"], other["sha256"], other["records"]) == ("waiting", 0, None, 0)


def test_rows_of_parquet_are_told_as_json(archive: Path, alerts: Path, tmp_path: Path) -> None:
    records = [orjson.loads(line) for line in archive.read_bytes().splitlines()]
    table, out = tmp_path / "in" / "export.parquet", tmp_path / "case.zip"
    table.parent.mkdir()
    table.write_bytes(parquet(records, typed=False))
    assert run("export", table, "--alerts", alerts, "--out", out) == exits.OK
    document = manifest(out)
    assert document["records_missing"] == []
    assert {each["exact"] for each in document["records"]} == {False}
    with zipfile.ZipFile(out) as opened:
        rows = [json.loads(line) for line in opened.read("records.jsonl").splitlines()]
    assert sorted(json.loads(row["properties"])["id"] for row in rows) == sorted(
        each["id"] for each in document["records"]
    )


def test_one_alert_can_be_chosen_and_what_is_missing_is_named(
    archive: Path, alerts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = json.loads(alerts.read_text().splitlines()[0])
    empty, out = tmp_path / "empty.jsonl", tmp_path / "case.zip"
    empty.write_bytes(archive.read_bytes().splitlines()[0])
    assert run("export", empty, "--alerts", alerts, "--alert", first["id"], "--out", out) == exits.OK
    assert "were not found in the input" in capsys.readouterr().err
    assert set(manifest(out)["records_missing"]) <= set(first["evidence"]["record_ids"])
    assert manifest(out)["records_missing"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "-", "--alerts", "a", "--out", "b"), "Records on standard input cannot be named again"),
        (("verify", "{archive}"), "It is no case of this program"),
        (
            ("export", "{archive}", "--alerts", "{alerts}", "--alert", "f" * 32, "--out", "x.zip"),
            "There is no such alert.",
        ),
        (
            ("export", "{archive}", "--alerts", "{alerts}", "--key", "{archive}", "--out", "x.zip"),
            "no Ed25519 private key",
        ),
        (("export", "{archive}", "--alerts", "{alerts}", "--out", "{directory}"), "The case cannot be written"),
    ],
)
def test_mistakes_are_told(
    archive: Path, alerts: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"{archive}": archive, "{alerts}": alerts, "{directory}": archive.parent}
    assert run(*(places.get(each, each) for each in arguments)) == exits.USAGE
    assert said in capsys.readouterr().err
