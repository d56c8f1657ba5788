"""A whole service in a thread of this process, so that a test can reach its loop, its worker and its probes."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from detector.config.load import load
from detector.runtime.live.service import Ending, Environment, Service
from detector.sinks.sink import Sink
from detector.stores.failpoints import Point, nowhere
from tests.processors import Watch, kept_waiting


class Answer(NamedTuple):
    """What a probe said."""

    status: int
    reasons: list[str]


PATIENCE = 150.0
"""Seconds after which a test gives up on what a quiet machine does at once."""


def asked(port: int, path: str, *, seconds: float = PATIENCE) -> Answer:
    """What a probe on a port says. Raises TimeoutError when it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=seconds) as answer:
            return Answer(answer.status, json.load(answer)["reasons"])
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, json.load(error)["reasons"])
    except (TimeoutError, urllib.error.URLError) as error:
        raise TimeoutError(str(error)) from error


class Hosted:
    """Runs the service of a configuration from entering to leaving; what it ends with is in `ending` afterwards."""

    def __init__(
        self,
        config: Path,
        *,
        at: Callable[[Point], None] = nowhere,
        sinks: tuple[Sink, ...] = (),
        watched: bool = False,
    ) -> None:
        self.log = io.StringIO()
        self.stdout = io.BytesIO()
        self.ending: Ending | BaseException | None = None
        self.took = 0.0
        """Seconds from asking it to stop to its end."""
        self.took_itself = 0.0
        """The same without those in which other programs had the processors, or this one stood still."""
        self.service: Service
        self.loop: asyncio.AbstractEventLoop
        self._config = config
        self._at = at
        self._sinks = sinks
        self._watched = config if watched else None
        self._begun = threading.Event()
        self._kept_waiting = 0.0
        self._watch = Watch()
        self._thread = threading.Thread(target=self._main, name="service", daemon=True)

    def __enter__(self) -> Self:
        self._watch.__enter__()
        self._thread.start()
        assert self._begun.wait(PATIENCE)
        self.until(lambda: self.service.telemetry.port != 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._watch.__exit__()

    def stop(self) -> Ending | BaseException | None:
        """Tells it to stop, and waits until it has; how it ended."""
        if self._thread.is_alive():
            begun, waited, own = time.monotonic(), self.kept_waiting(), self.own_seconds()
            self.tell(self.service.stop, "test")
            self._thread.join(PATIENCE)
            self.took = time.monotonic() - begun
            assert not self._thread.is_alive(), f"it does not end; log: {self.log.getvalue()[-2_000:]}"
            self.took_itself = min(self.took - (self._kept_waiting - waited), self.own_seconds() - own)
        return self.ending

    def tell(self, what: Callable[..., object], *values: object) -> None:
        """Has something done on the loop of the service."""
        try:
            self.loop.call_soon_threadsafe(what, *values)
        except RuntimeError:
            pass  # It has ended.

    def kept_waiting(self) -> float:
        """Seconds in which its loop was ready to run and other programs had the processors."""
        return kept_waiting(self._thread.native_id or 0)

    def own_seconds(self) -> float:
        """Seconds since it was entered, without those in which this process stood still."""
        return self._watch.seconds

    def ended(self) -> bool:
        return not self._thread.is_alive()

    def until(self, done: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
        """Waits until something is true while the service runs."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"not within {seconds} s; log: {self.log.getvalue()[-2_000:]}"
            assert not self.ended(), f"it ended with {self.ending!r}; log: {self.log.getvalue()[-2_000:]}"
            time.sleep(0.05)  # most ask the store or a probe, in the process that is to get on

    def ask(self, path: str, *, seconds: float = PATIENCE) -> Answer:
        """What a probe says. Raises TimeoutError when it does not answer."""
        return asked(self.service.telemetry.port, path, seconds=seconds)

    def scrape(self) -> bytes:
        """The metrics."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.service.telemetry.port}/metrics", timeout=PATIENCE
        ) as answer:
            return bytes(answer.read())

    def value(self, name: str, **labels: str) -> float:
        """What a metric says now."""
        return self.service.telemetry.metrics.value(name, **labels) or 0.0

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one kind."""
        text = self.log.getvalue()
        lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        return [line for line in lines if line["event"] == event]

    def _main(self) -> None:
        async def serve() -> Ending:
            self.loop = asyncio.get_running_loop()
            self.service = Service(
                load(self._config),
                Environment(
                    now=time.time,  # noqa: TID251 -- a real service has a real clock
                    monotonic=time.monotonic,
                    log=self.log,
                    stdout=self.stdout,
                    credential=lambda: None,  # type: ignore[arg-type, return-value]
                    extra_sinks=self._sinks,
                    at=self._at,
                ),
                load=lambda: load(self._config),
                watched=self._watched,
            )
            self._begun.set()
            try:
                return await self.service.run()
            finally:
                gc.collect()  # the SDK forgets sockets, which are to be warned about here and not in another test

        try:
            self.ending = asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 -- the test looks at it
            self.ending = error
        finally:
            self._kept_waiting = kept_waiting(threading.get_native_id())
            self._begun.set()
