"""What `agent-detector case` does; loaded only when it is called."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli import exits
from detector.cli.case import Options
from detector.cli.progress import progress_of
from detector.cli.reading import records_of
from detector.cli.writing import write
from detector.config.build import decoder_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.domain.printing import printable
from detector.errors import UsageError
from detector.runtime import case
from detector.runtime.evidence import raw_records
from detector.runtime.replay import moment_of_reading
from detector.runtime.told import alerts_in


def run(options: Options) -> int:
    """Writes the case and returns the exit code."""
    settings = load(options.config)
    alerts, chosen, out = options.alerts, options.chosen, options.out
    signer = None if options.key is None else case.signing_key(options.key)
    told = [each for each in alerts_in(alerts) if not chosen or not chosen.isdisjoint((each.id, each.incident))]
    if not told:
        raise UsageError(f"{alerts}: There is no such alert." if chosen else f"{alerts}: There is no alert in it.")
    told.sort(key=lambda alert: (alert.time, alert.id))
    generated = moment_of_reading()
    decoder = Decoder(**decoder_settings(settings), not_after=generated)
    wanted = {identifier for alert in told for identifier in alert.evidence.record_ids}
    written = [str(out), str(alerts)]
    with (
        records_of(options.paths, options.access, options.wanted, settings, exclude=written, hashed=True) as read,
        progress_of(read.source) as on_progress,
    ):
        records = []
        for record in raw_records(read.source, decoder, wanted):
            records.append(record)
            if on_progress is not None:
                on_progress()
    content = case.case_of(told, records, read.source.readings, generated=generated, key=signer)
    write(out, content, "case")
    missing = len(wanted - {record.id for record in records})
    click.echo(f"Case      {out}  ({len(told):,} alerts, {len(records):,} raw records)", err=True)
    if missing:
        click.echo(f"{missing:,} records were not found in the input; the manifest names them.", err=True)
    if signer is None:
        click.echo("It is not signed: give --key, or whoever gets it can alter it.", err=True)
    failures = read.failures
    for failure in failures:
        click.echo(f"Failed: {printable(str(failure))}", err=True)
    return exits.INPUT if failures else exits.OK


def verified(path: Path, public_key: Path | None) -> int:
    """Says what is wrong with a case, and returns the exit code."""
    key = None if public_key is None else case.public_key(public_key)
    faults = case.faults_of(path, key)
    for fault in faults:
        click.echo(printable(fault))
    if not faults:
        click.echo("Every hash fits." if key is None else "Every hash fits, and so does the signature.")
    if key is None:
        click.echo("Hashes alone prove nothing against whoever made them anew: give --public-key.", err=True)
    return exits.ALERTS if faults else exits.OK
