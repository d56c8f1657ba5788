"""`agent-detector incident`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detector.cli.help import Command
from detector.cli.moments import moment
from detector.cli.reading import DAY, access_of, archive_options, wanted_of
from detector.errors import UsageError

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from detector.sources.blobs.access import Access
    from detector.sources.layout import Wanted

_EXAMPLES = """
Examples:
  agent-detector incident archive/ --resource "Microsoft Graph" --since 2026-10-12
  agent-detector incident archive/ --address 198.51.100.0/24
  agent-detector incident https://ACCOUNT.blob.core.windows.net --address 198.51.100.7 \\
      --since 2026-10-12 --until 2026-10-14
  agent-detector incident archive/ --credential c0de0000-0000-4000-8000-0000000000e1 --json
  agent-detector incident archive/ --actor mallory@example.com --report incident.html

Exit codes: 0 done, 4 some input could not be read. The others: agent-detector --help.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    paths: tuple[str, ...]
    resource: str | None
    address: IPv4Network | IPv6Network | None
    credential: str | None
    actor: str | None
    since: float
    until: float
    before: float
    config: Path | None
    json: bool
    report: Path | None
    markdown: Path | None
    ocsf: Path | None
    wanted: Wanted
    access: Access


def _network(_: click.Context, __: click.Parameter, value: str | None) -> IPv4Network | IPv6Network | None:
    if value is None:
        return None
    from ipaddress import ip_network

    try:
        return ip_network(value.strip(), strict=False)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither an address nor a network. Write 198.51.100.0/24.") from None


def _folded(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    return None if value is None else value.strip().casefold()


@click.command("incident", cls=Command, epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--resource", callback=_folded, metavar="ID|NAME", help="A resource that tokens were asked for.")
@click.option("--address", callback=_network, metavar="ADDRESS|CIDR", help="Where sign-ins came from.")
@click.option("--credential", callback=_folded, metavar="KEY ID", help="A credential that was used.")
@click.option("--actor", callback=_folded, metavar="ID|NAME", help="Who changed agents, or their blueprints.")
@click.option("--since", callback=moment, metavar="TIME", help="Sign-ins from this time on (UTC).")
@click.option("--until", callback=moment, metavar="TIME", help="Sign-ins before this time (UTC).")
@click.option(
    "--before",
    type=click.FloatRange(min=0),
    default=7.0,
    show_default=True,
    metavar="DAYS",
    help="How long before the first sign-in changes count.",
)
@archive_options
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file.  [default: built in]")
@click.option("--json", "json", is_flag=True, help="The answer as JSON.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the report to this file: one HTML page.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the report as Markdown.")
@click.option("--ocsf", type=click.Path(path_type=Path), help="Write alerts and stories as OCSF findings, JSON lines.")
def command(**options: Any) -> int:  # noqa: ANN401 -- click gives every option by name; `Options` has their types
    """Say which agents touched something: with what, from where, and what had been changed before.

    PATH is what `agent-detector replay` reads, addresses of storage accounts too. All that is given has to hold of a
    sign-in; with --actor, the agent or its blueprint was changed by that actor, from --since on. Nothing is judged:
    this is what happened, and what the credentials of it could reach. Archived hours are read from --before days
    before --since up to --until. A report judges too: all records of PATH, so let them begin some days before.
    """
    chosen = _chosen(options)
    if all(asked is None for asked in (chosen.resource, chosen.address, chosen.credential, chosen.actor)):
        raise UsageError("There is no question. Give --resource, --address, --credential or --actor.")
    from detector.cli.answering import run

    return run(chosen)


def _chosen(options: dict[str, Any]) -> Options:
    """The options of an archive and its access, each as one. What is judged as well is read from its beginning."""
    if options["since"] >= options["until"]:
        raise UsageError("--since must be before --until.")
    judged = any(options[name] is not None for name in ("report", "markdown", "ocsf"))
    since, until = options["since"] - options["before"] * DAY, options["until"]
    wanted = wanted_of(options) if judged else wanted_of(options, since, until)
    access = access_of(options)
    return Options(**options, wanted=wanted, access=access)
