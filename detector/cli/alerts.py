"""`agent-detector alerts`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from detector.cli import exits
from detector.cli.help import Command
from detector.cli.incidents import incidents
from detector.cli.moments import moment
from detector.domain.findings import SEVERITIES, Severity
from detector.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from detector.stores.alerts import Alerts
    from detector.stores.records import StoredAlert, Suppression

_EXAMPLES: Final = """
Examples:
  agent-detector alerts list --store /data --min-severity high --open
  agent-detector alerts show --store /data 3f0c9a5e2b7d41c88a1e6f5d4c3b2a19
  agent-detector alerts acknowledge --store /data 3f0c9a5e2b7d41c88a1e6f5d4c3b2a19 --note "CHG-1042"
  agent-detector alerts suppress --store /data 6f1e8a52-0000-4000-8000-000000000001 \\
      --detector token_spike --owner identity-team --reason "load test" --expires 7d
  agent-detector alerts suppressions --store /data
  agent-detector alerts incidents --store /data --min-severity high

Exit codes: 0 done, 2 there is no such alert or store. The others: agent-detector --help.
"""
_LIST: Final = """
Examples:
  agent-detector alerts list --store /data --min-severity high --open
  agent-detector alerts list --store /data --since 2026-10-01 --json | jq .alert.title
"""
_SHOW: Final = """
Example:
  agent-detector alerts show --store /data 3f0c9a5e2b7d41c88a1e6f5d4c3b2a19
"""
_ACKNOWLEDGE: Final = """
Example:
  agent-detector alerts acknowledge --store /data 3f0c9a5e2b7d41c88a1e6f5d4c3b2a19 --note "CHG-1042"
"""
_SUPPRESS: Final = """
Example:
  agent-detector alerts suppress --store /data 6f1e8a52-0000-4000-8000-000000000001 \\
      --detector token_spike --owner identity-team --reason "load test" --expires 7d
"""
_SUPPRESSIONS: Final = """
Examples:
  agent-detector alerts suppressions --store /data --all
  agent-detector alerts suppressions --store /data --lift 3
