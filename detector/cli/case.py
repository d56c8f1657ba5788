"""`agent-detector case`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli.help import Command
from detector.cli.reading import access_of, archive_options, ids, wanted_of
from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.sources.blobs.access import Access
    from detector.sources.layout import Wanted

_EXAMPLES = """
Examples:
  agent-detector replay logs/ --output alerts.jsonl
  agent-detector case export logs/ --alerts alerts.jsonl --out case.zip --key key.pem
  agent-detector case verify case.zip --public-key public.pem

Exit codes: 0 done, 1 the case is not as it was made, 4 some input could not be read.
"""
_PATH = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    paths: tuple[str, ...]
    alerts: Path
    chosen: frozenset[str]
    out: Path
    key: Path | None
    config: Path | None
    wanted: Wanted
    access: Access


class _Group(Command, click.Group):
    """A group with examples that keep their line ends."""


@click.group("case", cls=_Group, epilog=_EXAMPLES)
def command() -> None:
    """Hand alerts and the raw records behind them to somebody else, so that nobody can alter them unseen."""


@command.command("export", cls=Command, epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--alerts", "alerts", type=_PATH, required=True, help="Alerts as JSON lines (`replay --output`).")
@click.option(
    "--alert", "chosen", multiple=True, callback=ids, metavar="ID", help="Only this alert, or an incident's alerts."
)
@click.option("--out", type=_PATH, required=True, help="The zip to write.")
@click.option("--key", type=_PATH, help="Ed25519 private key (PEM) to sign with.")
@click.option("--config", type=_PATH, help="Configuration file.  [default: built in]")
@archive_options
def export(**options: Any) -> int:  # noqa: ANN401 -- click gives every option by name; `Options` has their types
    """Write alerts and their raw records, found again in PATH, as one zip with a manifest of hashes."""
    if "-" in options["paths"]:
        raise UsageError("Records on standard input cannot be named again: give files.")
    from detector.cli.casing import run

    wanted = wanted_of(options)
    access = access_of(options)
    return run(Options(**options, wanted=wanted, access=access))


@command.command("verify", cls=Command, epilog=_EXAMPLES)
@click.argument("path", type=_PATH, metavar="CASE")
@click.option("--public-key", type=_PATH, help="Ed25519 public key (PEM) of whoever made it.")
def verify(path: Path, public_key: Path | None) -> int:
    """Say whether a case is as it was made: every hash and, with a key, the signature."""
    from detector.cli.casing import verified

    return verified(path, public_key)
