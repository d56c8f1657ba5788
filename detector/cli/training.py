"""What `agent-detector train` does; loaded only when it is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.cli import exits
from detector.cli.progress import progress_of
from detector.cli.reading import records_of, shown
from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.domain.printing import printable
from detector.errors import ModelError, UsageError
from detector.models.artefact import Source, write
from detector.models.versions import dated, prune
from detector.runtime.training import MIN_SEEN, Recorder, frame_of, recorded

if TYPE_CHECKING:
    from detector.cli.train import Options


def run(options: Options) -> int:
    """Reads, trains, writes and returns the exit code.

    Raises:
        UsageError: Standard input is named, or an address cannot be read.
        ModelError: There are too few hours, or the place is taken.
    """
    from detector.models.training import train

    if "-" in options.paths:
        raise UsageError("A model is made of files, so that its manifest can name them: standard input cannot be used.")
    place = options.out / dated(options.now) if options.dated else options.out
    if place.exists():
        raise ModelError(f"{place}: There is something already. Choose another version.")
    settings = load(options.config)
    recorder = Recorder()
    decoder = Decoder(**decoder_settings(settings), not_after=options.now)
    with (
        records_of(options.paths, options.access, options.wanted, settings, hashed=True) as read,
        progress_of(read.source, wanted=sys.stderr.isatty()) as on_progress,
    ):
        recorded(read.source, decoder, engine_settings(settings), recorder, on_progress)
    manifest, files = train(
        frame_of(recorder),
        name=place.resolve().parent.name,
        version=place.name,
        detector=options.detector,
        min_seen=MIN_SEEN,
        sources=[Source(_named(each.place), each.sha256 or "") for each in read.source.readings],
        held_out=options.held_out,
        seed=options.seed,
    )
    write(place, manifest, files)
    click.echo(
        f"{place}: {manifest.detector}, fitted on {manifest.fitted:,} hours of agents, calibrated on "
        f"{manifest.held_out:,} later ones."
    )
    if options.keep is not None:
        for old in prune(options.out, options.keep):
            click.echo(f"{old}: removed.")
    failures = [str(each) for each in read.failures]
    for failure in failures:
        click.echo(f"Failed: {printable(failure)}", err=True)
    return exits.INPUT if failures else exits.OK


def _named(place: str) -> str:
    """How a manifest names an input: a blob by its address, since all are called alike; a file without its folders."""
    return shown(place) if "://" in place else Path(place).name
