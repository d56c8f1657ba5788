"""Forks live services off a process that has everything imported: a start costs milliseconds, a kill is a real kill.

Run as a program: reads one JSON command a line, `{"start": {...}}`, and answers each with `{"pid": ...}`. Children are
services of their own: an event loop, a worker's thread, sockets, the store. They end with the exit code of the command.

An order may say after how many commits a child creeps (`quick`), until it is told to stop or a file is there (`hurry`):
so it is still at work when a test gets to what it wants of it, however late that is.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import sys
import threading
import time
from functools import cache
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, Self

HERE = Path(__file__).resolve().parents[2]


def _child(order: dict[str, Any]) -> int:
    from detector.config.load import load
    from detector.runtime.live.service import EXIT_CODES, Environment, Service

    left = int(order.get("hits", 1))
    slow = float(order.get("slow", 0.0))
    quick = int(order.get("quick", sys.maxsize))
    stopping, hurry = threading.Event(), Path(order["hurry"]) if "hurry" in order else None

    def at(point: str) -> None:
        nonlocal left, quick
        if point == "before_begin":
            quick -= 1
            if quick < 0 and not (hurry is not None and hurry.exists()):
                stopping.wait(0.25)
        if slow and point == "in_transaction":
            time.sleep(slow)  # a disk that takes its time, so that a short stream lasts for many lives
        if point == order.get("point"):
            left -= 1
            if left == 0:
                os._exit(137)

    async def serve() -> str:
        service = Service(
            load(Path(order["config"])),
            Environment(
                now=time.time,  # noqa: TID251
                monotonic=time.monotonic,
                log=open(order["log"], "a", encoding="ascii"),  # noqa: SIM115
                stdout=sys.stdout.buffer,
                credential=lambda: None,  # type: ignore[arg-type, return-value]
                at=at,
            ),
            load=lambda: load(Path(order["config"])),
            watched=Path(order["config"]) if order.get("watched") else None,
        )
        loop = asyncio.get_running_loop()

        def stop() -> None:
            stopping.set()
            service.stop("SIGTERM")

        loop.add_signal_handler(signal.SIGTERM, stop)
        loop.add_signal_handler(signal.SIGHUP, service.reload)
        return await service.run()

    try:
        return EXIT_CODES[asyncio.run(serve())]  # type: ignore[index]
    except Exception as error:  # noqa: BLE001
        with open(order["log"], "a", encoding="ascii") as log:
            log.write(json.dumps({"event": "child_failed", "error": repr(error)}) + "\n")
        return 70


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    import azure.eventhub.aio
    import azure.identity.aio  # noqa: F401

    import detector.cli.running
    import detector.sources.event_hubs.source
    import detector.sources.follow.source  # noqa: F401
    from tests.authorities import forget_authorities

    forget_authorities()
    _say({"ready": True})
    for line in sys.stdin:
        command = json.loads(line)
        if "start" in command:
            pid = os.fork()
            if pid == 0:
                os.close(0)
                os._exit(_child(command["start"]))
            _say({"pid": pid})
        else:
            pid, options = command["wait"], 0 if command["block"] else os.WNOHANG
            try:
                found, status = os.waitpid(pid, options)
            except ChildProcessError:  # it was waited for before
                found, status = 0, 0
            _say({"code": os.waitstatus_to_exitcode(status) if found else None})


class Mother:
    """The program above, from the side of the tests: one for all tests of a process, for its imports take a second."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        self._process = Popen(
            [sys.executable, "-m", "tests.live.nursery"], stdin=PIPE, stdout=PIPE, text=True, cwd=HERE, env=environment
        )
        assert self._answer() == {"ready": True}
        atexit.register(self._end)

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


mother = cache(Mother)


class Nursery:
    """Services of one test; whatever still runs when it is left is killed."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "service.log"
        self._running: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in list(self._running):
            self.kill(pid)

    def start(self, config: Path, **order: Any) -> int:
        """Forks a service; its process id."""
        told = {"config": str(config), "log": str(self._log), **order}
        pid = int(mother().ask({"start": told})["pid"])
        self._running.add(pid)
        return pid

    def kill(self, pid: int) -> int:
        """Ends a service without warning; its exit code, which is not ours if it had ended before."""
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.wait(pid)

    def wait(self, pid: int) -> int:
        """Waits for the end of a service; its exit code."""
        code = self._waited(pid, block=True)
        assert code is not None
        return code

    def ended(self, pid: int) -> int | None:
        """The exit code of a service that has ended."""
        return self._waited(pid, block=False)

    def _waited(self, pid: int, *, block: bool) -> int | None:
        code = mother().ask({"wait": pid, "block": block})["code"]
        if code is None:
            return None
        self._running.discard(pid)
        return int(code)

    def log(self) -> list[dict[str, Any]]:
        """All log lines of all services."""
        return [json.loads(line) for line in self._log.read_text("ascii").splitlines() if line.endswith("}")]


if __name__ == "__main__":
    main()
