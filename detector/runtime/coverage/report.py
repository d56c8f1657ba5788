"""The coverage of a deployment as a document, and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from detector.config import catalogue
from detector.engine.naming import rfc3339
from detector.runtime.coverage.judging import (
    Coverage,
    InputStatus,
    JudgedInput,
    JudgedRow,
    JudgedSentence,
    RowState,
    SentenceState,
)
from detector.runtime.coverage.observed import Observed

INPUT_WORDS: Final[dict[InputStatus, str]] = {
    "seen": "comes",
    "declared": "there",
    "unknown": "not looked at",
    "silent": "nothing came",
    "missing": "not connected",
}
ROW_WORDS: Final[dict[RowState, str]] = {
    "watched": "watched",
    "unconfirmed": "on, input not looked at",
    "no_input": "on, no such input came",
    "not_seen": "not seen without",
    "off": "switched off",
    "planned": "not built yet",
}
SENTENCE_WORDS: Final[dict[SentenceState, str]] = {
    "watched": "watched",
    "partly": "partly",
    "unconfirmed": "not confirmed",
    "not_watched": "not watched",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was looked at."""

    config: str | None
    store: str | None
    paths: tuple[str, ...]
    observed: Observed | None


def document(coverage: Coverage, looked: Looked) -> dict[str, Any]:
    """The coverage as JSON can hold it."""
    observed = looked.observed
    return {
        "looked_at": {"configuration": looked.config, "store": looked.store, "archive": list(looked.paths)},
        "newest_record": None if observed is None or observed.newest is None else rfc3339(observed.newest),
        "records": None if observed is None or observed.counters is None else dict(observed.counters),
        "counts": _counts(coverage),
        "sentences": [
            {
                "id": each.sentence.id,
                "asks": each.sentence.asks,
                "state": each.state,
                "rows": {row.row.id: row.state for row in each.rows},
            }
            for each in coverage.sentences
        ],
        "rows": [_row(row) for row in coverage.rows],
        "inputs": [_input(each) for each in coverage.inputs],
    }


def _counts(coverage: Coverage) -> dict[str, dict[str, int]]:
    sentences: Counter[str] = Counter(each.state for each in coverage.sentences)
    rows: Counter[str] = Counter(each.state for each in coverage.rows)
    return {
        "sentences": {state: sentences[state] for state in SENTENCE_WORDS},
        "rows": {state: rows[state] for state in ROW_WORDS},
    }


def _row(each: JudgedRow) -> dict[str, Any]:
    last = each.raised
    return {
        "id": each.row.id,
        "title": each.row.title,
        "tier": each.row.tier,
        "state": each.state,
        "by": each.by,
        "needs": [list(alternatives) for alternatives in each.row.needs],
        "lacking": list(each.lacking),
        "connect": [catalogue.inputs()[name].connect for name in each.lacking],
        "alerts": None if last is None else last.alerts,
        "last_alert": None
        if last is None
        else {"id": last.last_id, "time": rfc3339(last.last), "severity": last.last_severity},
    }


def _input(each: JudgedInput) -> dict[str, Any]:
    return {
        "name": each.input.name,
        "title": each.input.title,
        "status": each.status,
        "last": None if each.last is None else rfc3339(each.last),
        "categories": {name: None if time is None else rfc3339(time) for name, time in each.latest.items()},
        "connect": each.input.connect,
    }


# ---------------------------------------------------------------------------------------------- as text


def by_state(rows: Iterable[JudgedRow]) -> Iterator[tuple[RowState, str]]:
    """The rows of one state after the other, in words: `watched`, `D10 D11 api_novelty, D12 undeclared_resource`."""
    rows = list(rows)
    for state in ROW_WORDS:
        groups: dict[str, list[str]] = {}
        for row in rows:
            if row.state == state:
                groups.setdefault(_by_and_lack(row), []).append(row.row.id)
        if groups:
            yield state, ", ".join(f"{' '.join(ids)}{what}" for what, ids in groups.items())


