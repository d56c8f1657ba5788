"""Tables that no spreadsheet runs, and Markdown that no reader runs."""

from __future__ import annotations

import csv
import io
import re

import pytest

from detector.report.markdown import markdown, plain
from detector.report.tables import ALERT_HEADS, alert_rows, cell, table
from tests.report.dossiers import dossier, poisoned
from tests.report.hostile import FORMULAS, XSS
from tests.sinks.alerts import alert

RUNS = tuple(
    "=+-@\t\r|%\N{MINUS SIGN}\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH COMMERCIAL AT}"
    "\N{FULLWIDTH HYPHEN-MINUS}"
)


@pytest.mark.parametrize("payload", FORMULAS)
def test_no_cell_of_an_alert_is_a_formula(payload: str) -> None:
    text = table(ALERT_HEADS, alert_rows([poisoned(alert(), payload)]))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 2
    assert len(rows[1]) == len(ALERT_HEADS)
    for value in rows[1]:
        assert not value.lstrip(' \N{NO-BREAK SPACE}"').startswith(RUNS), value
    # Programs that split at other separators, or trim quotation marks, find no formula either.
    assert text.count("\r\n") == 2
    assert "\n" not in text.replace("\r\n", "")


def test_numbers_stay_numbers_and_harmless_texts_stay_what_they_are() -> None:
    assert [cell(-1.5), cell(3), cell("agent-7"), cell(None), cell(True)] == [-1.5, 3, "agent-7", "", "True"]


@pytest.mark.parametrize("payload", [*XSS, *FORMULAS])
def test_no_text_is_markup_in_markdown(payload: str) -> None:
    shown = plain(payload)
    assert "<" not in shown
    assert ">" not in shown
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)[\[\]`*_|#!]", re.sub(r"&#?\w+;", "", shown))
    assert "://" not in shown
    assert "www." not in shown


def test_a_text_cannot_add_a_cell_or_line_to_a_table_of_markdown() -> None:
    lines = [len(markdown(dossier(each)).splitlines()) for each in ("harmless", "a | b\n| c |", "x\r\n# y")]
    assert len(set(lines)) == 1


def test_the_report_as_markdown_has_its_parts() -> None:
    text = markdown(dossier("Invoice triage"))
    for part in ("## Summary", "## Stories", "## Agents", "## Alerts", "## Gaps and confidence", "## Inputs"):
        assert part in text
    assert "### critical: Invoice triage" in text
