"""The running service beside the real programs of its neighbourhood: Prometheus, Alertmanager, Blob Storage (Azurite).

Prometheus and Alertmanager are the Debian packages `prometheus` and `prometheus-alertmanager`, Azurite the npm package
`azurite` under build/azurite. Where one is missing its tests are skipped, in CI they fail.
"""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.decode.builders import dumps, every_kind
from tests.decode.test_hostile import REFUSED
from tests.hub import Server
from tests.live.hosted import Hosted
from tests.live.programs import PATIENCE, eventually, fetched, free_port, needed, program
from tests.live.referee import Referee
from tests.live.stage import Stage
from tests.live.stream import Stream, filled, stream
from tests.sinks.alerts import HOSTILE
from tests.telemetry.test_hostile import SECRET_LOOKING, series_of

ROOT = Path(__file__).parents[2]
TOLD = stream(days=0.5, agents=6)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Collects what the SDK forgets before another test is blamed for it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def referee() -> Iterator[Referee]:
    with Referee() as made:
        yield made


def on_stage(folder: Path, referee: Referee, told: Stream = TOLD) -> Stage:
    return Stage(folder, told, referee, None)  # type: ignore[arg-type] -- nobody is forked


# Prometheus


def test_prometheus_scrapes_the_running_service(tmp_path: Path, referee: Referee) -> None:
    path = needed("prometheus", "install the Debian package prometheus")
    stage = on_stage(tmp_path, referee).read_files()
    wanted = stage.verdict()
    with Hosted(stage.config) as at:
        config = tmp_path / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            "scrape_configs:\n"
            f"  - {{job_name: detector, static_configs: [{{targets: ['127.0.0.1:{at.service.telemetry.port}']}}]}}\n"
        )
        port = free_port()
        with program(
            tmp_path / "prometheus.log",
            path,
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ):

            def query(expression: str, value: float) -> None:
                text = urllib.parse.quote(expression)
                eventually(
                    f"http://127.0.0.1:{port}/api/v1/query?query={text}",
                    lambda found: [float(each["value"][1]) for each in found["data"]["result"]] == [value],
                )

            query('up{job="detector"}', 1)
            query("sum(agent_detector_events_applied_total)", wanted.counters["applied"])
            query("sum(agent_detector_events_received_total)", wanted.counters["received"])
            query("sum(agent_detector_alerts_total)", len(wanted.alerts))
            query("sum(agent_detector_alerts_sent_total)", len(wanted.alerts))
            dropped = wanted.counters["received"] - wanted.counters["applied"]
            query('sum(agent_detector_events_dropped_total{reason!="replayed_sequence"})', dropped)


# The hostile corpus


def hostile(folder: Path, told: Stream) -> int:
    """Appends everything that a decoder must survive to the followed files, good records between; how many bodies."""
    bodies = [b'{"records":[' + body + b"]}" for _, body, _ in REFUSED if b"\n" not in body]
    bodies += [body for _, body, _ in REFUSED if b"\n" not in body]
    for name in HOSTILE:
        for record in every_kind():
            text = json.dumps(record).replace("invoice-agent", "@@").encode()
            bodies.append(text.replace(b"@@", json.dumps(name)[1:-1].encode()))
    for number, body in enumerate(bodies):
        with (folder / f"{number % 4}.jsonl").open("ab") as file:
            file.write(body + b"\n" + told.messages[number % 7].body + b"\n" + dumps(*every_kind()) + b"\n")
    return len(bodies)


SECRETS = ("SharedAccessKey=", "hunter2", "Bearer ", "any-key-will-do", "client_secret")


