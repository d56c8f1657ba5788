"""Reloading the configuration: all of it or nothing, on SIGHUP, when its file changes or when a newer model is there.

What judges (detectors, rates, pipelines, error codes, ...) can change while the service runs, because memory does not
depend on it. What the service is built of (source, evidence, inventory, store, sinks, telemetry, batch, canary, limits
of memory) cannot: a change there is refused as a whole and takes effect with the next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from detector.errors import ConfigurationError, DetectorError, ModelError
from detector.models.in_use import latest_of

if TYPE_CHECKING:
    from detector.config.settings import Settings

BUILT_IN: Final = (
    "source",
    "evidence",
    "inventory",
    "store",
    "sinks",
    "telemetry",
    "batch",
    "canary",
    "lateness",
    "limits",
)
"""Blocks that need a new start."""
LOOK: Final = 5.0
"""Seconds between two looks at the file: mounted ConfigMaps are replaced, which no watch on the file would survive."""


class Facts(Protocol):
    """What reloading tells."""

    def configuration_reloaded(self) -> None:
        """A changed configuration is in use."""

    def configuration_refused(self, problems: int, first: str = "") -> None:
        """A changed configuration is wrong; the one before stays in use."""


class Reloading:
    """Reloads when asked to.

    Args:
        load: Reads the configuration.
        settings: The one in use.
        facts: Told what became of it.
        apply: Puts another one into use.
        newest: What `latest_of` said before the model in use was loaded: a newer one may have come since.
    """

    def __init__(
        self,
        load: Callable[[], Settings],
        settings: Settings,
        facts: Facts,
        apply: Callable[[Settings], Awaitable[None]],
        newest: str = "",
    ) -> None:
        self._load: Final = load
        self._settings = settings
        self._facts: Final = facts
        self._apply: Final = apply
        self._newest: Final = newest
        self._asked: Final = asyncio.Event()

    def ask(self) -> None:
        """Reloads soon; on the event loop."""
        self._asked.set()

    async def run(self, watched: Path | None = None) -> None:
        """Reloads whenever asked, or when a file, the manifest or the newest model that it names has changed.

        Until cancelled.
        """
        known = await self._seen(watched)
        if watched is not None:
            known[-1] = self._newest.encode()
        while True:
            try:
                await asyncio.wait_for(self._asked.wait(), LOOK)
            except TimeoutError:
                found = await self._seen(watched)
                if found == known or None in found:
                    continue
            self._asked.clear()
            known = await self._seen(watched)
            await self.reload()

    async def _seen(self, watched: Path | None) -> list[bytes | None]:
        manifest = self._settings.manifest_file if watched is not None else None
        files = [Path(each) for each in (watched, manifest) if each is not None]
        seen = [await asyncio.to_thread(_content, file) for file in files]
        return seen if watched is None else [*seen, await asyncio.to_thread(_latest, self._settings)]

    async def reload(self) -> None:
        """Reads the configuration and uses it, or says why not."""
        try:
            settings = await asyncio.to_thread(self._load)
        except ConfigurationError as error:
            self._facts.configuration_refused(len(error.problems), str(error.problems[0]))
            return
        except DetectorError as error:
            self._facts.configuration_refused(1, str(error))
            return
        fixed = [name for name in BUILT_IN if getattr(settings, name) != getattr(self._settings, name)]
        if fixed:
            self._facts.configuration_refused(
                len(fixed),
                f"A change of {', '.join(fixed)} takes effect with the next start only. Nothing was changed.",
            )
            return
        try:
            await self._apply(settings)
        except DetectorError as error:
            self._facts.configuration_refused(1, str(error))
            return
        self._settings = settings
        self._facts.configuration_reloaded()


def _latest(settings: Settings) -> bytes | None:
    try:
        return latest_of(settings).encode()
    except ModelError:
        return None


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
