"""What `agent-detector replay` does; loaded only when it is called."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from detector.cli import exits
from detector.cli.progress import progress_of
from detector.cli.replay import Options
from detector.cli.reporting import Reports, digest_of, hashed
from detector.cli.summary import shown
from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.domain.findings import SEVERITIES
from detector.engine.engine import Engine
from detector.errors import UsageError
from detector.runtime.dossier.build import Material, dossier_of
from detector.runtime.dossier.gathering import Gathering
from detector.runtime.dossier.trail import Trail
from detector.runtime.dossier.trust import trust_of
from detector.runtime.replay import moment_of_reading, replay
from detector.runtime.selection import Selection
from detector.runtime.summary import Summary, notes
from detector.sinks.file import JsonFile
from detector.sinks.json_lines import JsonLines
from detector.sources.files import FileSource

if TYPE_CHECKING:
    from rich.console import Console

    from detector.config.settings import Settings

Deliver = Callable[[Alert], None]


def run(options: Options) -> int:
    """Replays and returns the exit code."""
    settings = load(options.config)
    reports = Reports(options.report, options.markdown, options.ocsf)
    reports.check()
    outputs = (options.output, options.held, options.quarantine, options.summary, *reports.paths)
    written = [str(path) for path in outputs if path is not None]
    source = FileSource(
        options.paths,
        stdin=getattr(sys.stdin, "buffer", None),
        lateness=settings.lateness,
        max_line_bytes=settings.limits.max_body_bytes,
        exclude=written,
        sort=options.sort,
    )
    with ExitStack() as stack:
        console = _console(options)
        sinks = list(_sinks(options, stack, console))
        held = stack.enter_context(JsonFile(options.held)) if options.held else None
        quarantine = stack.enter_context(JsonFile(options.quarantine)) if options.quarantine else None
        raised: list[Alert] = []
        if options.incidents or reports:
            sinks.append(raised.append)
        engine = Engine(engine_settings(settings))
        gathering = Gathering(Trail())
        summary = replay(
            source,
            Decoder(**decoder_settings(settings), not_after=moment_of_reading()),
            engine,
            selection=Selection(options.since, options.until, options.agents, options.blueprints),
            on_alert=_deliver(sinks, options.min_severity),
            on_held=held.deliver if held is not None else None,
            on_quarantine=quarantine.keep if quarantine is not None else None,
            on_decoded=gathering.read if reports else None,
            on_progress=stack.enter_context(progress_of(source, console, wanted=options.progress and not options.json)),
        )
    if options.incidents:
        _tell_incidents(raised, engine, console)
    summary.failures = [str(failure) for failure in source.failures]
    summary.notes = list(
        notes(summary, disordered=list(source.disordered), ignored=source.ignored, lateness=settings.lateness)
    )
    if reports:
        _write_reports(reports, raised, gathering, summary, settings, source)
    _report(summary, options)
    if summary.failures:
        return exits.INPUT
    if options.fail_on is not None and summary.raised(options.fail_on):
        return exits.ALERTS
    return exits.OK


def _write_reports(
    reports: Reports,
    raised: list[Alert],
    gathering: Gathering,
    summary: Summary,
    settings: Settings,
    source: FileSource,
) -> None:
    generated = moment_of_reading()
    dossier = dossier_of(
        Material(
            gathering=gathering,
            alerts=raised,
            summary=summary,
            title="Incident report",
            command=f"A replay of {len(source.paths):,} input{'' if len(source.paths) == 1 else 's'}.",
            generated=generated,
            configuration=digest_of(settings),
            lateness=settings.lateness,
            trusted=trust_of(engine_settings(settings).pipelines),
            inputs=hashed(source.paths),
        )
    )
    reports.write(dossier, raised, generated)


def _tell_incidents(raised: list[Alert], engine: Engine, console: Console | None) -> None:
    from detector.cli.timeline import show, write
    from detector.engine.incidents import incidents_of

    found = incidents_of(raised, engine.state.tenants)
    if console is None:
        write(found)
    else:
        show(found, console)


def _console(options: Options) -> Console | None:
    """Where people read alerts; `None` when nobody does."""
    if options.json or not (options.pretty or options.brief or sys.stdout.isatty()):
        return None
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> NoReturn:
            raise BrokenPipeError

    return Quiet(highlight=False, markup=False, emoji=False)


def _sinks(options: Options, stack: ExitStack, console: Console | None) -> Iterator[Deliver]:
    if options.output is not None:
        yield stack.enter_context(JsonFile(options.output)).deliver
    if console is not None:
        from detector.sinks.terminal import Terminal

        yield Terminal(console, brief=options.brief).deliver
    elif options.json or options.output is None:
        yield JsonLines(sys.stdout.buffer).deliver


def _deliver(sinks: list[Deliver], least: str) -> Deliver:
    wanted = SEVERITIES[[*SEVERITIES].index(least) :]  # type: ignore[arg-type]  # click checked it

    def deliver(alert: Alert) -> None:
        if alert.severity in wanted:
            for sink in sinks:
                sink(alert)

    return deliver


def _report(summary: Summary, options: Options) -> None:
    document = summary.document()
    if options.summary is not None:
        _write(options.summary, json.dumps(document, indent=2) + "\n")
    if options.json:
        from detector.telemetry import logs

        log = logs.logger(sys.stderr)
        for failure in summary.failures:
            logs.file_failed(log, failure)
        logs.replay_finished(log, document)
    else:
        click.echo(shown(summary), err=True)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: The summary cannot be written ({error.strerror}). Choose another path.") from None
