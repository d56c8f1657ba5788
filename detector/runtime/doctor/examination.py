"""All checks together, side by side where none needs the answer of another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final

from detector.config.advice import advice
from detector.errors import ConfigurationError, Problem
from detector.runtime.doctor.clock import Sample, clock
from detector.runtime.doctor.files import files
from detector.runtime.doctor.hub import HubExamination, HubFindings
from detector.runtime.doctor.positions import positions
from detector.runtime.doctor.process import descriptors, telemetry, time_zones
from detector.runtime.doctor.results import Report, Result, unchecked
from detector.runtime.doctor.sinks import sent, sink, trial_alert
from detector.runtime.doctor.store import StoreFindings, store
from detector.runtime.doctor.world import NOBODY
from detector.sinks.build import Surroundings, build
from detector.sources.event_hubs.leftovers import Leftovers

if TYPE_CHECKING:
    from detector.config.settings import Settings
    from detector.config.sinks import SinkBlock
    from detector.runtime.doctor.world import World

_SLOW_DISK: Final = "The disk, or its size, did not let this be finished in time."


async def examine(settings: Settings, world: World, *, send: bool = False) -> Report:
    """Makes every check that the configuration gives occasion to.

    Args:
        settings: A valid configuration.
        world: Clocks, identities, limits of time.
        send: Whether to send a test alert to every sink.
    """
    started = world.monotonic()
    leftovers = Leftovers(NOBODY)
    examination = _Examination(settings, world, leftovers)
    try:
        results = await examination.run(send=send)
    finally:
        await leftovers.settle(world.limits.close)
    return Report(results, world.monotonic() - started)


def invalid(error: ConfigurationError) -> Report:
    """What can be said of a configuration that is not valid."""
    return Report(
        (_configuration(error.problems), unchecked("everything else", "The configuration is not valid.")), 0.0
    )


class _Examination:
    def __init__(self, settings: Settings, world: World, leftovers: Leftovers) -> None:
        self._settings: Final = settings
        self._world: Final = world
        self._leftovers: Final = leftovers
        self._each: Final = world.limits.each

    async def run(self, *, send: bool) -> tuple[Result, ...]:
        settings = self._settings
        problem = self._buildable()
        hub, kept, followed, reached, deliveries, metrics = await asyncio.gather(
            self._hub(),
            self._store(),
            self._files(),
            asyncio.gather(*(self._sink(block) for block in settings.sinks.blocks())),
            self._deliveries() if send and problem is None else _nothing(),
            self._bounded(lambda: telemetry(settings.telemetry, self._each), "telemetry"),
        )
        samples = [sample for _, sample in reached if sample is not None]
        read = list(positions(kept, hub, accept_new_hub=self._accepts())) if settings.source.event_hubs else []
        partitions = len(hub.properties.partitions) if hub.properties is not None else 0
        return (
            problem or _configuration((), advice(settings)),
            clock([*hub.samples, *samples]),
            *(hub.results or followed or (_no_source(),)),
            *kept.results,
            *read,
            *([result for result, _ in reached] or [_no_sink()]),
            *deliveries,
            metrics,
            descriptors(settings, partitions),
            time_zones(settings),
        )

    def _accepts(self) -> bool:
        hub = self._settings.source.event_hubs
        return hub is not None and hub.accept_new_hub

    def _buildable(self) -> Result | None:
        """What makes the sinks of the configuration impossible."""
        try:
            build(self._settings.sinks, self._surroundings())
        except ConfigurationError as error:
            return _configuration(error.problems)
        return None

    def _surroundings(self) -> Surroundings:
        world = self._world
        return Surroundings(now=world.now, stdout=world.stdout, credential=world.credential, resolver=world.resolver)

    async def _hub(self) -> HubFindings:
        if self._settings.source.event_hubs is None:
            return HubFindings()
        examination = HubExamination(self._settings, self._world, self._leftovers)
        try:
            await self._leftovers.bounded(examination.run(), self._world.limits.total)
        except TimeoutError:
            examination.give_up(f"There was no time left after {self._world.limits.total:.0f} s.")
        except Exception as error:  # noqa: BLE001 -- one check at fault must not hide the others
            examination.findings.results.append(_fault("hub", error))
        return examination.findings

    async def _store(self) -> StoreFindings:
        findings = StoreFindings()

        async def work() -> StoreFindings:
            return await asyncio.to_thread(store, self._settings.store, self._world.now(), findings)

        try:
            return await self._leftovers.bounded(work(), self._each)
        except TimeoutError:
            # The thread goes on with what it was given; what it has found by now is told.
            done = StoreFindings(results=list(findings.results), held=findings.held)
            done.results.append(unchecked("store.rest", _SLOW_DISK))
            return done
        except Exception as error:  # noqa: BLE001 -- as above
            return StoreFindings(results=[_fault("store", error)])

    async def _files(self) -> list[Result]:
        if self._settings.source.files is None:
            return []

        async def work() -> list[Result]:
            return await asyncio.to_thread(lambda: list(files(self._settings, self._world.now())))

        try:
            return await self._leftovers.bounded(work(), self._each)
        except TimeoutError:
            return [unchecked("files.directory", _SLOW_DISK)]
        except Exception as error:  # noqa: BLE001 -- as above
            return [_fault("files", error)]

    async def _sink(self, block: SinkBlock) -> tuple[Result, Sample | None]:
        found: list[Sample | None] = []

        async def work() -> Result:
            result, sample = await sink(block, self._world)
            found.append(sample)
            return result

        result = await self._bounded(work, f"sink:{block.name}")
        return result, found[0] if found else None

    async def _deliveries(self) -> list[Result]:
        """Sends the test alert to all sinks side by side, and closes them."""
        alert = trial_alert(self._world.now())
        sinks = build(self._settings.sinks, self._surroundings())
        try:
            return await asyncio.gather(*(sent(each, alert, self._leftovers, self._each + 3) for each in sinks))
        finally:
            for each in sinks:
                self._leftovers.adopt(asyncio.create_task(each.close()))

    async def _bounded(self, work: Callable[[], Awaitable[Result]], check: str) -> Result:
        async def begun() -> Result:
            return await work()

        try:
            return await self._leftovers.bounded(begun(), self._each + 1)
        except TimeoutError:
            return unchecked(check, f"It was not finished within {self._each + 1:.0f} s.")
        except Exception as error:  # noqa: BLE001 -- as above
            return _fault(check, error)


async def _nothing() -> list[Result]:
    return []


def _configuration(problems: Iterable[Problem], notes: Iterable[str] = ()) -> Result:
    told = [str(problem) for problem in problems]
    if told:
        count = f"{len(told)} problem{'s' if len(told) != 1 else ''}"
        return Result(
            check="configuration",
            verdict="failed",
            found=f"It has {count}: {' '.join(told)}",
            meaning="The service does not start.",
            advice="Correct the file; `agent-detector check` says the same faster.",
            details={"problems": told},
        )
    noted = list(notes)
    found = "It is valid." + "".join(f" Note: {note}" for note in noted)
    return Result(check="configuration", verdict="ok", found=found, details={"notes": noted})


def _no_source() -> Result:
    return Result(
        check="source",
        verdict="failed",
        found="The configuration names nothing to read.",
        meaning="The service does not start, unless it is told --follow DIRECTORY.",
        advice="Set source.event_hubs or source.files.",
    )


def _no_sink() -> Result:
    return Result(
        check="sinks",
        verdict="ok",
        found="No sink is configured, so alerts go to standard output as JSON lines.",
    )


def _fault(check: str, error: Exception) -> Result:
    """Named by its kind only, for a message could quote what it should not."""
    return Result(
        check=check,
        verdict="failed",
        found=f"A fault of the program stopped this check ({type(error).__name__}).",
        advice="Report it.",
    )
