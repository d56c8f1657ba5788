"""What `agent-detector incident` does; loaded only when it is called."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from detector.cli import exits
from detector.cli.incident import Options
from detector.cli.progress import progress_of
from detector.cli.reading import Records, records_of
from detector.cli.reporting import Reports, digest_of
from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.engine.engine import Engine
from detector.models.in_use import judging
from detector.report.facts import InputFile
from detector.runtime.dossier.build import Material, dossier_of
from detector.runtime.dossier.trust import trust_of
from detector.runtime.incident import DAY, Answer, Question, ask
from detector.runtime.investigation import investigate, story_of
from detector.runtime.replay import moment_of_reading
from detector.sinks.encoding import printable
from detector.sources.files import FileSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.config.settings import Settings

_SHOWN = 5
"""Resources, credentials, addresses and changes of one agent that are shown; `--json` has all."""


def run(options: Options) -> int:
    """Reads, answers and returns the exit code."""
    settings = load(options.config)
    reports = Reports(options.report, options.markdown, options.ocsf)
    reports.check()
    question = Question(
        resource=options.resource,
        network=options.address,
        credential=options.credential,
        actor=options.actor,
        since=options.since,
        until=options.until,
        before=options.before * DAY,
    )
    with records_of(
        options.paths,
        options.access,
        options.wanted,
        settings,
        stdin=getattr(sys.stdin, "buffer", None),
        exclude=[str(path) for path in reports.paths],
        hashed=bool(reports),
    ) as read:
        if reports:
            answer = _reported(read, settings, question, reports)
        else:
            answer = _answered(read.source, settings, question, options)
    answer.failures = [str(failure) for failure in read.failures]
    if options.json:
        click.echo(json.dumps(answer.document(), indent=2))
    else:
        click.echo("\n".join(printable(line) for line in _lines(answer)))
    return exits.INPUT if answer.failures else exits.OK


def _answered(source: FileSource, settings: Settings, question: Question, options: Options) -> Answer:
    decoder = Decoder(**decoder_settings(settings), not_after=moment_of_reading())
    trusted = trust_of(engine_settings(settings).pipelines)
    with progress_of(source, wanted=not options.json) as on_progress:
        return ask(source, decoder, question, trusted=trusted, on_progress=on_progress)


def _reported(read: Records, settings: Settings, question: Question, reports: Reports) -> Answer:
    """Judges as well, and writes the reports."""
    generated = moment_of_reading()
    decoder = Decoder(**decoder_settings(settings), not_after=generated)
    told = judging(settings)
    trusted = trust_of(told.pipelines)
    with progress_of(read.source) as on_progress:
        found = investigate(read.source, decoder, Engine(told), question, trusted=trusted, on_progress=on_progress)
    found.summary.failures = [str(failure) for failure in read.failures]
    story = story_of(found.answer)
    dossier = dossier_of(
        Material(
            gathering=found.gathering,
            alerts=found.alerts,
            summary=found.summary,
            title="Incident report",
            command=f"{story.title.replace('Answer:', 'Asked for:')}.",
            answer=story,
            window=(question.since - question.before, question.until),
            generated=generated,
            configuration=digest_of(settings),
            lateness=settings.lateness,
            trusted=trusted,
            inputs=[InputFile(each.place, each.size or None, each.sha256) for each in read.source.readings],
        )
    )
    reports.write(dossier, found.alerts, generated)
    return found.answer


def _lines(answer: Answer) -> Iterator[str]:
    """The answer for people."""
    document: Any = answer.document()
    read = document["read"]
    yield f"Read {read['records']:,} records ({read['copies']:,} copies) from {read['first']} to {read['last']}."
    unusable = sum(read["quarantined"].values())
    if unusable:
        yield f"{unusable:,} records could not be used."
    if read["changes_not_kept"]:
        yield f"{read['changes_not_kept']:,} changes were too many to keep: ask for a shorter time."
    yield from (f"Failed: {failure}" for failure in read["failures"])
    agents = document["agents"]
    yield f"{_counted(len(agents), 'agent')} found." if agents else "No agent did."
    yield from (f"{each['text']} [{', '.join(each['records'][:2])}]" for each in document["statements"] if agents)
    for agent in agents:
        yield ""
        name = f"{agent['name']} ({agent['id']})" if agent["name"] else agent["id"]
        yield f"{agent['kind']} {name}" + (f", blueprint {agent['blueprint']}" if agent["blueprint"] else "")
        yield (
            f"  {_counted(agent['requests'], 'request')}, {agent['refused']:,} refused, "
            f"{agent['first']} to {agent['last']}; first record {agent['records'][0]}"
        )
        for title, uses in (
            ("resource", agent["resources"]),
            ("credential", agent["credentials"]),
            ("address", agent["addresses"]),
        ):
            yield from _uses(title, uses)
        yield from _changes(agent["changes"])


def _uses(title: str, uses: Sequence[Any]) -> Iterator[str]:
    for use in uses[:_SHOWN]:
        first, second = (use["id"], use["name"]) if title == "address" else (use["name"], use["id"])
        name = f"{first} ({second})" if first and second else first or second
        yield f"  {title:<10} {name}: {use['requests']:,}, {use['first']} to {use['last']}"
    if len(uses) > _SHOWN:
        yield f"  {title:<10} and {len(uses) - _SHOWN:,} more; use --json to see all"


def _changes(changes: Sequence[Any]) -> Iterator[str]:
    for change in changes[-_SHOWN:]:
        who = change["actor_name"] or change["actor"] or "somebody unknown"
        where = f" from {change['address']}" if change["address"] else ""
        refused = "" if change["succeeded"] else " (refused)"
        yield f"  changed    {change['time']} {change['activity']}{refused} by {who}{where}; record {change['record']}"
    if len(changes) > _SHOWN:
        yield f"  changed    and {len(changes) - _SHOWN:,} times before; use --json to see all"


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
