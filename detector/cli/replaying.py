"""What `agent-detector replay` does; loaded only when it is called."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from detector.cli import exits
from detector.cli.archive import begin, source_of
from detector.cli.progress import progress_of
from detector.cli.pulling import pulled
from detector.cli.reading import archive_of
from detector.cli.replay import Options
from detector.cli.reporting import Reports, digest_of
from detector.cli.resuming import Resuming
from detector.cli.summary import shown
from detector.cli.writing import write
from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.domain.findings import SEVERITIES
from detector.engine.engine import Engine
from detector.errors import UsageError
from detector.report.facts import InputFile
from detector.runtime.dossier.build import Material, dossier_of
from detector.runtime.dossier.gathering import Gathering
from detector.runtime.dossier.trail import Trail
from detector.runtime.dossier.trust import trust_of
from detector.runtime.manifest import manifest
from detector.runtime.replay import moment_of_reading, replay
from detector.runtime.selection import Selection
from detector.runtime.summary import Summary, notes, utc
from detector.runtime.tally import Tally
from detector.sinks.file import JsonFile
from detector.sinks.json_lines import JsonLines

if TYPE_CHECKING:
    from rich.console import Console

    from detector.config.settings import Settings
    from detector.sources.files import FileSource

Deliver = Callable[[Alert], None]


def run(options: Options) -> int:
    """Replays and returns the exit code."""
    settings = load(options.config)
    reports = Reports(options.report, options.markdown, options.ocsf)
    if reports and options.checkpoint is not None:
        raise UsageError("A report is made of what one run reads: leave out --checkpoint, or the report.")
    reports.check()
    gathering = Gathering(Trail())
    with ExitStack() as stack:
        resuming = Resuming(options, settings)
        beginning = begin(options, settings, resuming.found)
        archive = stack.enter_context(archive_of(options.paths, options.access, beginning.wanted))
        missing = [] if options.graph is None else pulled(options.graph, settings, beginning.wanted)
        source = source_of(options, settings, beginning.wanted, archive, resuming.found)
        console = _console(options)
        output = _file(options.output, resuming.end("output"), stack)
        held = _file(options.held, resuming.end("held"), stack)
        quarantine = _file(options.quarantine, resuming.end("quarantine"), stack)
        sinks = list(_sinks(options, output, console))
        raised: list[Alert] = []
        kept: list[Deliver] = [] if held is None else [held.deliver]
        if options.incidents or reports:
            sinks.append(raised.append)
        if reports:
            kept.append(raised.append)  # Whoever asks what happened wants to know of weak signs too.
        engine, tally = beginning.engine, resuming.tally
        written = {"output": output, "held": held, "quarantine": quarantine}
        saver = stack.enter_context(resuming.saver(beginning, source, written))
        bar = stack.enter_context(
            progress_of(
                source,
                console,
                wanted=options.progress and not options.json,
                note=lambda: _pace(engine, tally),
            )
        )
        summary = replay(
            source,
            Decoder(**decoder_settings(settings), not_after=beginning.not_after),
            engine,
            selection=Selection(beginning.wanted.since, beginning.wanted.until, options.agents, options.blueprints),
            window=options.window,
            tally=tally,
            to_the_end=not options.as_live and options.window.end == inf,
            on_alert=_deliver(sinks, options.min_severity),
            on_held=_deliver(kept, "info") if kept else None,
            on_quarantine=quarantine.keep if quarantine is not None else None,
            on_decoded=gathering.read if reports else None,
            on_progress=_both(bar, saver),
        )
    if options.incidents:
        _tell_incidents(raised, engine, console)
    failures = [*missing, *archive.failures, *source.failures]
    summary.failures = [str(failure) for failure in failures]
    summary.baseline, short = beginning.baseline(options.window, summary.first)
    summary.notes = list(
        notes(summary, disordered=list(source.disordered), ignored=source.ignored, lateness=settings.lateness)
    )
    summary.notes += [short] if short else []
    summary.notes += _appeared(source.appeared)
    if reports:
        _write_reports(reports, raised, gathering, summary, settings, source)
    _report(summary, options)
    if options.manifest is not None:
        document = manifest(
            source.readings,
            failures=failures,
            left_out=archive.left_out + source.left_out,
            ignored=source.ignored,
            since=beginning.wanted.since,
            until=beginning.wanted.until,
        )
        write(options.manifest, _json(document), "manifest")
    resuming.finished()
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
            inputs=[InputFile(each.place, each.size or None, each.sha256) for each in source.readings],
        )
    )
    reports.write(dossier, raised, generated)


def _both(bar: Callable[[], None] | None, saver: Callable[[], None] | None) -> Callable[[], None] | None:
    if bar is None or saver is None:
        return bar or saver

    def both() -> None:
        bar()
        saver()

    return both


def _pace(engine: Engine, tally: Tally) -> str:
    rate = engine.accounting.received / tally.seconds if tally.seconds else 0.0
    watermark = engine.state.admission.watermark
    return f"{rate:,.0f} records/s" + (f", at {utc(watermark)}" if watermark > -inf else "")


def _appeared(places: Sequence[str]) -> list[str]:
    if not places:
        return []
    return [f"{len(places):,} inputs appeared since the replay was interrupted and were not read, as {places[0]}."]


def _file(path: Path | None, end: int | None, stack: ExitStack) -> JsonFile | None:
    if path is None:
        return None
    return stack.enter_context(JsonFile(path, append=end is not None, keep=end))


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


def _sinks(options: Options, output: JsonFile | None, console: Console | None) -> Iterator[Deliver]:
    if output is not None:
        yield output.deliver
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
        write(options.summary, _json(document), "summary")
    if options.json:
        from detector.telemetry import logs

        log = logs.logger(sys.stderr)
        for failure in summary.failures:
            logs.file_failed(log, failure)
        logs.replay_finished(log, document)
    else:
        click.echo(shown(summary), err=True)


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()
