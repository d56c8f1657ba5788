"""`agent-detector replay`."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli.help import Command
from detector.cli.moments import moment
from detector.cli.reading import DAY, access_of, archive_options, duration, ids, wanted_of
from detector.domain.findings import SEVERITIES
from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.runtime.window import Window
    from detector.sources.blobs.access import Access
    from detector.sources.layout import Wanted

_EXAMPLES = """
Examples:
  agent-detector replay demo/events.jsonl --config demo/detector.yaml
  agent-detector replay https://ACCOUNT.blob.core.windows.net --from 2026-10-12 --to 2026-10-13
  agent-detector replay insights-logs-*/ --since 2026-10-01 --output alerts.jsonl
  agent-detector replay export.csv page*.json --agent 6f1e8a52-0000-4000-8000-000000000001
  agent-detector replay insights-logs-*/ --report incident.html
  zcat logs.gz | agent-detector replay - --json --fail-on high

Exit codes: 0 done, 1 alerts at or above --fail-on, 3 configuration not valid,
4 some input could not be read. The others: agent-detector --help.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    paths: tuple[str, ...]
    config: Path | None
    since: float
    until: float
    agents: frozenset[str]
    blueprints: frozenset[str]
    output: Path | None
    held: Path | None
    quarantine: Path | None
    summary: Path | None
    min_severity: str
    fail_on: str | None
    json: bool
    pretty: bool
    brief: bool
    progress: bool
    sort: bool
    incidents: bool
    report: Path | None
    markdown: Path | None
    ocsf: Path | None
    window: Window
    snapshot: Path | None
    as_live: bool
    wanted: Wanted
    checkpoint: Path | None
    checkpoint_every: float
    manifest: Path | None
    access: Access
    graph: Path | None


_PATH = click.Path(path_type=Path)
_SEVERITY = click.Choice(SEVERITIES)


