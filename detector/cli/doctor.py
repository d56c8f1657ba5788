"""`agent-detector doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli.help import Command

_EXAMPLES = """
Examples:
  agent-detector doctor --config detector.yaml
  agent-detector doctor --config detector.yaml --send
  agent-detector doctor --config detector.yaml --json | jq '.checks[] | select(.verdict != "ok")'

It disturbs no running service: it reads the hub without an owner level, changes nothing in the
store, and sends nothing to a sink unless told --send. It takes half a minute at most.

Exit codes: 0 nothing failed (there may be warnings), 1 a check failed, 3 configuration not valid.
The others: agent-detector --help.
"""


@click.command("doctor", cls=Command, epilog=_EXAMPLES)
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file.  [default: built in]")
@click.option("--send", is_flag=True, help="Really send a test alert of severity info to every sink.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, on a terminal too.")
@click.option("--pretty", is_flag=True, help="A table for people, into a pipe too.")
def command(config: Path | None, send: bool, as_json: bool, pretty: bool) -> int:
    """Check everything that the live service needs, and say what is wrong, what it means and what to do.

    Configuration, clock, the way to the hub, rights, partitions, what the newest messages hold, the store, sinks, the
    port for metrics, limits of the process. A table on a terminal, else JSON.
    """
    from detector.cli.doctoring import doctor

    return doctor(config, send=send, as_json=as_json, pretty=pretty)
