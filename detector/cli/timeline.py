"""Incidents for people and for machines; loaded only when there is one to show."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from detector.sinks.encoding import json_line, printable
from detector.sinks.terminal import STYLES

if TYPE_CHECKING:
    from detector.domain.alerts import Entity
    from detector.domain.incidents import Incident, Radius

_NAME_CHARS: Final = 80
_SHOWN: Final = 8
"""Entries of a list that are shown; the JSON has more."""


def write(incidents: Iterable[Incident]) -> None:
    """Writes incidents to standard output as JSON lines, see docs/incidents.md."""
    for incident in incidents:
        sys.stdout.buffer.write(json_line({"incident": document(incident)}))
    sys.stdout.buffer.flush()


def document(incident: Incident) -> dict[str, Any]:
    """An incident as JSON can hold it."""
    made: dict[str, Any] = msgspec.to_builtins(incident)
    return made


def show(incidents: Sequence[Incident], console: Console | None = None) -> None:
    """Shows incidents as blocks of text."""
    shown = console if console is not None else _Quiet(highlight=False, markup=False, emoji=False)
    if not incidents:
        shown.print("No incidents.")
    for incident in incidents:
        shown.print(_rendered(incident))


class _Quiet(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def _rendered(incident: Incident) -> RenderableType:
    style = STYLES[incident.severity]
    counts = ", ".join(f"{number:,} {severity}" for severity, number in incident.severities.items())
    head = Text.assemble(
        (f" {incident.severity.upper()} ", style if incident.severity == "critical" else f"{style} reverse"),
        " ",
        (f"{incident.kind.replace('_', ' ')} {_short(incident.name or incident.key)}", "bold"),
        f", {incident.day}: {incident.alerts:,} alert{'' if incident.alerts == 1 else 's'} ({counts})",
    )
    facts = Table.grid(padding=(0, 2), expand=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(incident):
        facts.add_row(name, value)
    return Group(
        Rule(style=style.partition(" on ")[0]), head, "", Padding(_timeline(incident), (0, 0, 0, 2)), "", facts
    )


def _timeline(incident: Incident) -> Table:
    table = Table.grid(padding=(0, 2), expand=False)
    for wraps in (False, False, True):
        table.add_column(no_wrap=not wraps, overflow="fold")
    for moment in incident.timeline:
        subject = _short(moment.subject.name or moment.subject.id)
        table.add_row(
            Text(moment.time[11:19], "dim"),
            Text(moment.severity.upper(), STYLES[moment.severity]),
            Text.assemble(
                (_short(moment.title), "bold"), f"\n{subject}, {moment.detector}", (f"\n{moment.alert_id}", "dim")
            ),
        )
    left_out = incident.alerts - len(incident.timeline)
    if left_out:
        table.add_row("", "", Text(f"and {left_out:,} more, which are less severe"))
    return table


def _facts(incident: Incident) -> Iterator[tuple[str, Text]]:
    if incident.continues is not None:
        yield "  Continues", Text(incident.continues)
    yield from ((f"  {name}", Text(value)) for name, value in _reach(incident.radius))
    if incident.techniques:
        yield "  ATT&CK", Text(", ".join(incident.techniques))
    if incident.tenant is not None:
        yield "  Tenant", Text(_short(incident.tenant))
    yield "  Incident", Text(f"{incident.id}\n")


def _reach(radius: Radius) -> Iterator[tuple[str, str]]:
    """What is known of how far it may reach; what nobody knows is said, for it is not nothing."""
    if radius.agents:
        yield f"Agents ({radius.agents_known:,})", _entities(radius.agents, radius.agents_known)
    if radius.resources:
        yield "Resources", _entities(radius.resources, len(radius.resources))
    yield "Permissions", _known(radius.permissions)
    if radius.credentials:
        named = (
            f"{_short(each.id)} ({_short(each.name)})" if each.name else _short(each.id) for each in radius.credentials
        )
        yield "Credentials", _some(named, len(radius.credentials))
    if radius.addresses:
        yield "Addresses", _some(map(_short, radius.addresses), len(radius.addresses))
    yield "Owners", _known(radius.owners)
    yield "Sponsors", _known(radius.sponsors)


def _known(values: tuple[str, ...] | None) -> str:
    if values is None:
        return "not known: connect the inventory"
    return _some(map(_short, values), len(values)) if values else "none"


def _entities(entities: Iterable[Entity], known: int) -> str:
    return _some((_short(entity.name or entity.id) for entity in entities), known)


def _some(values: Iterable[str], known: int) -> str:
    shown = list(values)[:_SHOWN]
    more = known - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def _short(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _NAME_CHARS else shown[: _NAME_CHARS - 1] + "\N{HORIZONTAL ELLIPSIS}"
