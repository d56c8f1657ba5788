"""`agent-detector train`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

from detector.cli.help import Command

DETECTORS = ("sum", "pca", "hbos", "loda", "iforest", "inne")
"""Kinds of detectors; `detector.models.training` makes them."""

_EXAMPLES = """
Examples:
  agent-detector train logs/2026-09 logs/2026-10 --config detector.yaml --out models/hours/2
  agent-detector train 'archive/*.jsonl.gz' --out models/hours/2 --detector pca
  agent-detector models models/hours/2

Then try it beside what is in use, with `model: {path: models/hours/2, shadow: true}` in the
configuration. docs/models.md tells the rest.

Exit codes: 0 done, 2 there are too few hours or the place is taken, 3 configuration not valid, 4 a
part of the archive could not be read. The others: agent-detector --help.
"""


class Options(NamedTuple):
    """What was asked for."""

    paths: tuple[str, ...]
    out: Path
    config: Path | None
    detector: str
    held_out: float
    seed: int


@click.command("train", cls=Command, epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="ARCHIVE...")
@click.option("--out", type=click.Path(path_type=Path), metavar="NAME/VERSION", required=True, help="New directory.")
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
def command(paths: tuple[str, ...], out: Path, config: Path | None, detector: str, held_out: float, seed: int) -> int:
    """Train a model of finished hours on archived logs, some weeks of them, without known incidents.

    Reads what `replay` reads. Writes a directory that is never changed again: numbers, the fitted pipeline, a card for
    people, and a manifest with the SHA-256 of each.
    """
    from detector.cli.training import run

    return run(Options(paths, out, config, detector, held_out, seed))
