"""The report as Markdown, for tickets and wikis; nothing out of a record is markup there either."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from detector.domain.alerts import Alert
from detector.report.facts import Dossier, Panel, Story
from detector.report.page import clipped

_AGENTS: Final = 50
_ALERTS: Final = 200
_MARKS: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$^=])")
_LINKS: Final = re.compile(r"(?i)://|@|\bwww(?=\\?\.)|:")


def markdown(dossier: Dossier) -> str:
    """The report. Equal dossiers give equal text."""
    return "\n".join(_lines(dossier)) + "\n"


def plain(text: str) -> str:
    """A text out of a record, so that no reader of Markdown takes it for anything else.

    Punctuation is escaped (CommonMark 2.4), `<`, `>` and `&` are entities, and what readers make
    links or mentions of by themselves (GitHub's autolinks) is broken up by entities.
    """
    escaped = _MARKS.sub(r"\\\1", clipped(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
    return _LINKS.sub(lambda found: "".join(f"&#{ord(char)};" for char in found.group()), escaped)


def _lines(dossier: Dossier) -> Iterator[str]:
    yield f"# {plain(dossier.title)}"
    yield ""
    yield f"{plain(dossier.command)} Made {dossier.generated} by entra-agent-detector {plain(dossier.version)}."
    yield "All times are UTC."
    yield from _section("Summary")
    for sentence in dossier.summary:
        yield plain(sentence)
        yield ""
    yield from _section("Stories")
    for story in dossier.stories:
        yield from _story(story)
    if dossier.more_stories:
        yield f"{dossier.more_stories} lesser stories are left out."
    yield from _section("Agents")
    yield from _table(
        ("agent", "kind", "requests", "refused", "first", "last", "gravest alert"), _agents(dossier.panels)
    )
    yield from _section("Alerts")
    yield from _table(("time", "severity", "detector", "about", "what happened", "records"), _alerts(dossier.alerts))
    left_out = dossier.more_alerts + max(0, len(dossier.alerts) - _ALERTS)
    if left_out:
        yield f"{left_out} more alerts are left out; the machine-readable bundle has them."
    yield from _section("Gaps and confidence")
    yield from (f"- {plain(sentence)}" for sentence in dossier.confidence)
    yield from (f"- No record from {gap.start} to {gap.end}." for gap in dossier.reading.gaps)
    yield from _section("Inputs")
    yield from _table(("input", "bytes", "SHA-256"), _inputs(dossier))
    yield from (f"- Failed: {plain(failure)}" for failure in dossier.reading.failures)
    yield f"Configuration in force: SHA-256 {plain(dossier.configuration)}"


def _inputs(dossier: Dossier) -> Iterator[tuple[str, ...]]:
    for each in dossier.reading.inputs:
        yield plain(each.place), str(each.size or "a pipe"), plain(each.sha256 or "not known")


def _section(title: str) -> tuple[str, ...]:
    return "", f"## {title}", ""


def _story(story: Story) -> Iterator[str]:
    severity = f"{story.severity}: " if story.severity else ""
    yield f"### {severity}{plain(story.title)}"
    yield ""
    yield f"{story.first} to {story.last}"
    yield ""
    for statement in story.statements:
        records = f" (records {', '.join(map(plain, statement.records))})" if statement.records else ""
        yield f"- {plain(statement.text)}{records}"
    yield ""


def _agents(panels: Iterable[Panel]) -> Iterator[tuple[str, ...]]:
    for panel in list(panels)[:_AGENTS]:
        name = f"{panel.name} {panel.id}" if panel.name else panel.id
        counts = str(panel.requests), str(panel.refused)
        yield plain(name), plain(panel.kind), *counts, panel.first, panel.last, panel.severity or ""


def _alerts(alerts: Iterable[Alert]) -> Iterator[tuple[str, ...]]:
    for alert in list(alerts)[:_ALERTS]:
        yield (
            alert.time,
            alert.severity,
            plain(alert.detector),
            plain(alert.subject.name or alert.subject.id),
            plain(alert.title),
            plain(", ".join(alert.evidence.record_ids[:4])),
        )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
