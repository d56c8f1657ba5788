"""What an examination says: one result for each check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from detector.sinks.encoding import printable

Verdict = Literal["ok", "warning", "failed", "not checked"]
"""Nothing to do; look at it; the service cannot do its work like this; not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of one check. No text of it ever holds a secret."""

    check: str
    """Name of the check, e.g. `hub.rights` or `sink:pager`."""
    verdict: Verdict
    found: str
    """What was seen: a sentence."""
    meaning: str = ""
    """What that means for the service; empty when nothing is wrong."""
    advice: str = ""
    """What to do; empty when there is nothing to be done."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Numbers and names behind it, as JSON can hold them."""


@dataclass(frozen=True, slots=True)
class Report:
    """All results, in the order in which they are best read."""

    results: tuple[Result, ...]
    seconds: float
    """How long the examination took."""

    @property
    def failed(self) -> bool:
        """Whether any check failed."""
        return any(result.verdict == "failed" for result in self.results)

    def document(self) -> dict[str, Any]:
        """The report as JSON can hold it; a text from outside has no character in it that a terminal would obey."""
        counts: dict[str, int] = {"ok": 0, "warning": 0, "failed": 0, "not checked": 0}
        for result in self.results:
            counts[result.verdict] += 1
        return {
            "ok": not self.failed,
            "seconds": round(self.seconds, 2),
            "counts": counts,
            "checks": [_document(result) for result in self.results],
        }


def unchecked(check: str, why: str) -> Result:
    """A check that could not be made."""
    return Result(check=check, verdict="not checked", found=why)


def ago(seconds: float) -> str:
    """A span of time in words, as exact as a person wants it."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} seconds"


def _document(result: Result) -> dict[str, Any]:
    return {
        "check": result.check,
        "verdict": result.verdict,
        "found": printable(result.found),
        "meaning": printable(result.meaning),
        "advice": printable(result.advice),
        "details": dict(result.details),
    }
