"""The archive in Blob Storage (Azurite): what a live service said of the stream, a replay says of its blobs.

Azurite is the npm package `azurite` under build/azurite; where it is missing the tests are skipped, in CI they fail.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import (
    BlobServiceClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from detector.cli import exits
from detector.cli.main import main
from detector.errors import ModelError
from detector.models.artefact import Source
from detector.sources.blobs.access import Access
from detector.sources.blobs.address import address_of
from detector.sources.blobs.ranges import RANGE
from detector.sources.blobs.source import opened
from detector.sources.files import FileSource, Manner
from detector.sources.layout import Wanted
from tests.archive import TENANT, blobs_of, hour_of, on_time
from tests.live.hosted import Hosted
from tests.live.referee import Referee
from tests.live.stage import Stage
from tests.live.stream import stream
from tests.live.test_peers import ACCOUNT, KEY, PATIENCE, ROOT, free_port, needed, program
from tests.sources.records import record, seconds_of
from tests.tables import json_lines, parquet, rows_of

pytestmark = [pytest.mark.slow]
TOLD = on_time(stream(days=0.5, agents=6))
HOUR = 3600.0


class Storage:
    """A storage account: its address, a file with its connection string, and a client."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.file = folder / "storage"
        self.file.write_text(
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={url};"
        )
        self.client = BlobServiceClient.from_connection_string(self.file.read_text(), retry_total=0)

    def put(self, container: str, name: str, data: bytes) -> None:
        """Appends to an append blob, which is made if need be, as diagnostic settings do."""
        blob = self.client.get_blob_client(container, name)
        if not blob.exists():
            blob.create_append_blob()
        for start in range(0, len(data), 2**22):
            blob.append_block(data[start : start + 2**22])

    @property
    def access(self) -> Access:
        return Access(connection_string_file=self.file)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    path = needed(ROOT / "build/azurite/node_modules/.bin/azurite-blob", "npm install --prefix build/azurite azurite")
    folder = tmp_path_factory.mktemp("azurite")
    port = free_port()
    where = ("--blobHost", "127.0.0.1", "--blobPort", str(port), "--skipApiVersionCheck", "--inMemoryPersistence")
    with program(folder / "log", path, *where):
        made = Storage(f"http://127.0.0.1:{port}/{ACCOUNT}", folder)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                made.client.get_account_information()
                break
            except AzureError:
                assert time.monotonic() < deadline, "Azurite does not start"
                time.sleep(0.1)
        with made.client:
            yield made


@pytest.fixture(scope="module")
def archived(storage: Storage) -> dict[tuple[str, str], bytes]:
    blobs = blobs_of(TOLD.messages)
    for container in sorted({container for container, _ in blobs}):
        storage.client.create_container(container)
    for (container, name), data in blobs.items():
        storage.put(container, name, data)
    storage.client.create_container("holiday-pictures")
    return blobs


