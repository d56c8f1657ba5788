"""What `agent-detector coverage` does; loaded only when it is called."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import click

from detector.cli import exits
from detector.cli.coverage import Options
from detector.cli.main import COMMANDS
from detector.cli.progress import progress_of
from detector.cli.reading import records_of, shown
from detector.config.build import decoder_settings
from detector.config.load import load
from detector.config.settings import Settings
from detector.decode.decoder import Decoder
from detector.runtime.coverage import report
from detector.runtime.coverage.judging import Coverage, InputStatus, JudgedInput, RowState, SentenceState, judge
from detector.runtime.coverage.observed import Observed, from_archive, from_store
from detector.runtime.replay import moment_of_reading
from detector.sinks.encoding import printable
from detector.stores.alerts import FILE

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.text import Text

_STYLES: Final[dict[str, str]] = {
    "watched": "green",
    "partly": "yellow",
    "unconfirmed": "cyan",
    "no_input": "yellow",
    "not_seen": "red",
    "not_watched": "red",
    "off": "magenta",
    "planned": "dim",
    "seen": "green",
    "declared": "green",
    "unknown": "cyan",
    "silent": "yellow",
    "missing": "red",
}


def run(options: Options) -> int:
    """Looks, shows what was found and returns the exit code."""
    settings = load(options.config)
    store = _store(options, settings)
    observed = Observed() if store is not None or options.paths else None
    failures: list[str] = []
    if observed is not None:
        if store is not None:
            from_store(store, observed)
        if options.paths:
            failures = _read(options, settings, observed)
    coverage = judge(settings, observed, COMMANDS)
    looked = report.Looked(
        config=None if options.config is None else str(options.config),
        store=None if store is None else str(store),
        paths=tuple(map(shown, options.paths)),
        observed=observed,
    )
    _answer(options, coverage, looked)
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    return exits.INPUT if failures else exits.OK


def _store(options: Options, settings: Settings) -> Path | None:
    """Where to look; the store of the configuration only if it is there."""
    if options.store is not None:
        return options.store
    directory = settings.store.directory
    return directory if (directory / FILE).is_file() else None


def _read(options: Options, settings: Settings, observed: Observed) -> list[str]:
    decoder = Decoder(**decoder_settings(settings), not_after=moment_of_reading())
    stdin = getattr(sys.stdin, "buffer", None)
    with (
        records_of(options.paths, options.access, options.wanted, settings, stdin=stdin) as read,
        progress_of(read.source, wanted=not options.json) as on_progress,
    ):
        from_archive(read.source, decoder, observed, on_progress)
    return [str(failure) for failure in read.failures]


def _answer(options: Options, coverage: Coverage, looked: report.Looked) -> None:
    if options.markdown:
        click.echo(report.markdown(coverage, looked), nl=False)
    elif options.json or not (options.pretty or sys.stdout.isatty()):
        click.echo(json.dumps(report.document(coverage, looked), indent=2))
    else:
        from rich.console import Console

        _show(Console(highlight=False, markup=False, emoji=False), coverage, looked)


# ------------------------------------------------------------------------------------------------------ shown


def _show(console: Console, coverage: Coverage, looked: report.Looked) -> None:
    _show_sentences(console, coverage)
    _show_inputs(console, coverage.inputs)
    _show_results(console, coverage)
    console.print(printable(report.looked_at(looked)))
    console.print(report.summary(coverage), style="bold")


def _show_sentences(console: Console, coverage: Coverage) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", "Asked for", "State", "Checks"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"", "State"})
    for each in coverage.sentences:
        checks = Text("\n").join(
            Text.assemble((report.ROW_WORDS[state], _STYLES[state]), f": {text}")
            for state, text in report.by_state(each.rows)
        )
        table.add_row(each.sentence.id, each.sentence.asks, _sentence_state(each.state), checks)
    console.print(table)
    console.print()


def _show_inputs(console: Console, inputs: tuple[JudgedInput, ...]) -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("Input", "Status", "What to do"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "Status")
    for each in inputs:
        there = each.status in {"seen", "declared"}
        table.add_row(each.input.title, _input_state(each.status), _since(each) if there else each.input.connect)
    console.print(table)
    console.print()


def _since(each: JudgedInput) -> str:
    """When each category came last, those that never came too."""
    return "\n".join(
        f"{category} {'never came' if time is None else _time(time)}" for category, time in each.latest.items()
    )


def _show_results(console: Console, coverage: Coverage) -> None:
    from rich.table import Table

    found = report.results(coverage.rows)
    if not found:
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("Detector", "Alerts", "Last", "Severity", "Evidence: alerts show ..."):
        table.add_column(heading, overflow="fold", justify="right" if heading == "Alerts" else "left")
    for row in found:
        last = row.raised
        assert last is not None, "only such rows are results"
        table.add_row(row.by, f"{last.alerts:,}", _time(last.last), last.last_severity, printable(last.last_id))
    console.print(table)
    console.print()


def _sentence_state(state: SentenceState) -> Text:
    return _styled(report.SENTENCE_WORDS[state], state)


def _input_state(status: InputStatus) -> Text:
    return _styled(report.INPUT_WORDS[status], status)


def _styled(words: str, state: RowState | SentenceState | InputStatus) -> Text:
    from rich.text import Text

    return Text(words, _STYLES[state])


def _time(moment: float) -> str:
    from detector.engine.naming import rfc3339

    return rfc3339(moment)[:16].replace("T", " ")
