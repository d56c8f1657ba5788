"""`agent-detector run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from detector.cli.help import Command

_EXAMPLES = """
Examples:
  agent-detector run --config detector.yaml
  agent-detector run --follow logs --store state --brief
  agent-detector run --config detector.yaml | jq .title

Signals: SIGTERM and SIGINT stop it in good order; SIGHUP, or a change of the configuration
file, reloads it.

Exit codes: 0 stopped when told to, 3 configuration not valid, 75 start it again (the source
stalled, or the store was lost or damaged). The others: agent-detector --help.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    config: Path | None
    follow: str | None
    store: Path | None
    port: int | None
    brief: bool
    pretty: bool


@click.command("run", cls=Command, epilog=_EXAMPLES)
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file.  [default: built in]")
@click.option("--follow", metavar="DIRECTORY", help="Read growing files of JSON lines here; replaces `source`.")
@click.option("--store", type=click.Path(path_type=Path), metavar="DIRECTORY", help="Replaces `store.directory`.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Replaces `telemetry.port`; 0 for any free one.")
@click.option("--pretty", is_flag=True, help="Show alerts as text for people too.")
@click.option("--brief", is_flag=True, help="As --pretty, but two lines an alert.")
def command(**options: Any) -> int:  # noqa: ANN401 -- click gives every option by name; `Options` has their types
    """Watch a live stream of Entra logs and send alerts, until told to stop.

    Reads an event hub (`source.event_hubs`) or growing files (`source.files`, --follow), keeps memory, positions and
    outgoing alerts in a store, and sends alerts to the configured sinks; without any, as JSON lines to standard output.
    Log lines go to standard error, metrics and probes to a port.
    """
    from detector.cli.running import run

    return run(Options(**options))
