"""Where `agent-detector replay` begins: memory to start with, archive to read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from detector.cli.reading import files_among
from detector.engine.engine import Engine
from detector.models.in_use import judging
from detector.runtime.baseline import Taken, described, engine_of_snapshot
from detector.runtime.replay import moment_of_reading
from detector.runtime.window import Window
from detector.sources.files import FileSource, Manner
from detector.sources.layout import Wanted

if TYPE_CHECKING:
    from detector.cli.replay import Options
    from detector.config.settings import Settings
    from detector.runtime.checkpoint import Checkpoint
    from detector.sources.blobs.source import Archive

_TOLERANCE = 1 / 40
"""Part of the lateness by which records of different inputs may be out of place."""


class Beginning(msgspec.Struct):
    """What a replay begins with."""

    engine: Engine
    not_after: float
    wanted: Wanted
    taken: Taken | None = None
    """The snapshot whose memory the engine has."""

    def baseline(self, window: Window, first: float | None) -> tuple[dict[str, Any], str | None]:
        """What was known when judging began, and a sentence if that is less than was asked for."""
        return described(window, first) if self.taken is None else (self.taken.document(window), None)


def begin(options: Options, settings: Settings, found: Checkpoint | None) -> Beginning:
    """The engine: as the checkpoint left it, with the memory of a snapshot, or new.

    Raises:
        UsageError: There is no such snapshot.
        SnapshotError: The snapshot or the checkpoint cannot be used.
    """
    given, taken = judging(settings), None if found is None else found.taken
    if found is not None:
        engine = Engine(given, found.engine_state())
    elif options.snapshot is not None:
        engine, taken = engine_of_snapshot(options.snapshot, given, options.window.start)
    else:
        engine = Engine(given)
    wanted = options.wanted
    if taken is not None:
        # Records that the snapshot knows already are copies; those before its lateness would all be late.
        wanted = msgspec.structs.replace(wanted, since=max(wanted.since, taken.watermark - settings.lateness))
    return Beginning(engine, moment_of_reading() if found is None else found.not_after, wanted, taken)


def source_of(
    options: Options, settings: Settings, wanted: Wanted, archive: Archive, found: Checkpoint | None
) -> FileSource:
    """Everything that is to be read, in order of event time."""
    reports = (options.report, options.markdown, options.ocsf)
    written = (options.output, options.held, options.quarantine, options.summary, options.manifest, options.checkpoint)
    paths = files_among(options.paths)
    return FileSource(
        paths if options.graph is None else [*paths, str(options.graph)],
        stdin=getattr(sys.stdin, "buffer", None),
        lateness=settings.lateness,
        max_line_bytes=settings.limits.max_body_bytes,
        exclude=[str(path) for path in (*written, *reports) if path is not None],
        sort=options.sort,
        more=archive.inputs,
        manner=Manner(
            wanted=wanted,
            tolerance=settings.lateness * _TOLERANCE,
            hashed=any(path is not None for path in (options.manifest, *reports)),
            position=None if found is None else found.position,
        ),
    )
