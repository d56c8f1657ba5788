"""`agent-detector diff`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli.help import Command
from detector.cli.moments import moment
from detector.cli.reading import access_of, archive_options, wanted_of
from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.sources.blobs.access import Access
    from detector.sources.layout import Wanted

_EXAMPLES = """
Examples:
  agent-detector diff now.yaml tuned.yaml --archive logs/
  agent-detector diff alerts-1.2.jsonl alerts-1.3.jsonl --json
  agent-detector diff alerts.jsonl --suppress 6f1e8a52-0000-4000-8000-000000000001 \\
      --detector token_spike

Exit codes: 0 done, 1 alerts differ and --fail was given, 4 some input could not be read.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    before: Path
    after: Path | None
    archive: tuple[str, ...]
    suppress: str | None
    detector: str | None
    since: float
    until: float
    json: bool
    fail: bool
    wanted: Wanted
    access: Access


_PATH = click.Path(path_type=Path)


@click.command("diff", cls=Command, epilog=_EXAMPLES)
@click.argument("before", type=_PATH)
@click.argument("after", type=_PATH, required=False)
@click.option("--archive", multiple=True, metavar="PATH", help="BEFORE and AFTER are configurations: replay this.")
@click.option("--suppress", metavar="ID", help="Preview: what a suppression of this subject would have hidden.")
@click.option("--detector", metavar="NAME", help="Of the previewed suppression: this detector only.")
@click.option("--since", callback=moment, metavar="TIME", help="Of the previewed suppression: from this time on.")
@click.option("--until", callback=moment, metavar="TIME", help="Of the previewed suppression: before this time.")
@archive_options
@click.option("--json", "json", is_flag=True, help="The difference as JSON.")
@click.option("--fail", is_flag=True, help="Exit with 1 when there is a difference.")
def command(**options: Any) -> int:  # noqa: ANN401 -- click gives every option by name; `Options` has their types
    """Say which alerts two configurations, or two runs, do not share, and why; or what a suppression would hide.

    BEFORE and AFTER are files of alerts, as `replay --output` writes them. With --archive they are
    configurations, and the archive is replayed with each. With --suppress only BEFORE is read.
    """
    wanted = wanted_of(options)
    access = access_of(options)
    chosen = Options(**options, wanted=wanted, access=access)
    if (chosen.after is None) == (chosen.suppress is None):
        raise UsageError("Give AFTER to compare with, or --suppress to preview a suppression; not both.")
    if chosen.suppress is not None and chosen.archive:
        raise UsageError("--suppress reads a file of alerts: replay the archive with --output first.")
    from detector.cli.differing import run

    return run(chosen)
