"""What a replay did, in numbers and in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from detector.domain.accounting import Accounting
from detector.domain.findings import SEVERITIES

LATE_SHARE: Final = 0.001
"""Share of late records from which on a person is told."""


class Summary(msgspec.Struct):
    """Everything that a person may ask after a replay; see `document` for its form as JSON."""

    accounting: Accounting
    first: float | None
    """Least event time, seconds since the epoch, UTC; `None` without events."""
    last: float | None
    """Greatest event time."""
    severities: dict[str, int]
    """Alerts by severity, in rising order, zeros included."""
    detectors: dict[str, int]
    """Alerts by detector, the most frequent first."""
    unknown: dict[str, int]
    """Spellings and categories never seen before, and in how many records."""
    seconds: float
    """Wall-clock time, finding and reading the files included."""
    held: dict[str, int] = {}
    """Alerts over the budget, by detector, the most frequent first; they are not among the others."""
    failures: list[str] = []
    """Files that could not be read, or not to their end: `path: sentence`."""
    notes: list[str] = []
    """What to do better, in sentences."""
    learned: int = 0
    """Alerts about the time before the window, which were not told."""
    runs: int = 1
    """In how many runs it was read: one more than the times it was interrupted."""
    baseline: dict[str, Any] = {}
    """What was known when judging began, see `detector.runtime.baseline`."""

    @property
    def alerts(self) -> int:
        """How many alerts were raised."""
        return sum(self.severities.values())

    def raised(self, least: str) -> bool:
        """Whether an alert at or above this severity was raised."""
        order: tuple[str, ...] = SEVERITIES
        return any(self.severities[severity] for severity in order[order.index(least) :])

    def document(self) -> dict[str, Any]:
        """The summary as JSON can hold it."""
        accounting = self.accounting
        return {
            "records": {
                "received": accounting.received,
                "applied": accounting.applied,
                "duplicate": accounting.duplicate,
                "late": accounting.late,
                "filtered": dict(sorted(accounting.filtered.items())),
                "quarantined": dict(sorted(accounting.quarantined.items())),
            },
            "balanced": accounting.balanced(),
            "first_event": utc(self.first),
            "last_event": utc(self.last),
            "alerts": {
                "total": self.alerts,
                "by_severity": self.severities,
                "by_detector": self.detectors,
                "held_back": self.held,
            },
            "baseline": {**self.baseline, "alerts_not_told": self.learned} if self.baseline else None,
            "runs": self.runs,
            "unknown": self.unknown,
            "failed_files": self.failures,
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
            "records_per_second": round(accounting.received / self.seconds) if self.seconds else 0,
        }


def utc(time: float | None) -> str | None:
    """RFC 3339 text, whole seconds."""
    if time is None:
        return None
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def notes(summary: Summary, *, disordered: Sequence[str], ignored: Sequence[str], lateness: float) -> Iterator[str]:
    """Sentences about what was less than perfect.

    Args:
        summary: What happened.
        disordered: Inputs that were seen to be out of order.
        ignored: Files in directories that were not read because of their ending.
        lateness: What the configuration allows, in seconds.
    """
    accounting = summary.accounting
    late, quarantined = accounting.late, accounting.quarantined.total()
    if not accounting.received:
        yield "There was not a single record in the input."
    elif not accounting.applied:
        yield (
            "No record concerned an agent. Check `scope` in the configuration, and that the input holds sign-in, "
            "audit or risk logs of Entra."
        )
    if late and late >= accounting.received * LATE_SHARE:
        share = f"{late:,} of {accounting.received:,} records ({late / accounting.received:.1%})"
        if disordered:
            yield f"{share} came too late to be judged: {_few(disordered)} is not in order of time. Use --sort."
        else:
            yield (
                f"{share} came more than {lateness / 60:g} minutes behind newer ones and were not judged. "
                "Use --sort, or raise `lateness`."
            )
    if quarantined:
        worst = ", ".join(f"{n:,} {reason}" for reason, n in accounting.quarantined.most_common(3))
        yield f"Records that could not be used: {quarantined:,} ({worst}). Use --quarantine FILE to look at them."
    if summary.held:
        kinds = _few([f"{n:,} {name}" for name, n in summary.held.items()])
        yield f"Held back, because alerts like them come too often: {kinds}. Use --held FILE to look at them."
    if summary.unknown:
        names = _few([name for name, _ in sorted(summary.unknown.items(), key=lambda item: -item[1])])
        yield f"Unknown in this release: {names}. Records of unknown categories were left out."
    if ignored:
        yield f"Not read because of their ending: {_few(ignored)}."


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3:,} more"
