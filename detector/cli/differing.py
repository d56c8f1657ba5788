"""What `agent-detector diff` does; loaded only when it is called."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from detector.cli import exits
from detector.cli.diff import Options
from detector.cli.progress import progress_of
from detector.cli.reading import records_of
from detector.config.build import decoder_settings
from detector.config.load import load
from detector.config.settings import Settings
from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.domain.printing import printable
from detector.engine.engine import Engine
from detector.errors import UsageError
from detector.models.in_use import judging
from detector.runtime.difference import Entry, difference, preview
from detector.runtime.replay import moment_of_reading, replay
from detector.runtime.told import alerts_in

_SHOWN = 50
"""Alerts of each kind that are shown; `--json` has all."""


def run(options: Options) -> int:
    """Compares, or previews, and returns the exit code."""
    if options.suppress is not None:
        return _previewed(options)
    assert options.after is not None
    failures: list[str] = []
    if options.archive:
        if "-" in options.archive:
            raise UsageError("Standard input cannot be replayed twice: give files.")
        settings = load(options.before), load(options.after)
        sets = [_replayed(each, options, failures) for each in settings]
        found = difference(sets[0], sets[1], settings)
    else:
        found = difference(alerts_in(options.before), alerts_in(options.after))
    document = found.document()
    if options.json:
        click.echo(json.dumps({**document, "failures": failures}, indent=2))
    else:
        click.echo("\n".join(printable(line) for line in _lines(document)))
    for failure in failures:
        click.echo(f"Failed: {printable(failure)}", err=True)
    if failures:
        return exits.INPUT
    return exits.ALERTS if options.fail and (found.gained or found.lost or found.changed) else exits.OK


def _replayed(settings: Settings, options: Options, failures: list[str]) -> list[Alert]:
    alerts: list[Alert] = []
    decoder = Decoder(**decoder_settings(settings), not_after=moment_of_reading())
    with (
        records_of(options.archive, options.access, options.wanted, settings) as read,
        progress_of(read.source, wanted=sys.stderr.isatty()) as on_progress,
    ):
        replay(read.source, decoder, Engine(judging(settings)), on_alert=alerts.append, on_progress=on_progress)
    failures += [text for each in read.failures if (text := str(each)) not in failures]
    return alerts


def _previewed(options: Options) -> int:
    assert options.suppress is not None
    entry = Entry(
        subject=options.suppress.strip().lower(),
        detector=options.detector,
        starts=options.since,
        expires=options.until,
    )
    document = preview(alerts_in(Path(options.before)), entry)
    if options.json:
        click.echo(json.dumps(document, indent=2))
        return exits.OK
    hidden = document["hidden"]
    lines = [f"{len(hidden):,} alerts would have been hidden, {document['left']:,} left."]
    grave = document["by_severity"]["critical"] + document["by_severity"]["high"]
    if grave:
        lines.append(f"{grave:,} of the hidden ones are high or critical: look at each before you suppress.")
    lines += [f"  {count:>6,}  {name}" for name, count in document["by_detector"].items()]
    lines += list(_alerts(hidden))
    click.echo("\n".join(printable(line) for line in lines))
    return exits.OK


def _lines(document: dict[str, Any]) -> Iterator[str]:
    """The difference for people."""
    gained, lost, changed = (document[name] for name in ("gained", "lost", "changed"))
    yield f"{len(gained):,} gained, {len(lost):,} lost, {len(changed):,} changed, {document['same']:,} the same."
    for each in document["settings"][:_SHOWN]:
        yield f"setting  {each}"
    for title, alerts in (("gained", gained), ("lost", lost), ("changed", changed)):
        if alerts:
            yield ""
            yield title
            yield from _alerts(alerts)


def _alerts(alerts: list[dict[str, Any]]) -> Iterator[str]:
    for alert in alerts[:_SHOWN]:
        yield f"  {alert['time'][:19]}Z {alert['severity']:<8} {alert['subject']}: {alert['title']}  [{alert['id']}]"
        yield from (f"      {each}" for each in (*alert.get("fields", ()), *alert.get("why", ())))
    if len(alerts) > _SHOWN:
        yield f"  and {len(alerts) - _SHOWN:,} more; use --json to see all"
