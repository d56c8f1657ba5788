"""All telemetry of one service, put together: one object for each room that has facts to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TextIO

from detector.config.telemetry import TelemetrySettings
from detector.telemetry.evidence import EvidenceFacts
from detector.telemetry.follow import FollowFacts
from detector.telemetry.health import Health
from detector.telemetry.inventory import InventoryFacts
from detector.telemetry.libraries import LibraryLines, route
from detector.telemetry.log import Log
from detector.telemetry.metrics import Metrics
from detector.telemetry.runtime import RuntimeFacts
from detector.telemetry.server import TelemetryServer
from detector.telemetry.sinks import SinkFacts
from detector.telemetry.sources import SourceFacts
from detector.telemetry.stores import StoreFacts


class Telemetry:
    """Metrics, log and probes.

    Args:
        settings: The block `telemetry` of the configuration.
        stream: Where log lines go.
        now: Wall clock, seconds since the epoch.
        monotonic: Seconds that only rise.
        sinks: Names of the configured sinks.

    Attributes:
        metrics: The metrics.
        log: The log.
        health: What the probes ask.
        runtime: Facts of the runtime.
        source: Facts of a hub.
        follow: Facts of followed files.
        inventory: Facts of the directory.
        evidence: Facts of deployment evidence.
        sink: Facts of sinks.
        store: Facts of the store.
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        stream: TextIO,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        sinks: Iterable[str] = (),
    ) -> None:
        self.metrics: Final = Metrics(sinks, max_partitions=settings.max_partitions)
        self.log: Final = Log(
            stream,
            monotonic=monotonic,
            limit=settings.lines_per_minute,
            level=settings.log_level,
            on_written=lambda level: self.metrics.count("log_lines_total", level=level),
            on_suppressed=lambda: self.metrics.count("log_lines_suppressed_total"),
        )
        self.runtime: Final = RuntimeFacts(self.metrics, self.log, now=now)
        self.source: Final = SourceFacts(self.metrics, self.log, now=now)
        self.follow: Final = FollowFacts(self.metrics, self.log)
        self.inventory: Final = InventoryFacts(self.metrics, self.log, now=now)
        self.evidence: Final = EvidenceFacts(self.metrics, self.log)
        self.sink: Final = SinkFacts(self.metrics, self.log)
        self.store: Final = StoreFacts(self.metrics, self.log, now=now)
        self.health: Final = Health(
            monotonic=monotonic,
            loop_limit=settings.loop_limit_seconds,
            worker_limit=settings.worker_limit_seconds,
            on_check_failed=self.runtime.check_failed,
        )
        self._server: Final = TelemetryServer(
            self.metrics, self.health, host=settings.host, port=settings.port, every_tick=self.log.flush
        )
        self._host: Final = settings.host
        self._restore: Callable[[], None] | None = None

    @property
    def port(self) -> int:
        """The port of metrics and probes, once started."""
        return self._server.port

    async def start(self) -> None:
        """Takes up the lines of libraries and opens the port; called first, so that the probes see start-up.

        Raises:
            DetectorError: The address cannot be listened on.
        """
        self._restore = route(LibraryLines(self.metrics, self.log))
        try:
            await self._server.start()
        except BaseException:
            self._put_back()
            raise
        self.log.say("telemetry_opened", host=self._host, port=self.port)

    async def stop(self) -> None:
        """Closes the port and puts the loggers of libraries back; called last."""
        await self._server.stop()
        self._put_back()
        self.log.close()

    def _put_back(self) -> None:
        if self._restore is not None:
            self._restore()
            self._restore = None
