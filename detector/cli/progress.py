"""The bar of a long reading."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from detector.sources.files import FileSource


@contextmanager
def progress_of(
    source: FileSource, console: Console | None = None, *, wanted: bool = True, note: Callable[[], str] = str
) -> Iterator[Callable[[], None] | None]:
    """A bar on standard error while it is a terminal; what `console` prints appears above it.

    `note` says what else is to be known, such as how fast it goes.
    """
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("Reading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    # One terminal can have one live display: alerts that go to the same one are printed through it.
    shared = console if console is not None and sys.stdout.isatty() else Console(stderr=True)
    with Progress(*columns, console=shared, transient=True, redirect_stdout=False, redirect_stderr=False) as progress:
        task = progress.add_task("", total=source.bytes_total or None, note="")
        yield lambda: progress.update(task, completed=source.bytes_done, note=note())
