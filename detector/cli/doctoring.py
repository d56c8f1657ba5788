"""What `agent-detector doctor` does; loaded only when it is called."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from detector.cli import exits
from detector.config.load import load
from detector.errors import ConfigurationError
from detector.runtime.doctor.examination import examine, invalid
from detector.runtime.doctor.results import Report, Result, Verdict
from detector.runtime.doctor.world import UnwaitedThreads, World
from detector.sinks.encoding import printable
from detector.telemetry.libraries import route

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from rich.console import Console

    from detector.config.settings import Settings

FAILED: Final = exits.ALERTS
"""A check failed. Code 1 is what `replay --fail-on` ends with too: the command worked, and the answer is bad news."""
_MARKS: Final[dict[Verdict, tuple[str, str]]] = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failed": ("FAILED", "bold red"),
    "not checked": ("not checked", "dim"),
}


def doctor(config: Path | None, *, send: bool, as_json: bool, pretty: bool) -> int:
    """Examines, shows the report and returns the exit code."""
    wrong = False
    try:
        settings = load(config)
    except ConfigurationError as error:
        report, wrong = invalid(error), True
    else:
        with quiet():
            report = asyncio.run(_examined(settings, send=send))
        wrong = any(result.check == "configuration" and result.verdict == "failed" for result in report.results)
    if as_json or not (pretty or sys.stdout.isatty()):
        click.echo(json.dumps(report.document(), indent=2))
    else:
        from rich.console import Console

        _show(Console(highlight=False, markup=False, emoji=False), report)
    if wrong:
        return exits.CONFIGURATION
    return FAILED if report.failed else exits.OK


def world() -> World:
    """The real one. A test alert for standard output goes to standard error, for the report is on the other."""
    return World(
        now=time.time,  # noqa: TID251 - the one wall clock of these commands
        monotonic=time.monotonic,
        stdout=sys.stderr.buffer,
        credential=_credential,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Lines of libraries go nowhere: what they say of is told in the report, and they might say too much."""
    restore = route(logging.NullHandler())
    try:
        yield
    finally:
        restore()


async def _examined(settings: Settings, *, send: bool) -> Report:
    asyncio.get_running_loop().set_default_executor(UnwaitedThreads())
    return await examine(settings, world(), send=send)


def _credential() -> AsyncTokenCredential:
    """The identity that the service too reaches sinks in Azure with."""
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential(exclude_interactive_browser_credential=True)


# ------------------------------------------------------------------------------------------------------ shown


def _show(console: Console, report: Report) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    for heading in ("Check", "Result", "What was found, what it means, what to do"):
        table.add_column(heading, overflow="fold")
    for result in report.results:
        mark, style = _MARKS[result.verdict]
        table.add_row(printable(result.check), Text(mark, style), Text(_words(result)))
    console.print(table)
    console.print()
    console.print(_summary(report))


def _words(result: Result) -> str:
    lines = [result.found, result.meaning, f"→ {result.advice}" if result.advice else ""]
    return "\n".join(printable(line) for line in lines if line)


def _summary(report: Report) -> str:
    counts = report.document()["counts"]
    told = [f"{count} {_MARKS[verdict][0].lower()}" for verdict, count in counts.items() if count]
    return f"{', '.join(told)}, in {report.seconds:.1f} s."
