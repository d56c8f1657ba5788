"""`agent-detector models`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from detector.cli import exits
from detector.cli.help import Command

_EXAMPLES = """
Examples:
  agent-detector models
  agent-detector models models/hours
  agent-detector models models/hours/2 models/hours/3 --json

Exit codes: 0 every model can be used, 2 one cannot. The others: agent-detector --help.
"""


@click.command("models", cls=Command, epilog=_EXAMPLES)
@click.argument("places", nargs=-1, type=click.Path(path_type=Path), metavar="[MODEL...]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(places: tuple[Path, ...], as_json: bool) -> int:
    """List trained models, and check that their files are what their manifests say.

    MODEL is a directory that `train` wrote, or a folder of them. Without one, those that come with the product are
    listed.
    """
    from detector.models.listing import listed, shipped

    found = listed(places or shipped())
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        for each in found:
            click.echo("\n".join(_lines(each)))
    return exits.OK if all(each["usable"] for each in found) else exits.USAGE


def _lines(model: dict[str, object]) -> list[str]:
    if not model["usable"]:
        return [f"{model['place']}: {model['problem']}"]
    return [
        f"{model['name']}/{model['version']}  {model['detector']}, {model['fitted']:,} hours of agents from "
        f"{model['first']} to {model['last']}",
        f"  {model['place']}  sha256 {str(model['sha256'])[:16]}",
    ]
