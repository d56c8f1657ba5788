"""The summary of a replay as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from detector.runtime.summary import Summary, utc
from detector.sinks.encoding import printable

FAILURES_SHOWN = 10


def shown(summary: Summary) -> str:
    """The summary for people, without a line end behind the last line."""
    return "\n".join(printable(line) for line in _lines(summary))


def _lines(summary: Summary) -> Iterator[str]:
    accounting = summary.accounting
    rate = f"{accounting.received / summary.seconds:,.0f} records/s" if summary.seconds else ""
    runs = f", {summary.runs} runs" if summary.runs > 1 else ""
    yield f"Records   {accounting.received:,} received in {summary.seconds:,.1f} s ({rate}{runs})"
    fates = [
        f"{accounting.applied:,} applied",
        f"{accounting.duplicate:,} duplicate",
        f"{accounting.late:,} late",
        _by("filtered", accounting.filtered),
        _by("quarantined", accounting.quarantined),
    ]
    yield f"          {', '.join(fates[:3])}"
    yield from (f"          {fate}" for fate in fates[3:] if fate)
    if summary.first is not None and summary.last is not None:
        yield f"Events    {utc(summary.first)} to {utc(summary.last)}"
    if summary.baseline:
        yield f"Judged    {_judged(summary)}"
    said = [f"{n:,} {severity}" for severity, n in reversed(summary.severities.items()) if n]
    yield f"Alerts    {summary.alerts:,}" + (f" ({', '.join(said)})" if said else "")
    for name, n in summary.detectors.items():
        yield f"          {n:>6,}  {name}"
    for failure in summary.failures[:FAILURES_SHOWN]:
        yield f"Failed    {failure}"
    if len(summary.failures) > FAILURES_SHOWN:
        yield f"Failed    and {len(summary.failures) - FAILURES_SHOWN:,} more; use --summary FILE to see all"
    for note in summary.notes:
        yield f"Note      {note}"


def _judged(summary: Summary) -> str:
    """What was judged, and what was known when that began."""
    said = summary.baseline
    since, until = said.get("judged_from"), said.get("judged_until")
    window = " ".join(part for part in (f"from {since}" if since else "", f"to {until}" if until else "") if part)
    match said["kind"]:
        case "snapshot":
            known = f"with the memory of {said['snapshot']}, which reaches to {said['snapshot_until']}"
        case "learned":
            known = f"after learning from {said['days_found']:g} of {said['days_wanted']:g} days before"
        case _:
            known = "without a baseline"
    told = f" ({summary.learned:,} alerts about the time before are not told)" if summary.learned else ""
    return f"{window} {known}{told}"


def _by(fate: str, counts: dict[str, int]) -> str:
    total = sum(counts.values())
    if not total:
        return ""
    parts = ", ".join(f"{n:,} {name}" for name, n in sorted(counts.items(), key=lambda item: -item[1]))
    return f"{total:,} {fate} ({parts})"
