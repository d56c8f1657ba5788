"""Alerts for people at a terminal.

Whatever comes out of a record is shown as plain text: no markup, no control characters, no reversed writing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from detector.domain.alerts import Alert, Attack, Entity, Evidence
from detector.domain.findings import Severity
from detector.domain.signals import Fact
from detector.sinks.encoding import printable
from detector.sinks.outcome import DELIVERED, Outcome, Retry, all_of
from detector.sinks.sink import Terms

STYLES: Final[dict[Severity, str]] = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "bold yellow",
    "low": "bold cyan",
    "info": "bold blue",
}
RECORDS_SHOWN: Final = 5
_HIDDEN: Final = frozenset({"correlation_id", "fleet", "window_end", "window_start"})
"""Details that another row says already, or that only machines need: they are in the JSON."""
_NAME_CHARS: Final = 80


class Terminal:
    """Writes each alert as a block of text, or in brief as two lines, coloured where the console knows colours."""

    def __init__(self, console: Console, *, brief: bool = False) -> None:
        self._console = console
        self._rendered = in_brief if brief else rendered

    def deliver(self, alert: Alert) -> None:
        """Shows one alert."""
        console = self._console
        if console.is_terminal:
            console.print(self._rendered(alert))
            return
        # Into a file or pipe the padding on the right would be noise.
        with console.capture() as captured:
            console.print(self._rendered(alert))
        console.out("\n".join(line.rstrip() for line in captured.get().split("\n")), end="", highlight=False)


def rendered(alert: Alert) -> RenderableType:
    """What is shown of an alert."""
    style = STYLES[alert.severity]
    head = Text.assemble(
        (f" {alert.severity.upper()} ", style if alert.severity == "critical" else f"{style} reverse"),
        " ",
        (printable(alert.title), "bold"),
    )
    explanation = Text(printable(alert.explanation))
    facts = Table.grid(padding=(0, 2), expand=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _rows(alert):
        facts.add_row(name, value)
    parts: list[RenderableType] = [Rule(style=style.partition(" on ")[0]), head, "", _indented(explanation)]
    parts += ["", _indented(facts)]
    if alert.innocent_explanations:
        parts += ["", _listed("Innocent explanations to rule out", alert.innocent_explanations, numbered=False)]
    if alert.next_steps:
        parts += ["", _listed("Next steps", alert.next_steps, numbered=True)]
    return Group(*parts, "")


def in_brief(alert: Alert) -> RenderableType:
    """An alert in a heading and its explanation."""
    head = Text.assemble(
        (alert.time[:16].replace("T", " "), "dim"),
        " ",
        (f"{alert.severity.upper():8}", STYLES[alert.severity]),
        f" {_short(alert.subject.name or alert.subject.id)}: ",
        (printable(alert.title), "bold"),
    )
    return Group(head, _indented(Text(printable(alert.explanation))))


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, 2), expand=False)


def _rows(alert: Alert) -> Iterator[tuple[str, Text]]:
    subject, evidence = alert.subject, alert.evidence
    yield subject.kind.replace("_", " ").capitalize(), _named(subject.name, subject.id)
    if subject.blueprint is not None and subject.blueprint != subject.id:
        yield "Blueprint", _named(subject.blueprint_name, subject.blueprint)
    if subject.tenant is not None:
        yield "Tenant", Text(printable(subject.tenant))
    yield "Time", Text(_when(evidence, alert.time))
    measured = _measured(alert)
    if measured:
        yield "Evidence", Text(measured)
    if alert.rate is not None:
        yield "Rarity", Text(f"without an attack an agent shows the like on one day in {1 / alert.p_value:,.0f}")
    if evidence.addresses:
        yield "Addresses", Text(printable(", ".join(evidence.addresses)))
    details = _details(alert)
    if details:
        yield "Details", Text(details)
    others = {each.id: each for each in reversed(alert.entities) if each.id not in {subject.id, subject.blueprint}}
    if others:
        yield "Concerns", Text("\n").join(_entity(each) for each in reversed(others.values()))
    if evidence.record_ids:
        yield "Records", Text(_records(evidence.record_ids))
    techniques = _techniques(alert.attack)
    if techniques:
        yield "ATT&CK", Text(techniques)
    yield "Detector", Text(f"{printable(alert.detector)} ({', '.join(alert.catalogue_ids)})")
    yield "Runbook", Text(printable(alert.runbook))
    yield "Alert id", Text(printable(alert.id))
    if alert.incident is not None:
        yield "Incident", Text(printable(alert.incident))


def _named(name: str | None, identifier: str) -> Text:
    shown = _short(identifier)
    if name is None:
        return Text(shown)
    return Text.assemble((_short(name), "bold"), f"  {shown}")


def _entity(entity: Entity) -> Text:
    return Text(f"{printable(entity.kind).replace('_', ' ')} ").append_text(_named(entity.name, entity.id))


def _details(alert: Alert) -> str:
    """Facts that no other row shows."""
    subject = alert.subject
    known = {subject.id, subject.name, subject.blueprint, subject.blueprint_name, *alert.evidence.addresses}
    for entity in alert.entities:
        known |= {entity.id, entity.name}
    return "\n".join(
        f"{printable(name).replace('_', ' ')}: {_shown(fact)}"
        for name, fact in alert.evidence.details.items()
        if name not in _HIDDEN and fact is not None and fact not in known
    )


def _when(evidence: Evidence, time: str) -> str:
    span = (time,) if evidence.first_seen == evidence.last_seen else (evidence.first_seen, evidence.last_seen)
    return " to ".join(moment.replace("T", " ").removesuffix("Z") for moment in span) + " UTC"


def _measured(alert: Alert) -> str:
    """What was seen beside what is usual; nothing where nothing is counted."""
    evidence = alert.evidence
    if not evidence.seen and not evidence.baseline and not alert.score:
        return ""
    unit = printable(evidence.unit)
    text = f"{evidence.observed:,g} {unit.removesuffix('s') if evidence.observed == 1 else unit}"
    text += f", usually {evidence.baseline:,g}; learned from {evidence.seen:,g} active periods"
    return f"{text}; p = {alert.p_value:.2g}" if alert.score and alert.rate is None else text


def _records(record_ids: tuple[str, ...]) -> str:
    lines = [_short(record_id) for record_id in record_ids[:RECORDS_SHOWN]]
    more = len(record_ids) - RECORDS_SHOWN
    return "\n".join(lines) + (f"\nand {more:,} more" if more > 0 else "")


def _techniques(attack: Attack) -> str:
    text = ", ".join(attack.v18_1)
    return text if attack.v19 == attack.v18_1 else f"{text} (v18.1); {', '.join(attack.v19)} (v19)"


def _shown(fact: Fact) -> str:
    if isinstance(fact, tuple):
        return ", ".join(_short(part) for part in fact) or "none"
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, float):
        return f"{fact:,g}"
    return _short(str(fact))


def _short(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _NAME_CHARS else shown[: _NAME_CHARS - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _listed(title: str, sentences: tuple[str, ...], *, numbered: bool) -> RenderableType:
    lines = Table.grid(padding=(0, 1))
    lines.add_column(justify="right", no_wrap=True, style="dim")
    lines.add_column(overflow="fold")
    for number, sentence in enumerate(sentences, 1):
        lines.add_row(f"{number}." if numbered else "-", Text(printable(sentence)))
    return Group(_indented(Text(title, style="bold")), _indented(lines))


class TerminalSink:
    """A terminal as a sink of the live service."""

    name: Final = "terminal"
    terms: Final = Terms(batch=50)

    def __init__(self, terminal: Terminal) -> None:
        self._terminal: Final = terminal

    async def deliver(self, batch: Sequence[Alert]) -> Outcome:
        """Shows a batch; in a thread, because a terminal may be slow."""
        ids = [alert.id for alert in batch]
        try:
            await asyncio.to_thread(self._show, batch)
        except OSError:
            return all_of(ids, Retry("write_failed"))
        return all_of(ids, DELIVERED)

    async def close(self) -> None:
        """Leaves the terminal as it is."""

    def _show(self, batch: Sequence[Alert]) -> None:
        for alert in batch:
            self._terminal.deliver(alert)
