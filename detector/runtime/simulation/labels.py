"""The truth beside the records: what was staged, on whom, when, and which records show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["obvious", "moderate", "stealthy"]
LEVELS: Final[tuple[Level, ...]] = ("obvious", "moderate", "stealthy")

Family = Literal[
    "volume",
    "resources",
    "network",
    "credential",
    "failures",
    "risk",
    "lifecycle",
    "change",
    "sequence",
    "declared",
    "benign",
]
"""The sections of the detection catalogue, and benign life."""


@dataclass(frozen=True, slots=True)
class Story:
    """A kind of thing that happens in a tenant."""

    name: str
    family: Family
    description: str
    """One sentence."""
    expected: tuple[str, ...] = ()
    """Rows of the detection catalogue that ought to notice it; empty for benign stories."""


@dataclass(frozen=True, slots=True)
class Label:
    """One staging of a story."""

    story: str
    family: Family
    level: Level | Literal["benign"]
    subject_ids: tuple[str, ...]
    """Whom it concerns: agent ids, blueprint application ids, their object ids; lower case, the chief subject first."""
    start: str
    """Event time of the first record, RFC 3339."""
    end: str
    """Event time of the last record, RFC 3339."""
    record_ids: tuple[str, ...]
    """`properties.id` of the malicious records; empty for a benign story, which is spread over ordinary records, and
    where the story is that records are missing."""
    expected: tuple[str, ...]
    """Rows of the detection catalogue that ought to notice it with what is there to see: none where all of them need
    an inventory, deployment records or a manifest that is left out."""
    description: str