def test_after_the_hostile_corpus_metrics_and_log_are_beyond_reproach(
    tmp_path: Path, referee: Referee, capsys: pytest.CaptureFixture[str]
) -> None:
    """B5.1 and B5.7: the linter of Prometheus has nothing to say, series are few, every log line keeps its schema."""
    stage = on_stage(tmp_path, referee).read_files()
    logs = tmp_path / "logs"
    with Hosted(stage.config) as at:
        at.until(lambda: at.ask("readyz").status == 200)
        at_rest = series_of(at.scrape())
        bodies = hostile(logs, TOLD)
        at.until(lambda: _committed(stage) == {each.name: each.stat().st_size for each in logs.iterdir()})
        at.until(lambda: at.value("follow_unread_bytes") == 0)
        scrape = at.scrape()
        assert at.ask("livez").status == at.ask("readyz").status == 200
    assert at.ending == "stopped"
    counters = stage.counters()
    quarantined = sum(value for name, value in counters.items() if name.startswith("quarantined"))
    fates = sum(value for name, value in counters.items() if name != "received")
    assert counters["received"] == fates, "every record is accounted for"
    assert quarantined >= len([body for _, body, _ in REFUSED if b"\n" not in body])
    lines = check_log(at.log.getvalue())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{bodies} hostile bodies, {quarantined} quarantined, {at_rest} series at rest, "
            f"{series_of(scrape)} after; {lines} log lines in schema\n"
        )
    assert at_rest <= 300
    # Days have settled meanwhile: what the budget expected and saw are two series for each detector that spoke.
    assert series_of(scrape) <= 330
    assert all(byte == 0x0A or 0x20 <= byte <= 0x7E for byte in scrape)
    assert not SECRET_LOOKING.search(re.sub(rb'le="[^"]*"|python="[^"]*"', b"", scrape))
    promtool = needed("promtool", "install the Debian package prometheus")
    checked = subprocess.run((promtool, "check", "metrics"), input=scrape, capture_output=True, check=False, timeout=60)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def _committed(stage: Stage) -> dict[str, int]:
    """How many bytes of each file."""
    return dict(stage.rows("SELECT partition, sequence FROM positions"))


def check_log(text: str) -> int:
    """Every line parses, keeps the published schema, is plain ASCII, and holds no secret; how many there are."""
    import jsonschema

    validator = jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "log.schema.json").read_text()))
    assert all(char == "\n" or " " <= char <= "~" for char in text)
    assert text.endswith("\n")
    lines = text.splitlines()
    for line in lines:
        validator.validate(json.loads(line))
    for secret in SECRETS:
        assert secret not in text, secret
    return len(lines)


def test_the_log_of_a_run_on_a_hub_with_trouble_keeps_its_schema_and_its_secrets(
    tmp_path: Path, referee: Referee
) -> None:
    with Server(filled(TOLD)) as server:
        stage = on_stage(tmp_path, referee)
        stage.read_hub(server.connection_string(), watchdog={"poll": 0.5, "answer": 4.0, "close": 1.0})
        wanted = stage.verdict()
        with Hosted(stage.config) as at:
            at.until(lambda: stage.counters() == wanted.counters)
            referee.refusing = True
            server.faults.fail_cbs(401)
            server.faults.drop_connections()
            at.until(lambda: len(at.lines("management_failed")) > 2)
            server.faults.fail_cbs(None)
            server.faults.garbage_frame("frame-type")
            at.tell(at.service.reload)
            at.until(lambda: bool(at.lines("configuration_reloaded")))
            at.until(lambda: at.ask("readyz").status == 200)
            scrape = at.scrape()
        assert at.ending == "stopped"
        secret = re.search(r"SharedAccessKey=([^;]+)", server.connection_string())
        assert secret is not None
    assert secret.group(1) not in at.log.getvalue()
    assert secret.group(1).encode() not in scrape
    assert check_log(at.log.getvalue()) > 20
    assert series_of(scrape) <= 330


# Alertmanager


