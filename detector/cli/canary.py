"""`agent-detector canary`."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detector.cli import exits
from detector.cli.help import Command
from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.config.settings import Settings

_EXAMPLES = """
Examples:
  agent-detector canary --config detector.yaml
  agent-detector canary --config detector.yaml --out logs/canary.jsonl
  agent-detector canary --config detector.yaml --send

To send into an event hub needs the role "Azure Event Hubs Data Sender" (or the Send claim of a
connection string), which the service itself does not need: run it with an identity of its own.

Exit codes: 0 done, 2 no canary is configured or the file cannot be written, 3 configuration not
valid, 4 the hub did not take it. The others: agent-detector --help.
"""


@click.command("canary", cls=Command, epilog=_EXAMPLES)
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file, with the setting `canary`.")
@click.option("--send", is_flag=True, help="Put it where the service reads: into the hub, or the followed directory.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Append it to this file.")
def command(config: Path | None, send: bool, out: Path | None) -> int:
    """Make one sign-in record of the canary, an invented agent, with a new id and the time now.

    Without --send or --out it is printed, as one line. Put it into the hub every few minutes: the service makes an
    alert of severity info of each, and sets agent_detector_canary_last_seen_timestamp_seconds once a sink has it.
    When that time gets old, the way from the hub to the sink is not open.
    """
    from detector.config.load import load
    from detector.runtime.doctor.canary import append_line, canary_body

    if send and out is not None:
        raise UsageError("Say --send or --out, not both.")
    settings = load(config)
    if settings.canary is None:
        raise UsageError(
            "No canary is configured. Set `canary` to the app id of an agent that does not exist, for instance a new "
            "GUID, in the configuration of the service."
        )
    body = canary_body(settings.canary, time.time())  # noqa: TID251 -- the record says when it happened
    if send:
        click.echo(_sent(settings, body), err=True)
    elif out is not None:
        append_line(out, body)
    else:
        sys.stdout.write(body.decode("ascii") + "\n")
    return exits.OK


def _sent(settings: Settings, body: bytes) -> str:
    from detector.runtime.doctor.canary import append_line, followed_file, send

    source = settings.source
    if source.files is not None:
        file = followed_file(source.files.path)
        append_line(file, body)
        return f"Appended to {file}."
    if source.event_hubs is None:
        raise UsageError(
            "The configuration names nothing that the service reads. Set source.event_hubs or source.files."
        )
    from detector.cli.doctoring import quiet, world

    with quiet():
        hub = asyncio.run(send(source.event_hubs, body, world()))
    return f"Sent to the hub {hub}."
