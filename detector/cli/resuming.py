"""Checkpoints of `agent-detector replay`: taken now and then and at an interruption, and taken up again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Final

import click

from detector.cli.reading import shown
from detector.runtime import checkpoint
from detector.runtime.tally import Tally

if TYPE_CHECKING:
    from detector.cli.archive import Beginning
    from detector.cli.replay import Options
    from detector.config.settings import Settings
    from detector.sinks.file import JsonFile
    from detector.sources.files import FileSource


class Resuming:
    """The checkpoint of a replay, if it has one.

    Raises:
        UsageError: The checkpoint is of another replay, or cannot be read.
        SnapshotError: It is damaged.
    """

    def __init__(self, options: Options, settings: Settings) -> None:
        self._options: Final = options
        self._asked: Final = checkpoint.asked(_parts(options, settings))
        path = options.checkpoint
        self.found: Final = None if path is None else checkpoint.read(path, self._asked)
        """What an interrupted run left."""
        self.tally: Final = Tally() if self.found is None else self.found.tally
        if self.found is not None:
            self.tally.runs += 1

    def end(self, name: str) -> int | None:
        """How long a file was that is written; `None` when it is begun anew."""
        return None if self.found is None else self.found.ends.get(name)

    @contextmanager
    def saver(
        self, beginning: Beginning, source: FileSource, files: Mapping[str, JsonFile | None]
    ) -> Iterator[Callable[[], None] | None]:
        """What is called now and then to take checkpoints; `None` without one.

        While it lasts, the first interruption (SIGINT, SIGTERM) waits for the next place to go on from; a second one
        ends at once, and then the checkpoint before counts.
        """
        path = self._options.checkpoint
        if path is None:
            yield None
            return
        due = monotonic() + self._options.checkpoint_every
        interrupted = False

        def interrupt(number: int, frame: FrameType | None) -> None:
            nonlocal interrupted
            if interrupted:
                signal.default_int_handler(number, frame)
            interrupted = True

        def save() -> None:
            nonlocal due
            if not interrupted and monotonic() < due:
                return
            position = source.position
            if position is None:
                return
            checkpoint.write(
                path,
                checkpoint.made(
                    wanted=self._asked,
                    not_after=beginning.not_after,
                    engine=beginning.engine,
                    position=position,
                    tally=self.tally,
                    ends={name: file.settle() for name, file in files.items() if file is not None},
                    taken=beginning.taken,
                ),
            )
            due = monotonic() + self._options.checkpoint_every
            if interrupted:
                click.echo(f"Interrupted. Run the same command again to go on; {path} says where.", err=True)
                raise click.Abort

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield save
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def finished(self) -> None:
        """The replay came to its end: there is nothing to go on with."""
        if self._options.checkpoint is not None:
            self._options.checkpoint.unlink(missing_ok=True)


def _parts(options: Options, settings: Settings) -> list[object]:
    """What the answer depends on, besides the records; a signature in an address may be a new one."""
    config = b"" if options.config is None else options.config.read_bytes()
    chosen = (options.agents, options.blueprints, options.wanted.categories, options.wanted.tenants)
    return [
        config.hex(),
        settings.lateness,
        *map(shown, options.paths),
        options.since,
        options.until,
        options.wanted.spread,
        options.window,
        options.snapshot,
        *(sorted(each) for each in chosen),
        options.sort,
        options.as_live,
        options.min_severity,
        options.output,
        options.quarantine,
    ]
