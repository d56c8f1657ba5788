"""What `agent-detector train` does; loaded only when it is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.cli import exits
from detector.cli.progress import progress_of
from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.domain.printing import printable
from detector.errors import ModelError, UsageError
from detector.models.artefact import Source, write
from detector.runtime.replay import moment_of_reading
from detector.runtime.training import MIN_SEEN, Recorder, frame_of, recorded
from detector.sources.files import FileSource, Manner

if TYPE_CHECKING:
    from detector.cli.train import Options


def run(options: Options) -> int:
    """Reads, trains, writes and returns the exit code.

    Raises:
        UsageError: Standard input is named.
        ModelError: There are too few hours, or the place is taken.
    """
    from detector.models.training import train

    if "-" in options.paths:
        raise UsageError("A model is made of files, so that its manifest can name them: standard input cannot be used.")
    if options.out.exists():
        raise ModelError(f"{options.out}: There is something already. Choose another version.")
    settings = load(options.config)
    source = FileSource(
        options.paths,
        lateness=settings.lateness,
        max_line_bytes=settings.limits.max_body_bytes,
        manner=Manner(hashed=True),
    )
    recorder = Recorder()
    decoder = Decoder(**decoder_settings(settings), not_after=moment_of_reading())
    with progress_of(source, wanted=sys.stderr.isatty()) as on_progress:
        recorded(source, decoder, engine_settings(settings), recorder, on_progress)
    manifest, files = train(
        frame_of(recorder),
        name=options.out.resolve().parent.name,
        version=options.out.name,
        detector=options.detector,
        min_seen=MIN_SEEN,
        sources=[Source(Path(each.place).name, each.sha256 or "") for each in source.readings],
        held_out=options.held_out,
        seed=options.seed,
    )
    write(options.out, manifest, files)
    click.echo(
        f"{options.out}: {manifest.detector}, fitted on {manifest.fitted:,} hours of agents, calibrated on "
        f"{manifest.held_out:,} later ones."
    )
    failures = [str(each) for each in source.failures]
    for failure in failures:
        click.echo(f"Failed: {printable(failure)}", err=True)
    return exits.INPUT if failures else exits.OK
