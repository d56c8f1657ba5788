"""A service on a stage: files or a hub to read, a referee to send to, a folder for everything else."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any, Self

import yaml

from detector.config.load import load
from tests.live.nursery import Nursery
from tests.live.referee import Referee
from tests.live.stream import Stream, Verdict, undisturbed

SIGNALS = {"stop": signal.SIGTERM, "freeze": signal.SIGSTOP, "thaw": signal.SIGCONT, "reload": signal.SIGHUP}


class Stage:
    """What a test of the whole service needs; made by `staged`."""

    def __init__(self, folder: Path, told: Stream, referee: Referee, nursery: Nursery) -> None:
        self.folder = folder
        self.told = told
        self.referee = referee
        self.nursery = nursery
        self.config = folder / "detector.yaml"
        self.document: dict[str, Any] = {
            **told.configuration,
            "store": {"directory": str(folder / "state"), "min_free": 0.0},
            "sinks": {"webhooks": [referee.sink()]},
            "telemetry": {"port": 0},
            "batch": {"bytes": 4096, "linger": 0.01},
        }

    def read_files(self, *, files: int = 4, seed: int = 3) -> Self:
        """Spreads the messages over growing files by chance, a message a line."""
        logs = self.folder / "logs"
        logs.mkdir()
        dice = Random(seed)
        lines: list[list[bytes]] = [[] for _ in range(files)]
        for message in self.told.messages:
            dice.choice(lines).append(message.body)
        for number, bodies in enumerate(lines):
            (logs / f"{number}.jsonl").write_bytes(b"".join(body + b"\n" for body in bodies))
        return self.reads({"files": {"path": str(logs), "chunk_bytes": 4096, "poll_seconds": 0.05}})

    def read_hub(self, connection_string: str, **more: Any) -> Self:
        """Reads an event hub, with little patience."""
        secret = self.folder / "connection"
        secret.write_text(connection_string)
        quick = {"backoff": {"first": 0.05, "longest": 0.5, "flapping": 0.1}, "watchdog": {"close": 1.0}}
        hub = {"connection_string_file": str(secret), "start": "earliest", **quick, **more}
        return self.reads({"event_hubs": hub})

    def reads(self, source: dict[str, Any]) -> Self:
        self.document["source"] = source
        return self.write()

    def write(self) -> Self:
        """Writes the configuration."""
        self.config.write_text(yaml.safe_dump(self.document))
        return self

    def verdict(self) -> Verdict:
        """What an engine that is never disturbed says."""
        return undisturbed(self.told, load(self.config))

    def start(self, **order: Any) -> int:
        return self.nursery.start(self.config, **order)

    def started(self, **order: Any) -> int:
        """Starts a service and waits until it has its store and minds its signals."""
        before = self.lines("service_started")
        pid = self.start(**order)
        self.until(lambda: self.lines("service_started") > before, pid=pid)
        return pid

    def lines(self, event: str) -> int:
        """How often an event is in the log."""
        log = self.folder / "service.log"
        return log.read_text().count(f'"event":"{event}"') if log.exists() else 0

    def send(self, pid: int, what: str) -> None:
        os.kill(pid, SIGNALS[what])

    def stop(self, pid: int) -> int:
        """Ends a service in good order; its exit code."""
        self.send(pid, "stop")
        return self.nursery.wait(pid)

    def counters(self) -> dict[str, int]:
        """The accounting that the store holds."""
        return dict(self.rows("SELECT name, value FROM counters"))

    def rows(self, query: str) -> list[Any]:
        if not (self.folder / "state" / "store.db").exists():
            return []
        connection = sqlite3.connect(f"file:{self.folder / 'state' / 'store.db'}?mode=ro", uri=True, timeout=60)
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []  # A crash may have left it half made; the next start mends it.
        finally:
            connection.close()

    def until(self, done: Callable[[], bool], *, seconds: float = 150.0, pid: int | None = None) -> None:
        """Waits until something is true; fails when it does not become so, or the service ends before."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"not within {seconds} s; log: {self.last_lines()}"
            if pid is not None:
                code = self.nursery.ended(pid)
                assert code is None, f"the service ended with {code}; log: {self.last_lines()}"
            time.sleep(0.05)

    def finish(self, wanted: Verdict, *, seconds: float = 300.0) -> None:
        """Runs the service until everything is judged and sent, and stops it."""
        pid = self.started()
        self.until(
            lambda: self.counters() == wanted.counters and set(self.referee.seen) >= wanted.alerts,
            seconds=seconds,
            pid=pid,
        )
        assert self.stop(pid) == 0

    def check(self, wanted: Verdict) -> dict[str, int]:
        """Nothing is lost, nothing invented, every record is accounted for; how much came more than once."""
        seen = self.referee.seen
        found = {
            "lost": len(wanted.alerts - set(seen)),
            "wrong": len(set(seen) - wanted.alerts),
            "stored twice": sum(count > 1 for _, count in self.rows("SELECT id, count(*) FROM alerts GROUP BY id")),
        }
        assert found == {"lost": 0, "wrong": 0, "stored twice": 0}
        assert self.counters() == wanted.counters
        return {"alerts": len(seen), "redelivered": seen.total() - len(seen)}

    def last_lines(self, number: int = 8) -> str:
        log = self.folder / "service.log"
        return "" if not log.exists() else "\n".join(log.read_text().splitlines()[-number:])

    def port(self) -> int:
        """The port of metrics and probes of the service that started last."""
        ports = [line["port"] for line in self.nursery.log() if line.get("event") == "telemetry_opened"]
        return int(ports[-1])


@contextmanager
def staged(folder: Path, told: Stream) -> Iterator[Stage]:
    """A stage on which nothing is read yet."""
    with ExitStack() as stack:
        referee = stack.enter_context(Referee())
        nursery = stack.enter_context(Nursery(folder))
        yield Stage(folder, told, referee, nursery)
