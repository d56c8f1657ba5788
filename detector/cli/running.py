"""What `agent-detector run` does; loaded only when it is called."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from detector.cli.run import Options
from detector.config.follow import FollowSettings
from detector.config.load import load
from detector.config.settings import Settings, SourceSettings
from detector.config.sinks import SinksSettings, StdoutBlock
from detector.runtime.live.allocator import keep_memory_flat
from detector.runtime.live.feeds import named
from detector.runtime.live.service import EXIT_CODES, Ending, Environment, Service
from detector.sinks.terminal import Terminal, TerminalSink

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from detector.sinks.sink import Sink


def run(options: Options) -> int:
    """Runs the service and returns the exit code."""

    def read() -> Settings:
        return _overridden(load(options.config), options)

    keep_memory_flat()
    settings = read()
    named(settings)  # before a store is made for nothing
    return EXIT_CODES[asyncio.run(_serve(settings, read, options))]


async def _serve(settings: Settings, read: Callable[[], Settings], options: Options) -> Ending:
    service = Service(
        settings,
        Environment(
            now=time.time,  # noqa: TID251 - the one wall clock of the live service
            monotonic=time.monotonic,
            log=sys.stderr,
            stdout=sys.stdout.buffer,
            credential=_credential,
            extra_sinks=_shown(options),
        ),
        load=read,
        watched=options.config,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop, signal.Signals(number).name)
    loop.add_signal_handler(signal.SIGHUP, service.reload)
    gc.collect()
    gc.freeze()
    return await service.run()


def _overridden(settings: Settings, options: Options) -> Settings:
    """The settings with what the command line says put over them; standard output when no sink is left."""
    changes: dict[str, Any] = {}
    if options.follow is not None:
        changes["source"] = SourceSettings(files=FollowSettings(path=options.follow))
    if options.store is not None:
        changes["store"] = settings.store.model_copy(update={"directory": options.store})
    if options.port is not None:
        changes["telemetry"] = settings.telemetry.model_copy(update={"port": options.port})
    if not any(settings.sinks.blocks()) and not (options.brief or options.pretty):
        changes["sinks"] = SinksSettings(stdout=(StdoutBlock(),))
    return settings.model_copy(update=changes)


def _shown(options: Options) -> tuple[Sink, ...]:
    if not (options.brief or options.pretty):
        return ()
    from rich.console import Console

    return (TerminalSink(Terminal(Console(highlight=False, markup=False, emoji=False), brief=options.brief)),)


def _credential() -> AsyncTokenCredential:
    """The identity that sinks in Azure are reached with: of the pod, of the machine, or of the person who tries it."""
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential(exclude_interactive_browser_credential=True)