def _by_and_lack(row: JudgedRow) -> str:
    if row.by is None:
        return ""
    if row.state in {"not_seen", "no_input"}:
        return f" {row.by} ({_titles(row.lacking)})"
    return f" {row.by}"


def _titles(names: Iterable[str]) -> str:
    titles = [catalogue.inputs()[name].title for name in names]
    return ", ".join(title[0].lower() + title[1:] for title in titles)


def results(rows: Iterable[JudgedRow]) -> list[JudgedRow]:
    """One row for each detector that has alerts, the latest alert first."""
    found = {row.by: row for row in rows if row.raised is not None}
    return sorted(found.values(), key=lambda row: (0.0 if row.raised is None else -row.raised.last, row.by or ""))


def summary(coverage: Coverage) -> str:
    """The counts in a sentence."""
    counts = _counts(coverage)
    sentences, rows = counts["sentences"], counts["rows"]
    told = ", ".join(f"{number} {SENTENCE_WORDS[state]}" for state, number in sentences.items() if number)  # type: ignore[index]
    return (
        f"{len(coverage.sentences)} sentences of the best practices: {told}. "
        f"{rows['watched']} of {len(coverage.rows)} checks have what they need."
    )


def looked_at(looked: Looked) -> str:
    """Where the answer comes from, and how much it is worth."""
    parts = [looked.config or "the built-in configuration"]
    if looked.store is not None:
        parts.append(f"the store {looked.store}")
    parts += looked.paths
    text = f"Looked at {', '.join(parts)}."
    if looked.observed is None:
        return text + " Which logs come cannot be told from the configuration: give --store, or an archive."
    if looked.observed.newest is not None:
        text += f" The newest record is of {rfc3339(looked.observed.newest)[:16].replace('T', ' ')} UTC."
    return text


def markdown(coverage: Coverage, looked: Looked) -> str:
    """The coverage as a page."""
    return "\n".join(_markdown(coverage, looked)) + "\n"


def _markdown(coverage: Coverage, looked: Looked) -> Iterator[str]:
    yield from ("# Coverage", "", summary(coverage), "", _cell(looked_at(looked)), "")
    yield from ("| | asked for | state | checks |", "| --- | --- | --- | --- |")
    yield from map(_markdown_sentence, coverage.sentences)
    yield from ("", "## Inputs", "", "| input | status | newest record | what to do |", "| --- | --- | --- | --- |")
    for each in coverage.inputs:
        there = each.status in {"seen", "declared"}
        last = "" if each.last is None else rfc3339(each.last)
        advice = "" if there else each.input.connect
        yield f"| {each.input.title} | {INPUT_WORDS[each.status]} | {last} | {advice} |"
    found = results(coverage.rows)
    if found:
        yield from ("", "## Last results", "", "| detector | alerts | last | evidence |", "| --- | --- | --- | --- |")
        for row in found:
            assert row.raised is not None, "only such rows are results"
            last = f"{rfc3339(row.raised.last)}, {row.raised.last_severity}"
            yield f"| {row.by} | {row.raised.alerts} | {last} | `agent-detector alerts show {row.raised.last_id}` |"
    yield from (
        "",
        "## Checks",
        "",
        "| row | what is looked for | tier | state | by |",
        "| --- | --- | --- | --- | --- |",
    )
    for row in coverage.rows:
        yield f"| {row.row.id} | {row.row.title} | {row.row.tier} | {row_words(row)} | {row.by or ''} |"


def _markdown_sentence(each: JudgedSentence) -> str:
    checks = "<br>".join(f"{ROW_WORDS[state]}: {text}" for state, text in by_state(each.rows))
    return f"| {each.sentence.id} | {each.sentence.asks} | {SENTENCE_WORDS[each.state]} | {checks} |"


def row_words(row: JudgedRow) -> str:
    """The state of a row, with what is missing."""
    words = ROW_WORDS[row.state]
    if row.state in {"not_seen", "no_input"}:
        return f"{words}: {_titles(row.lacking)}"
    return words


def _cell(text: str) -> str:
    """A text from outside, as Markdown shows it."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