def replayed(folder: Path, *arguments: Any) -> tuple[int, set[str], dict[str, Any], dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    written = {name: folder / f"{name}.json" for name in ("output", "summary", "manifest")}
    options = [str(part) for name, path in written.items() for part in (f"--{name}", path)]
    with warnings.catch_warnings():
        # The transport of the storage client is closed on another thread than it is collected on.
        warnings.simplefilter("ignore", ResourceWarning)
        code = main(["replay", *map(str, arguments), *options, "--no-progress"])
    lines = written["output"].read_bytes().splitlines()
    summary, manifest = (json.loads(written[name].read_text()) for name in ("summary", "manifest"))
    return code, {json.loads(line)["id"] for line in lines}, summary, manifest


# Replay equals live


def test_a_replay_of_the_blobs_gives_the_alert_ids_that_the_live_service_gave(
    storage: Storage, archived: dict[tuple[str, str], bytes], tmp_path: Path
) -> None:
    with Referee() as referee:
        stage = Stage(tmp_path, TOLD, referee, None).read_files()  # type: ignore[arg-type] -- nobody is forked
        wanted = stage.verdict()
        with Hosted(stage.config) as at:
            at.until(lambda: stage.counters() == wanted.counters)
        live = {name for (name,) in stage.rows("SELECT id FROM alerts WHERE suppressed_by IS NULL")}
    assert live
    more = ("--config", stage.config, "--connection-string-file", storage.file, "--as-live")
    code, ids, summary, manifest = replayed(tmp_path / "replay", storage.url, *more)
    assert code == exits.OK
    assert ids == live
    assert summary["records"]["received"] == wanted.counters["received"]
    assert len(manifest["inputs"]) == len(archived)
    assert all(each["status"] == "read" and each["sha256"] for each in manifest["inputs"])


def test_overlapping_sources_count_once(
    storage: Storage, archived: dict[tuple[str, str], bytes], tmp_path: Path
) -> None:
    """Blobs, a local copy of the same tree, and what was captured from the hub, all at once."""
    lines = tmp_path / "captured.jsonl"
    lines.write_bytes(b"\n".join(message.body for message in TOLD.messages))
    for (container, name), data in archived.items():
        path = tmp_path / "copy" / container / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    access = ("--connection-string-file", storage.file)
    _, once, alone, _ = replayed(tmp_path / "one", lines)
    code, thrice, together, _ = replayed(tmp_path / "three", storage.url, lines, tmp_path / "copy", *access)
    assert code == exits.OK
    assert thrice == once
    assert together["records"]["received"] == 3 * alone["records"]["received"]
    assert together["records"]["applied"] == alone["records"]["applied"]


def test_tables_among_the_blobs_are_read_as_the_same_rows_in_lines(storage: Storage, tmp_path: Path) -> None:
    """The export of a table by hour as Parquet, and the same rows as JSON lines on the disk."""
    rows = rows_of(TOLD.messages)
    lines = tmp_path / "rows.jsonl"
    lines.write_bytes(json_lines(rows))
    storage.client.create_container("exported-tables")
    hours: dict[str, list[dict[str, Any]]] = {}
    for message in TOLD.messages:
        hours.setdefault(hour_of(message.enqueued), []).extend(rows_of([message]))
    for number, (hour, some) in enumerate(hours.items()):
        compression = ("snappy", "gzip", "zstd")[number % 3]
        storage.put("exported-tables", f"{hour}/PT1H.parquet", parquet(some, compression=compression))
    access = ("--connection-string-file", storage.file)
    _, wanted, alone, _ = replayed(tmp_path / "lines", lines)
    code, ids, summary, manifest = replayed(tmp_path / "tables", f"{storage.url}/exported-tables", *access)
    assert code == exits.OK
    assert wanted
    assert ids == wanted
    assert summary["records"] == alone["records"]
    assert len(manifest["inputs"]) == len(hours)
    assert all(each["form"] == "parquet" and each["sha256"] for each in manifest["inputs"])


# Other commands


def said(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        code = main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def copied(archived: dict[tuple[str, str], bytes], folder: Path) -> None:
    for (container, name), data in archived.items():
        path = folder / container / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def addresses(storage: Storage, archived: dict[tuple[str, str], bytes]) -> list[str]:
    """Of the containers of the archive; other tests fill others."""
    return [f"{storage.url}/{container}" for container in sorted({container for container, _ in archived})]


def test_questions_are_asked_of_blobs_as_of_files(
    storage: Storage, archived: dict[tuple[str, str], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(archived, tmp_path / "copy")
    access = ("--connection-string-file", storage.file)
    question = ("--address", "0.0.0.0/0", "--since", "2026-10-01")
    files = said(capsys, "incident", tmp_path / "copy", *question)
    blobs = said(capsys, "incident", *addresses(storage, archived), *question, *access)
    assert blobs == files
    assert blobs[0] == exits.OK
    assert blobs[1]["agents"]
    page = tmp_path / "incident.md"
    reported = said(capsys, "incident", *addresses(storage, archived), *question, *access, "--markdown", page)
    assert reported[0] == exits.OK
    text = page.read_text(encoding="utf-8")
    assert all(hashlib.sha256(data).hexdigest() in text for data in archived.values())
    assert said(capsys, "incident", f"{storage.url}/insights-logs-none", *question, *access)[0] == exits.INPUT


def test_the_coverage_of_blobs_is_that_of_files_and_a_signature_is_not_shown(
    storage: Storage, archived: dict[tuple[str, str], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(archived, tmp_path / "copy")
    places = addresses(storage, archived)
    signed = [f"{place}?{sas(minutes=60, container=place.rpartition('/')[2])}" for place in places]
    _, files = said(capsys, "coverage", tmp_path / "copy")
    code, blobs = said(capsys, "coverage", *signed)
    assert code == exits.OK
    assert blobs["looked_at"].pop("archive") == places
    del files["looked_at"]["archive"]
    assert blobs == files
    assert "sig=" not in json.dumps(blobs)


def test_training_reads_blobs_and_names_each_by_its_address(
    storage: Storage,
    archived: dict[tuple[str, str], bytes],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half a day makes no model: what training is given is looked at instead."""
    given: dict[str, str] = {}

    def train(frame: Any, *, sources: list[Source], **_: Any) -> None:
        given.update({each.name: each.sha256 for each in sources})
        raise ModelError(f"{len(frame)} rows")

    monkeypatch.setattr("detector.models.training.train", train)
    signed = [
        f"{place}?{sas(minutes=60, container=place.rpartition('/')[2])}" for place in addresses(storage, archived)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        code = main(["train", *signed, "--out", str(tmp_path / "hours"), "--dated"])
    assert (code, "rows" in capfd.readouterr().err) == (exits.USAGE, True)
    assert given == {
        f"{storage.url}/{container}/{name}": hashlib.sha256(data).hexdigest()
        for (container, name), data in archived.items()
    }


def test_a_case_is_made_and_configurations_are_compared_out_of_blobs(
    storage: Storage, archived: dict[tuple[str, str], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    access = ("--connection-string-file", storage.file)
    places = addresses(storage, archived)
    replayed(tmp_path / "replay", *places, *access)
    alerts = tmp_path / "replay/output.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        out = ("--alerts", alerts, "--out", tmp_path / "case.zip")
        assert main([*map(str, ("case", "export", *places, *out, *access))]) == exits.OK
    assert "not found" not in capsys.readouterr().err
    with zipfile.ZipFile(tmp_path / "case.zip") as case:
        inputs = json.loads(case.read("manifest.json"))["inputs"]
    bodies = {f"{storage.url}/{container}/{name}": data for (container, name), data in archived.items()}
    assert {each["place"] for each in inputs} == set(bodies)
    holding = [each for each in inputs if each["records"]]
    assert holding
    assert all(each["sha256"] == hashlib.sha256(bodies[each["place"]]).hexdigest() for each in holding)
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("{}")
    two.write_text("budget: {enabled: false}")
    code, document = said(
        capsys, "diff", one, two, *(part for place in places for part in ("--archive", place)), *access
    )
    assert code == exits.OK
    assert not document["lost"]


# Finding blobs


def test_only_the_wanted_hours_logs_and_tenants_are_listed(
    storage: Storage, archived: dict[tuple[str, str], bytes]
) -> None:
    logs = {"serviceprincipalsigninlogs"}
    last = max(message.enqueued for message in TOLD.messages)
    wanted = Wanted(since=last - 2 * HOUR, until=last, categories=logs, tenants={TENANT}, spread=HOUR)
    with opened([address_of(storage.url)], storage.access, wanted) as archive:
        found = [each.place.removeprefix(f"{storage.url}/") for each in archive.inputs]
        assert not archive.failures
    hours = {hour_of(last - hours * HOUR) for hours in range(-1, 4)}
    expected = [
        f"{container}/{name}"
        for container, name in archived
        if container == "insights-logs-serviceprincipalsigninlogs"
        and name.split("/", 1)[1].removesuffix("/PT1H.json") in hours
    ]
    assert expected
    assert found == expected
    assert archive.left_out
    with opened([address_of(storage.url)], storage.access, Wanted(tenants={"another"})) as archive:
        assert archive.inputs == []


def test_a_container_and_a_prefix_can_be_named_and_a_missing_one_is_a_failure(
    storage: Storage, archived: dict[tuple[str, str], bytes]
) -> None:
    container, name = next(iter(archived))
    addresses = [address_of(f"{storage.url}/{part}") for part in (f"{container}/{name}", "insights-logs-none")]
    with opened(addresses, storage.access, Wanted()) as archive:
        assert [each.place for each in archive.inputs] == [f"{storage.url}/{container}/{name}"]
        assert [failure.place for failure in archive.failures] == [f"{storage.url}/insights-logs-none"]
        assert "no such container" in archive.failures[0].message


# Reading blobs


def large(storage: Storage, container: str, count: int = 9) -> tuple[str, list[float]]:
    """A blob of several ranges."""
    storage.client.create_container(container)
    seconds = [float(second) for second in range(3500)]
    padding = "x" * (count * RANGE // len(seconds))
    data = b"\r\n".join(record(second, padding) for second in seconds) + b"\r\n"
    name = "tenantId=t/y=2026/m=10/d=05/h=00/m=00/PT1H.json"
    storage.put(container, name, data)
    return f"{storage.url}/{container}/{name}", seconds


def test_ranges_are_put_together_in_order(storage: Storage) -> None:
    url, seconds = large(storage, "insights-logs-large")
    with opened([address_of(url)], storage.access, Wanted()) as archive:
        source = FileSource([], more=archive.inputs, manner=Manner(hashed=True))
        assert seconds_of(source) == seconds
        assert source.readings[0].sha256 is not None
        assert not source.failures


def test_what_is_appended_while_a_blob_is_read_is_told_and_not_read(storage: Storage) -> None:
    url, seconds = large(storage, "insights-logs-growing")
    name = url.removeprefix(f"{storage.url}/insights-logs-growing/")
    with opened([address_of(url)], storage.access, Wanted()) as archive:
        storage.put("insights-logs-growing", name, record(3599.0) + b"\r\n")
        source = FileSource([], more=archive.inputs)
        assert seconds_of(source) == seconds
        assert source.readings[0].grown == len(record(3599.0)) + 2


def test_a_blob_that_is_replaced_while_it_is_read_is_a_failure(storage: Storage) -> None:
    container, name = "insights-logs-replaced", "y=2026/m=10/d=05/h=00/m=00/PT1H.json"
    storage.client.create_container(container)
    blob = storage.client.get_blob_client(container, name)
    text = b"\r\n".join(record(float(second), "x" * 4000) for second in range(3000))
    blob.upload_blob(text)
    with opened([address_of(f"{storage.url}/{container}")], storage.access, Wanted()) as archive:
        source = FileSource([], more=archive.inputs)
        chunks = iter(source)
        next(chunks)
        blob.upload_blob(text, overwrite=True)
        list(chunks)
        assert [failure.place for failure in source.failures] == [f"{storage.url}/{container}/{name}"]
        assert "changed while it was read" in source.failures[0].message
        assert source.readings[0].status == "partly"


def test_a_reading_of_blobs_goes_on_with_those_that_were_there(storage: Storage) -> None:
    """One has grown and one has come since: neither changes what is left."""
    container = "insights-logs-resumed"
    storage.client.create_container(container)
    for hour in range(5):
        data = b"\r\n".join(record(hour * HOUR + second) for second in range(0, 3600, 2)) + b"\r\n"
        storage.put(container, f"y=2026/m=10/d=05/h={hour:02}/m=00/PT1H.json", data)
    with opened([address_of(f"{storage.url}/{container}")], storage.access, Wanted()) as archive:
        wanted = seconds_of(FileSource([], more=archive.inputs))
    with opened([address_of(f"{storage.url}/{container}")], storage.access, Wanted()) as archive:
        source = FileSource([], more=archive.inputs)
        chunks = iter(source)
        found = [second for _ in range(7) for second in seconds_of([next(chunks)])]
        position = source.position
        assert position is not None
    storage.put(container, "y=2026/m=10/d=05/h=04/m=00/PT1H.json", record(4 * HOUR + 3599) + b"\r\n")
    storage.put(container, "y=2026/m=10/d=05/h=05/m=00/PT1H.json", record(5 * HOUR) + b"\r\n")
    with opened([address_of(f"{storage.url}/{container}")], storage.access, Wanted()) as archive:
        again = FileSource([], more=archive.inputs, manner=Manner(position=position))
        found += seconds_of(again)
        assert found == wanted
        assert len(again.appeared) == 1
        assert not again.failures


# Credentials


def sas(*, minutes: float, read: bool = True, container: str = "insights-logs-signed") -> str:
    until = datetime.now(UTC) + timedelta(minutes=minutes)  # noqa: TID251 -- signatures have a real end
    permission = ContainerSasPermissions(list=True, read=read)
    return generate_container_sas(ACCOUNT, container, KEY, permission=permission, expiry=until)


def test_a_signature_lets_in_and_is_shown_nowhere(
    storage: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    container = "insights-logs-signed"
    storage.client.create_container(container)
    storage.put(container, "y=2026/m=10/d=05/h=00/m=00/PT1H.json", record(5.0) + b"\r\n")
    good, old = sas(minutes=60), sas(minutes=-60)
    (tmp_path / "sas").write_text(f"?{good}\n")
    address = f"{storage.url}/{container}"
    for arguments in ((f"{address}?{good}",), (address, "--sas-file", tmp_path / "sas")):
        code, _, summary, manifest = replayed(tmp_path / "out", *arguments)
        assert (code, summary["records"]["received"]) == (exits.OK, 1)
    code, _, summary, manifest = replayed(tmp_path / "old", f"{address}?{old}")
    assert code == exits.INPUT
    assert len(summary["failed_files"]) == 1
    out, err = capsys.readouterr()
    for secret in (good, old):
        signature = secret.partition("sig=")[2].partition("&")[0]
        assert signature not in out + err + json.dumps(summary) + json.dumps(manifest)


def test_a_connection_string_of_another_account_is_refused(
    storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    access = ["--connection-string-file", str(storage.file)]
    assert main(["replay", "https://other.blob.core.windows.net/insights-logs-a", *access]) == exits.USAGE
    err = capsys.readouterr().err
    assert "another account" in err
    assert KEY not in err