"""
_SPAN: Final = re.compile(r"([0-9]{1,5})([dhm])")
_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60}
_TITLE_CHARS: Final = 200


class _Group(Command, click.Group):
    """A group with examples that keep their line ends."""


_store = click.option("--store", type=click.Path(path_type=Path), required=True, help="Directory of the store.")
_json = click.option("--json", "as_json", is_flag=True, help="JSON lines, on a terminal too.")
_pretty = click.option("--pretty", is_flag=True, help="Text for people, into a pipe too.")


@click.group("alerts", cls=_Group, epilog=_EXAMPLES)
def command() -> None:
    """Look at the alerts that the service has raised, and see to them; it may run meanwhile."""


command.add_command(incidents)


@command.command("list", cls=Command, epilog=_LIST)
@_store
@click.option("--min-severity", type=click.Choice(SEVERITIES), default="info", show_default=True, help="From here on.")
@click.option("--detector", help="Only of this detector.")
@click.option("--subject", metavar="ID", help="Only about this agent or blueprint.")
@click.option("--since", callback=moment, metavar="TIME", help="Only from this event time on (UTC).")
@click.option("--until", callback=moment, metavar="TIME", help="Only before this event time (UTC).")
@click.option("--acknowledged/--open", default=None, help="Only those somebody has seen to, or nobody.")
@click.option("--suppressed/--not-suppressed", default=None, help="Only those held back, or not.")
@click.option("--limit", type=click.IntRange(1), default=1_000, show_default=True, help="The newest so many.")
@_json
@_pretty
def list_alerts(
    store: Path,
    min_severity: Severity,
    as_json: bool,
    pretty: bool,
    **chosen: Any,  # noqa: ANN401 -- click gives the others by name; `Filter` has their types
) -> int:
    """List alerts in order of event time, the newest last."""
    from detector.stores.alerts import Filter

    subject = chosen.pop("subject")
    wanted = Filter(least=min_severity, subject=subject.strip().lower() if subject else None, **chosen)
    with _opened(store) as alerts:
        found = alerts.find(wanted)
        console = _console(as_json, pretty)
        if console is None:
            _write(_document(alert) for alert in found)
            return exits.OK
        console.print(_table(found) if found else "No alerts.")
        if len(found) == wanted.limit:
            click.echo(f"Only the newest {wanted.limit:,} are shown; --limit shows more.", err=True)
    return exits.OK


@command.command("show", cls=Command, epilog=_SHOW)
@click.argument("alert_ids", nargs=-1, required=True, metavar="ALERT_ID...")
@_store
@_json
@_pretty
def show(alert_ids: tuple[str, ...], store: Path, as_json: bool, pretty: bool) -> int:
    """Show alerts as a whole: why they were raised, what to do, and what was done."""
    with _opened(store) as alerts:
        found = [alerts.get(_cleaned(alert_id)) for alert_id in dict.fromkeys(alert_ids)]
    console = _console(as_json, pretty)
    if console is None:
        _write(_document(alert) for alert in found)
        return exits.OK
    for alert in found:
        _show(console, alert)
    return exits.OK


@command.command("acknowledge", cls=Command, epilog=_ACKNOWLEDGE)
@click.argument("alert_ids", nargs=-1, required=True, metavar="ALERT_ID...")
@_store
@click.option("--by", metavar="NAME", help="Who has seen to them.  [default: the user that runs this]")
@click.option("--note", default="", help="What was found, or where to read more.")
def acknowledge(alert_ids: tuple[str, ...], store: Path, by: str | None, note: str) -> int:
    """Note that somebody has seen to alerts. It changes nothing about what is sent."""
    with _opened(store, writable=True) as alerts:
        made = alerts.acknowledge(map(_cleaned, alert_ids), who=by or _user(), note=note)
    click.echo(f"Acknowledged {len(made)} alert{'s' if len(made) != 1 else ''} as {_printable(made[0].who)}.")
    return exits.OK


@command.command("suppress", cls=Command, epilog=_SUPPRESS)
@click.argument("subject", metavar="SUBJECT_ID")
@_store
@click.option("--detector", help="Only alerts of this detector.  [default: of every one]")
@click.option("--owner", required=True, help="Who stands for it.")
@click.option("--reason", required=True, help="Why these alerts are expected.")
@click.option("--expires", required=True, metavar="TIME", help="A time, or 12h, 7d, ...; at most 180 days.")
@click.option("--since", metavar="TIME", help="Event time from which it applies.  [default: now]")
def suppress(
    subject: str, store: Path, detector: str | None, owner: str, reason: str, expires: str, since: str | None
) -> int:
    """Stop sending alerts about one agent or blueprint, by its exact id, for a while.

    They are still raised, stored and counted. What counts is their event time, so a replay decides alike.
    """
    now = _now()
    with _opened(store, writable=True) as alerts:
        made = alerts.suppress(
            subject,
            owner=owner,
            reason=reason,
            detector=_known_detector(detector),
            expires=_moment("--expires", expires, now),
            starts=None if since is None else _moment("--since", since, now),
        )
    click.echo(f"Suppression {made.id} holds until {_utc(made.expires)}.")
    return exits.OK


@command.command("suppressions", cls=Command, epilog=_SUPPRESSIONS)
@_store
@click.option("--all", "ended", is_flag=True, help="Those that have ended too.")
@click.option("--lift", type=int, metavar="NUMBER", help="End this one now.")
@_json
@_pretty
def suppressions(store: Path, ended: bool, lift: int | None, as_json: bool, pretty: bool) -> int:
    """List what is suppressed, for whom, until when, and how often it held an alert back."""
    with _opened(store, writable=lift is not None) as alerts:
        if lift is not None:
            alerts.lift(lift)
            click.echo(f"Suppression {lift} has ended. What it held back stays unsent.")
            return exits.OK
        found = alerts.suppressions(ended=ended)
    console = _console(as_json, pretty)
    if console is None:
        _write(_suppression(each) for each in found)
    else:
        console.print(_suppression_table(found) if found else "Nothing is suppressed.")
    return exits.OK


# ------------------------------------------------------------------------------------------------ inputs


def _opened(directory: Path, *, writable: bool = False) -> Alerts:
    from detector.stores.alerts import Alerts

    return Alerts.open(directory, now=_now, writable=writable)


def _now() -> float:
    from detector.runtime.replay import moment_of_reading

    return moment_of_reading()


def _cleaned(alert_id: str) -> str:
    return alert_id.strip().lower()


def _user() -> str:
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):
        raise UsageError("The user that runs this has no name: say --by NAME.") from None


def _moment(option: str, text: str, now: float) -> float:
    from detector.sources.instants import instant

    span = _SPAN.fullmatch(text.strip())
    if span is not None and option == "--expires":
        return now + int(span.group(1)) * _UNITS[span.group(2)]
    time = instant(text.strip())
    if time is None:
        raise UsageError(f"{option}: Not a time. Write 2026-10-05 or 2026-10-05T14:30:00Z; --expires takes 7d too.")
    return time


def _known_detector(name: str | None) -> str | None:
    """A misspelt name would suppress nothing, and nobody would notice."""
    if name is None:
        return None
    from detector.detectors.registry import DETECTORS

    known = sorted(detector.name for detector in DETECTORS)
    if name not in known:
        from difflib import get_close_matches

        near = get_close_matches(name, known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
        raise UsageError(f"--detector: There is no detector of that name. {hint}")
    return name


# ----------------------------------------------------------------------------------------------- outputs


def _console(as_json: bool, pretty: bool) -> Console | None:
    """Where people read; `None` when nobody does."""
    if as_json and pretty:
        raise UsageError("--json excludes --pretty.")
    if as_json or not (pretty or sys.stdout.isatty()):
        return None
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> NoReturn:
            raise BrokenPipeError

    return Quiet(highlight=False, markup=False, emoji=False)


def _write(documents: Iterable[dict[str, Any]]) -> None:
    from detector.sinks.encoding import json_line

    for document in documents:
        sys.stdout.buffer.write(json_line(document))
    sys.stdout.buffer.flush()


def _document(alert: StoredAlert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "time": _utc(alert.time),
        "severity": alert.severity,
        "detector": alert.detector,
        "subject": alert.subject,
        "stored": _utc(alert.created),
        "suppressed_by": alert.suppressed_by,
        "acknowledgements": [
            {"by": each.who, "at": _utc(each.at), "note": each.note} for each in alert.acknowledgements
        ],
        "deliveries": [
            {
                "sink": each.sink,
                "status": each.status,
                "attempts": each.attempts,
                "changed": _utc(each.changed),
                "reason": each.reason,
            }
            for each in alert.dispatches
        ],
        "alert": _parsed(alert),
    }


def _suppression(each: Suppression) -> dict[str, Any]:
    moments = {name: _utc(getattr(each, name)) for name in ("starts", "expires", "created")}
    return {**each._asdict(), **moments}


def _table(found: Iterable[StoredAlert]) -> Any:  # noqa: ANN401 -- rich is loaded only when it is needed
    from rich.table import Table
    from rich.text import Text

    from detector.sinks.terminal import STYLES

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("Time (UTC)", "Severity", "Alert"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "Alert")
    for alert in found:
        document = _parsed(alert)
        subject = document.get("subject")
        name = (subject.get("name") if isinstance(subject, dict) else None) or alert.subject
        table.add_row(
            _utc(alert.time)[:19].replace("T", " "),
            Text(alert.severity.upper(), STYLES[alert.severity]),
            Text.assemble(
                (_printable(str(document.get("title", alert.detector)))[:_TITLE_CHARS], "bold"),
                f"\n{_printable(str(name))[:_TITLE_CHARS]}, {_printable(f'{alert.detector}, {_standing(alert)}')}",
                (f"\n{_printable(alert.id)}", "dim"),
            ),
        )
    return table


def _suppression_table(found: Iterable[Suppression]) -> Any:  # noqa: ANN401 -- as above
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("No.", "Subject", "Detector", "Until (UTC)", "Hits", "Owner", "Reason"):
        table.add_column(heading, overflow="fold")
    for each in found:
        until = _utc(each.expires)[:16].replace("T", " ")
        cells = (each.id, each.subject, each.detector or "every", until, each.hits, each.owner, each.reason)
        table.add_row(*(_printable(str(cell)) for cell in cells))
    return table


def _show(console: Console, alert: StoredAlert) -> None:
    from json import dumps

    import msgspec

    from detector.domain.alerts import Alert
    from detector.sinks.terminal import rendered

    try:
        console.print(rendered(msgspec.json.decode(alert.document, type=Alert)))
    except msgspec.MsgspecError:
        # Of another release: shown as it was stored.
        console.print(dumps(_parsed(alert), indent=2))
    for line in _history(alert):
        console.print(f"  {_printable(line)}")
    console.print()


def _history(alert: StoredAlert) -> Iterator[str]:
    yield f"Stored {_utc(alert.created)}"
    if alert.suppressed_by is not None:
        yield f"Not sent: suppression {alert.suppressed_by}" if alert.suppressed_by else "Not sent: over the budget"
    for each in alert.dispatches:
        said = f" ({each.reason})" if each.reason else ""
        yield f"{_STATUS[each.status]} {each.sink} {_utc(each.changed)}{said}"
    for acknowledgement in alert.acknowledgements:
        note = f": {acknowledgement.note}" if acknowledgement.note else ""
        yield f"Acknowledged by {acknowledgement.who} {_utc(acknowledgement.at)}{note}"


_STATUS: Final = {"pending": "Waits for", "sent": "Sent to", "dead": "Refused by"}


def _standing(alert: StoredAlert) -> str:
    """What became of an alert, in a few words."""
    if alert.acknowledgements:
        return f"acknowledged by {alert.acknowledgements[-1].who}"
    if alert.suppressed_by is not None:
        return f"suppressed ({alert.suppressed_by})" if alert.suppressed_by else "over the budget"
    refused = [each.sink for each in alert.dispatches if each.status == "dead"]
    waiting = [each.sink for each in alert.dispatches if each.status == "pending"]
    if refused:
        return f"refused by {', '.join(refused)}"
    return f"waits for {', '.join(waiting)}" if waiting else "open"


def _parsed(alert: StoredAlert) -> dict[str, Any]:
    from json import loads

    document = loads(alert.document)
    return document if isinstance(document, dict) else {}


def _printable(text: str) -> str:
    from detector.sinks.encoding import printable

    return printable(text)


def _utc(moment: float) -> str:
    from detector.engine.naming import rfc3339

    return rfc3339(moment)
