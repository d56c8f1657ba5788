"""`agent-detector alerts incidents`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from detector.cli import exits
from detector.cli.help import Command
from detector.cli.moments import moment
from detector.domain.findings import SEVERITIES, Severity
from detector.errors import UsageError

_EXAMPLES: Final = """
Examples:
  agent-detector alerts incidents --store /data --min-severity high
  agent-detector alerts incidents --store /data --since 2026-10-01 --json | jq .timeline[].title
  agent-detector alerts incidents --store /data 3f0c9a5e2b7d41c88a1e6f5d4c3b2a19
"""


@click.command("incidents", cls=Command, epilog=_EXAMPLES)
@click.argument("incident_ids", nargs=-1, metavar="[INCIDENT_ID]...")
@click.option("--store", type=click.Path(path_type=Path), required=True, help="Directory of the store.")
@click.option("--min-severity", type=click.Choice(SEVERITIES), default="info", show_default=True, help="From here on.")
@click.option("--since", callback=moment, metavar="TIME", help="Only with an alert from this event time on (UTC).")
@click.option("--until", callback=moment, metavar="TIME", help="Only with an alert before this event time (UTC).")
@click.option(
    "--limit", type=click.IntRange(1), default=10_000, show_default=True, help="Of the newest so many alerts."
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines, on a terminal too.")
@click.option("--pretty", is_flag=True, help="Text for people, into a pipe too.")
def incidents(
    incident_ids: tuple[str, ...],
    store: Path,
    min_severity: Severity,
    since: float,
    until: float,
    limit: int,
    as_json: bool,
    pretty: bool,
) -> int:
    """Show the alerts of one agent, or of a blueprint and its agents, and one day as one story.

    Each with its timeline and how far it may reach: agents, permissions, resources, and who
    answers for them, as far as the alerts and the inventory say.
    """
    if as_json and pretty:
        raise UsageError("--json excludes --pretty.")
    from detector.runtime.incidents import stored_incidents
    from detector.stores.alerts import Filter

    found = stored_incidents(store, Filter(least=min_severity, since=since, until=until, limit=limit))
    if incident_ids:
        wanted = {identifier.strip().lower() for identifier in incident_ids}
        unknown = wanted - {incident.id for incident in found}
        if unknown:
            raise UsageError(f"There is no incident {min(unknown)}. `alerts incidents` without an id shows them.")
        found = [incident for incident in found if incident.id in wanted]
    from detector.cli.timeline import show, write

    if as_json or not (pretty or sys.stdout.isatty()):
        write(found)
    else:
        show(found)
    return exits.OK
