"""`agent-detector coverage`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli.help import Command
from detector.cli.reading import access_of, archive_options, wanted_of
from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.sources.blobs.access import Access
    from detector.sources.layout import Wanted

_EXAMPLES = """
Examples:
  agent-detector coverage --config detector.yaml
  agent-detector coverage --config detector.yaml --store /data
  agent-detector coverage insights-logs-*/ --config detector.yaml --markdown > coverage.md
  agent-detector coverage https://ACCOUNT.blob.core.windows.net --config detector.yaml
  agent-detector coverage --json | jq '.rows[] | select(.state == "not_seen") | .connect'

Which logs come is told by a store (by default that of the configuration, if it is there) or by an
archive (blobs too), whose records are read and not judged. Without either it says so.

Exit codes: 0 done, 3 configuration not valid, 4 some input could not be read.
The others: agent-detector --help.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    paths: tuple[str, ...]
    config: Path | None
    store: Path | None
    json: bool
    markdown: bool
    pretty: bool
    wanted: Wanted
    access: Access


@click.command("coverage", cls=Command, epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file.  [default: built in]")
@click.option("--store", type=click.Path(path_type=Path), help="Directory of a store.  [default: of the configuration]")
@archive_options
@click.option("--json", "json", is_flag=True, help="One JSON document, on a terminal too.")
@click.option("--markdown", is_flag=True, help="A page in Markdown.")
@click.option("--pretty", is_flag=True, help="Tables for people, into a pipe too.")
def command(**options: Any) -> int:  # noqa: ANN401 -- click gives every option by name; `Options` has their types
    """Say which advice on agent identities this deployment checks, and what it cannot see.

    For every sentence of the best practices: the checks, whether they have the logs and the
    configuration that they need, what they said last, and how to connect what is missing.
    Tables on a terminal, else JSON.
    """
    wanted = wanted_of(options)
    access = access_of(options)
    chosen = Options(**options, wanted=wanted, access=access)
    if chosen.json + chosen.markdown + chosen.pretty > 1:
        raise UsageError("--json, --markdown and --pretty exclude each other.")
    from detector.cli.covering import run

    return run(chosen)
