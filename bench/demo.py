"""`make demo`: the live service on a laptop, reading nine simulated days from a file while they are written to it."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_WRITES = 40
_PAUSE = 0.25
_PATIENCE = 60.0


def main(folder: Path) -> int:
    """Runs the demo in a folder that holds `events.jsonl` and `detector.yaml`; the exit code of the service."""
    source, target = folder / "events.jsonl", folder / "logs" / "events.jsonl"
    command = [sys.executable, "-m", "detector", "run", "--brief", "--port", "0"]
    command += [
        "--config",
        str(folder / "detector.yaml"),
        "--follow",
        str(target.parent),
        "--store",
        str(folder / "state"),
    ]
    with (folder / "service.log").open("wb") as log, _service(command, log) as service:
        port = _port(folder / "service.log")
        _say(
            f"The service runs: `{' '.join(['agent-detector', *command[3:]])}`",
            f"Metrics  http://127.0.0.1:{port}/metrics (also /livez, /readyz, /startupz)",
            f"Records  are being written to {target}; alerts follow as they are raised.",
            "",
        )
        _write(source, target)
        _settle(folder / "state" / "store.db", _records(source), service)
        service.send_signal(signal.SIGTERM)
        code = service.wait(30)
    target.unlink()
    _say(
        "",
        f"The service was stopped with SIGTERM and ended with {code}.",
        f"Records        {source}",
        f"Configuration  {folder / 'detector.yaml'}",
        f"Store          {folder / 'state'}: try `agent-detector alerts list --store {folder / 'state'}`",
        f"Log            {folder / 'service.log'}",
        f"Replay gives the same alerts: `agent-detector replay {source} --config {folder / 'detector.yaml'} --brief`",
    )
    return code


@contextmanager
def _service(command: list[str], log: object) -> Iterator[subprocess.Popen[bytes]]:
    service = subprocess.Popen(command, stderr=log)  # type: ignore[call-overload]
    try:
        yield service
    finally:
        if service.poll() is None:
            service.terminate()
            service.wait(30)


def _port(log: Path) -> int:
    """The port that the service tells in its log."""
    import json

    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for line in log.read_text("ascii").splitlines():
            if '"telemetry_opened"' in line:
                return int(json.loads(line)["port"])
        time.sleep(0.1)
    raise SystemExit(f"The service did not start. See {log}.")


def _write(source: Path, target: Path) -> None:
    """Lets the file grow in a few seconds, the way a collector would write it."""
    step = -(-source.stat().st_size // _WRITES)
    with source.open("rb") as records, target.open("ab", buffering=0) as growing:
        while part := records.read(step):
            growing.write(part)
            time.sleep(_PAUSE)


def _records(source: Path) -> int:
    import json

    with source.open("rb") as lines:
        return sum(len(json.loads(line)["records"]) for line in lines)


def _settle(store: Path, records: int, service: subprocess.Popen[bytes]) -> None:
    """Waits until all records were taken, nothing more is committed and no alert waits."""
    before, deadline = -1, time.monotonic() + _PATIENCE
    while service.poll() is None and time.monotonic() < deadline:
        time.sleep(1.5)
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            received = dict(connection.execute("SELECT name, value FROM counters")).get("received", 0)
            waiting = connection.execute("SELECT count(*) FROM outbox WHERE status = 'pending'").fetchone()[0]
        if received == before >= records and not waiting:
            return
        before = received


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    shutil.rmtree(Path(sys.argv[1]) / "state", ignore_errors=True)
    sys.exit(main(Path(sys.argv[1])))
