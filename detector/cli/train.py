"""`agent-detector train`."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli.help import Command
from detector.cli.reading import access_of, archive_options, duration, wanted_of
from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.sources.blobs.access import Access
    from detector.sources.layout import Wanted

DETECTORS = ("sum", "pca", "hbos", "loda", "iforest", "inne")
"""Kinds of detectors; `detector.models.training` makes them."""

_EXAMPLES = """
Examples:
  agent-detector train logs/2026-09 logs/2026-10 --config detector.yaml --out models/hours/2
  agent-detector train 'archive/*.jsonl.gz' --out models/hours/2 --detector pca
  agent-detector models models/hours/2
  agent-detector train https://ACCOUNT.blob.core.windows.net --last 28d --out models/hours --dated

Then try it beside what is in use, with `model: {path: models/hours/2, shadow: true}` in the
configuration. docs/models.md tells the rest.

Exit codes: 0 done, 2 there are too few hours or the place is taken, 3 configuration not valid, 4 a
part of the archive could not be read. The others: agent-detector --help.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    paths: tuple[str, ...]
    out: Path
    """The new directory, or with `dated` the folder in which it is made."""
    dated: bool
    keep: int | None
    config: Path | None
    detector: str
    held_out: float
    seed: int
    now: float
    """Seconds since the epoch."""
    wanted: Wanted
    access: Access


@click.command("train", cls=Command, epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="ARCHIVE...")
@click.option("--out", type=click.Path(path_type=Path), metavar="NAME/VERSION", required=True, help="New directory.")
@click.option("--dated", is_flag=True, help="--out is NAME only, and the version is the time: 2026.1130.0215.")
@click.option("--keep", type=click.IntRange(2), help="With --dated: remove older dated versions beyond so many.")
@click.option("--last", callback=duration, metavar="28d|12h", help="Only archived hours of so long until now.")
@archive_options
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file, as for replay.")
@click.option("--detector", type=click.Choice(DETECTORS), default="sum", show_default=True, help="Kind of model.")
@click.option(
    "--held-out",
    type=click.FloatRange(0.05, 0.5),
    default=0.3,
    show_default=True,
    help="Part of the hours, the latest, that p-values are made of.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Equal seeds, equal models.")
def command(last: float | None, **options: Any) -> int:  # noqa: ANN401 -- as in the other commands on archives
    """Train a model of finished hours on archived logs, some weeks of them, without known incidents.

    Reads what `replay` reads. Writes a directory that is never changed again: numbers, the fitted pipeline, a card for
    people, and a manifest with the SHA-256 of each.

    --dated and --keep are for training by the clock: a service whose model is the folder NAME takes the newest version.
    """
    if options["keep"] is not None and not options["dated"]:
        raise UsageError("--keep removes versions that --dated made; give both.")
    from detector.cli.training import run
    from detector.runtime.replay import moment_of_reading

    now = moment_of_reading()
    wanted = wanted_of(options, since=-inf if last is None else now - last)
    access = access_of(options)
    return run(Options(**options, now=now, wanted=wanted, access=access))