@click.command("replay", cls=Command, epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--config", type=_PATH, help="Configuration file.  [default: built in]")
@click.option("--from", "start", callback=moment, metavar="TIME", help="Judge from this time on (UTC).")
@click.option("--to", "end", callback=moment, metavar="TIME", help="Judge up to this time (UTC).")
@click.option("--baseline", callback=duration, metavar="30d|12h|0", help="Learn before --from.  [default: 30d]")
@click.option("--snapshot", type=_PATH, help="Begin with the memory of a live store, or of one snapshot of it.")
@click.option("--since", callback=moment, metavar="TIME", help="Leave out records before this time (UTC).")
@click.option("--until", callback=moment, metavar="TIME", help="Leave out records from this time on (UTC).")
@click.option("--agent", "agents", multiple=True, callback=ids, metavar="ID", help="Only records of this agent.")
@click.option(
    "--blueprint", "blueprints", multiple=True, callback=ids, metavar="ID", help="Only records of its agents."
)
@click.option("--graph", type=_PATH, metavar="DIR", help="Pull the logs through Microsoft Graph into DIR, and read it.")
@archive_options
@click.option("--output", type=_PATH, help="Write alerts as JSON lines to this file.")
@click.option("--held", type=_PATH, help="Write alerts over the budget to this file, as JSON lines.")
@click.option("--quarantine", type=_PATH, help="Write records that cannot be used to this file.")
@click.option("--summary", type=_PATH, help="Write the summary to this file, as JSON.")
@click.option("--manifest", type=_PATH, help="Write what was read, with hashes and gaps, to this file, as JSON.")
@click.option("--checkpoint", type=_PATH, help="Where to go on if interrupted; needs --output.")
@click.option("--checkpoint-every", type=click.FloatRange(min=0), default=30.0, show_default=True, metavar="SECONDS")
@click.option("--json", "json", is_flag=True, help="JSON lines, on a terminal too; summary and warnings as well.")
@click.option("--pretty", is_flag=True, help="Text for people, into a pipe too.")
@click.option("--brief", is_flag=True, help="As --pretty, but two lines an alert.")
@click.option("--min-severity", type=_SEVERITY, default="info", show_default=True, help="Show alerts from here on.")
@click.option("--fail-on", type=_SEVERITY, help="Exit with 1 when there is an alert from here on.")
@click.option("--incidents", is_flag=True, help="Show at the end which incidents the alerts make.")
@click.option("--report", type=_PATH, help="Write the report to this file: one HTML page.")
@click.option("--markdown", type=_PATH, help="Write the report as Markdown.")
@click.option("--ocsf", type=_PATH, help="Write alerts and stories as OCSF findings, JSON lines.")
@click.option("--sort", is_flag=True, help="Sort every input by event time first.")
@click.option("--as-live", is_flag=True, help="Leave windows that are open at the end unjudged.")
@click.option("--no-progress", "progress", flag_value=False, default=True, type=bool, help="No progress bar.")
def command(**options: Any) -> int:  # noqa: ANN401 -- click gives every option by name; `Options` has their types
    """Read archived logs and show the alerts that live operation would have raised.

    PATH is a file, a directory with everything in it, a pattern in quotes, the address of a storage account or
    container, or - for standard input. JSON lines of records or of {"records": [...]} messages, PT1H.json archive
    trees, JSON arrays, Graph pages, Event Hubs Capture (Avro) and Log Analytics exports (CSV, JSON, Parquet) are
    recognised, plain or packed with gzip or zstd. All inputs together are read in order of event time; what is in
    another order is sorted. What comes twice counts once.

    --graph asks Microsoft Graph for the sign-ins, changes and risks of the window, at most 30 days back, with the
    identity of `inventory` in the configuration. What DIR holds already is not asked for again.

    --from and --to choose what is judged; the time of --baseline before it teaches. --since, --until, --agent and
    --blueprint choose what is read, so baselines know nothing else.
    """
    chosen = _chosen(options)
    if chosen.json and (chosen.pretty or chosen.brief):
        raise UsageError("--json excludes --pretty and --brief.")
    _check(chosen)
    from detector.cli.replaying import run

    return run(chosen)


def _chosen(options: dict[str, Any]) -> Options:
    """The options of a window, an archive and its access, each as one."""
    from detector.runtime.window import Window

    start, end, baseline = options.pop("start"), options.pop("end"), options.pop("baseline")
    snapshot = options["snapshot"]
    if baseline is not None and start == -inf:
        raise UsageError("--baseline is the time before --from, which is missing.")
    if baseline is not None and snapshot is not None:
        raise UsageError("--snapshot is a baseline of its own: leave --baseline out.")
    if baseline is None:
        baseline = 30 * DAY if start > -inf and snapshot is None else 0.0
    window = Window(start=start, end=end, baseline=baseline)
    since, until = options["since"], options["until"]
    asked_twice = (start > -inf or snapshot is not None or end < inf) and (since > -inf or until < inf)
    if asked_twice:
        raise UsageError("--from and --to judge, --since and --until read: give the ones or the others.")
    options["since"], options["until"] = (
        max(options["since"], window.read_from),
        min(options["until"], window.read_until),
    )
    wanted = wanted_of(options, options["since"], options["until"])
    access = access_of(options)
    return Options(**options, window=window, wanted=wanted, access=access)


def _check(chosen: Options) -> None:
    """Refuses what makes no sense together."""
    if chosen.window.start >= chosen.window.end:
        raise UsageError("--from must be before --to.")
    if chosen.since >= chosen.until:
        raise UsageError("--since must be before --until.")
    if not chosen.paths and chosen.graph is None:
        raise UsageError("There is nothing to read. Name a PATH, or a folder for --graph.")
    if chosen.checkpoint is None:
        return
    if chosen.output is None or chosen.json or chosen.incidents:
        raise UsageError("--checkpoint needs --output FILE, and excludes --json and --incidents.")
    if "-" in chosen.paths:
        raise UsageError("Standard input cannot be read twice: leave --checkpoint out, or name files.")
