"""`agent-detector replay`."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import click

from detector.cli.help import Command
from detector.domain.findings import SEVERITIES
from detector.errors import UsageError

_EXAMPLES = """
Examples:
  agent-detector replay demo/events.jsonl --config demo/detector.yaml
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


def _instant(_: click.Context, parameter: click.Parameter, value: str | None) -> float:
    if value is None:
        return -inf if parameter.name == "since" else inf
    from detector.sources.instants import instant

    time = instant(value)
    if time is None:
        raise click.BadParameter(f"{value!r} is not a time. Write 2026-10-05, or 2026-10-05T14:30:00Z.")
    return time


def _ids(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value.strip().lower() for value in values)


_PATH = click.Path(path_type=Path)
_SEVERITY = click.Choice(SEVERITIES)


@click.command("replay", cls=Command, epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--config", type=_PATH, help="Configuration file.  [default: built in]")
@click.option("--since", callback=_instant, metavar="TIME", help="Leave out records before this time (UTC).")
@click.option("--until", callback=_instant, metavar="TIME", help="Leave out records from this time on (UTC).")
@click.option("--agent", "agents", multiple=True, callback=_ids, metavar="ID", help="Only records of this agent.")
@click.option(
    "--blueprint", "blueprints", multiple=True, callback=_ids, metavar="ID", help="Only records of its agents."
)
@click.option("--output", type=_PATH, help="Write alerts as JSON lines to this file.")
@click.option("--held", type=_PATH, help="Write alerts over the budget to this file, as JSON lines.")
@click.option("--quarantine", type=_PATH, help="Write records that cannot be used to this file.")
@click.option("--summary", type=_PATH, help="Write the summary to this file, as JSON.")
@click.option("--json", "json", is_flag=True, help="JSON lines, on a terminal too; summary and warnings as well.")
@click.option("--pretty", is_flag=True, help="Text for people, into a pipe too.")
@click.option("--brief", is_flag=True, help="As --pretty, but two lines an alert.")
@click.option("--min-severity", type=_SEVERITY, default="info", show_default=True, help="Show alerts from here on.")
@click.option("--fail-on", type=_SEVERITY, help="Exit with 1 when there is an alert from here on.")
@click.option("--incidents", is_flag=True, help="Show at the end which incidents the alerts make.")
@click.option("--report", type=_PATH, help="Write the report to this file: one HTML page.")
@click.option("--markdown", type=_PATH, help="Write the report as Markdown.")
@click.option("--ocsf", type=_PATH, help="Write alerts and stories as OCSF findings, JSON lines.")
@click.option("--sort", is_flag=True, help="Sort every file by event time in memory first.")
@click.option("--no-progress", "progress", flag_value=False, default=True, type=bool, help="No progress bar.")
def command(**options: Any) -> int:  # noqa: ANN401 -- click gives every option by name; `Options` has their types
    """Read archived logs and show the alerts that live operation would have raised.

    PATH is a file, a directory with everything in it, a pattern in quotes, or - for standard input. JSON lines of
    records or of {"records": [...]} messages, PT1H.json archive trees, JSON arrays, Graph pages and Log Analytics
    exports (CSV or JSON) are recognised, plain or packed with gzip or zstd. All files together are read in order of
    event time; a file in another order is sorted in memory.

    --since, --until, --agent and --blueprint choose what is read, so baselines know nothing else: to judge a week
    against the one before, read both, and choose alerts by their time.
    """
    chosen = Options(**options)
    if chosen.json and (chosen.pretty or chosen.brief):
        raise UsageError("--json excludes --pretty and --brief.")
    if chosen.since >= chosen.until:
        raise UsageError("--since must be before --until.")
    from detector.cli.replaying import run

    return run(chosen)