def test_alertmanager_gets_the_alerts_of_the_running_service(tmp_path: Path, referee: Referee) -> None:
    path = needed("prometheus-alertmanager", "install the Debian package prometheus-alertmanager")
    config = tmp_path / "am.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with program(
        tmp_path / "am.log",
        path,
        f"--config.file={config}",
        f"--storage.path={tmp_path / 'am'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ):
        eventually(f"{url}/api/v2/status", bool)
        stage = on_stage(tmp_path, referee)
        stage.document["sinks"]["alertmanagers"] = [
            {
                "name": "am",
                "url": url,
                "allow_insecure": True,
                "allow_networks": ["127.0.0.0/8"],
                "max_per_hour": 0,
                "max_per_day": 0,
                "max_per_detector": 0,
                "resolve_after": 604800,
            }
        ]
        stage.read_files()
        wanted = stage.verdict()
        with Hosted(stage.config) as at:
            at.until(lambda: at.value("alerts_sent_total", sink="am") == len(wanted.alerts))
            # Alerts that are over by the clock of the real program are shown no more; it took them all the same.
            shown = {each["labels"]["alert_id"] for each in fetched(f"{url}/api/v2/alerts")}
            assert shown <= wanted.alerts
            assert at.value("alerts_refused_total", sink="am") == 0
            # Lines that come too fast are left out, and counted: the log need not name them all.
            at.until(lambda: any(line["sink"] == "am" for line in at.lines("alerts_delivered")))
            lines = [line for line in at.lines("alerts_delivered") if line["sink"] == "am"]
            assert {each for line in lines for each in line["alert_ids"]} <= wanted.alerts
        assert at.ending == "stopped"
        with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
            metrics = answer.read().decode()
        taken = re.findall(r'^alertmanager_alerts_received_total\{.*?version="v2".*?\} (\d+)$', metrics, re.MULTILINE)
        assert sum(map(int, taken)) >= len(wanted.alerts)
        assert 'alertmanager_alerts_invalid_total{version="v2"} 0' in metrics


# Blob Storage

ACCOUNT = "devstoreaccount1"
# pragma: allowlist nextline secret
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Of the emulator, and published: https://learn.microsoft.com/azure/storage/common/storage-use-azurite."""


def test_the_mirror_of_positions_is_in_blob_storage(tmp_path: Path, referee: Referee) -> None:
    """Where KEDA and people look for it: one blob a partition, with the committed position in its metadata."""
    path = needed(ROOT / "build/azurite/node_modules/.bin/azurite-blob", "npm install --prefix build/azurite azurite")
    # The SDK's own copy of the storage client, which is what the service uses too.
    from azure.eventhub.extensions.checkpointstoreblobaio._vendor.storage.blob import ContainerClient

    port = free_port()
    blobs = f"http://127.0.0.1:{port}/{ACCOUNT}"
    connection = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={blobs};"
    secret = tmp_path / "storage"
    secret.write_text(connection)
    with (
        program(
            tmp_path / "azurite.log",
            path,
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            str(port),
            "--skipApiVersionCheck",
            "--inMemoryPersistence",
        ),
        Server(filled(TOLD)) as server,
        ContainerClient.from_connection_string(connection, "checkpoints") as container,
    ):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                container.create_container()
                break
            except Exception:  # noqa: BLE001 -- it is only starting
                assert time.monotonic() < deadline, (tmp_path / "azurite.log").read_text()
                time.sleep(0.2)
        stage = on_stage(tmp_path, referee)
        mirror = {"container": f"{blobs}/checkpoints", "connection_string_file": str(secret), "interval": 10}
        stage.read_hub(server.connection_string(), mirror=mirror)
        wanted = stage.verdict()
        with Hosted(stage.config) as at:
            at.until(lambda: stage.counters() == wanted.counters)
            at.until(lambda: at.value("mirror_last_written_timestamp_seconds") > 0)
            at.until(lambda: len(list(container.list_blobs())) == 4)
            assert at.lines("mirror_failed") == []
        assert at.ending == "stopped"
        found = {blob.name: blob.metadata for blob in container.list_blobs(include=["metadata"])}
        assert KEY not in at.log.getvalue()
    committed = stage.rows("SELECT partition, sequence, mark FROM positions")
    assert {
        (name.rpartition("/")[2], int(metadata["sequencenumber"]), metadata["offset"])
        for name, metadata in found.items()
    } == set(committed)
    assert all("/agents/$default/checkpoint/" in name for name in found)
