"""Tables as CSV that no spreadsheet takes for formulas (OWASP, CSV Injection)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from detector.domain.alerts import Alert
from detector.domain.printing import printable

_TRIGGERS: Final = frozenset(
    "=+-@\t\r\n|%\N{MINUS SIGN}\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH COMMERCIAL AT}"
    "\N{FULLWIDTH HYPHEN-MINUS}"
)
"""Characters that make a cell a formula, or a command, for one spreadsheet or another."""

ALERT_HEADS: Final = (
    "id", "time", "severity", "detector", "catalogue_ids", "subject_kind", "subject_id", "subject_name", "blueprint",
    "tenant", "title", "explanation", "observed", "baseline", "unit", "first_seen", "last_seen", "record_ids",
    "addresses", "incident",
)  # fmt: skip


def cell(value: object) -> str | int | float:
    """A value as a cell. Numbers stay numbers; a text that a spreadsheet could run begins with an apostrophe.

    The apostrophe comes before what is shown, spaces and quotation marks at the beginning included, because some
    programs trim them before they look.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = printable("" if value is None else str(value))
    bare = text.lstrip(" \N{NO-BREAK SPACE}\"'")
    return f"'{text}" if bare[:1] in _TRIGGERS and bare else text


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV (RFC 4180) with every text in quotes, so that no separator of any program ends a cell early."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows([cell(value) for value in row] for row in rows)
    return written.getvalue()


def alert_rows(alerts: Iterable[Alert]) -> Iterable[tuple[object, ...]]:
    """One row an alert, under `ALERT_HEADS`."""
    for alert in alerts:
        subject, evidence = alert.subject, alert.evidence
        yield (
            alert.id, alert.time, alert.severity, alert.detector, " ".join(alert.catalogue_ids), subject.kind,
            subject.id, subject.name, subject.blueprint, subject.tenant, alert.title, alert.explanation,
            evidence.observed, evidence.baseline, evidence.unit, evidence.first_seen, evidence.last_seen,
            " ".join(evidence.record_ids), " ".join(evidence.addresses), alert.incident,
        )  # fmt: skip
