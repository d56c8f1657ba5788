"""`agent-detector inventory`."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli.help import Command

_EXAMPLES = """
Examples:
  agent-detector inventory --config detector.yaml --out logs/inventory.jsonl
  agent-detector replay logs --config detector.yaml

The configuration says in `inventory` which tenant is read and with which identity; on your own
machine `identity: cli` takes the one of `az login`.

Exit codes: 0 done, 2 no inventory is configured or the file cannot be written, 3 configuration not
valid, 4 some part could not be read: it is unknown in the file. The others: agent-detector --help.
"""


@click.command("inventory", cls=Command, epilog=_EXAMPLES)
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file, with the setting `inventory`.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", required=True, help="File to write.")
def command(config: Path | None, out: Path) -> int:
    """Read the directory once through Microsoft Graph and write it down, as JSON lines for `replay`.

    Agent identities, blueprints with their credentials, principals, agent users, owners, sponsors and permissions. The
    file takes the place of an older one only when it is complete. What could not be read is null in it: not known.
    """
    from detector.cli.inventorying import write

    return write(config, out)
