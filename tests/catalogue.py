"""Writes `docs/detections.md` from the catalogue and the registry: `python -m tests.catalogue`.

`tests/config/test_catalogue.py` says when the page is out of date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from detector.cli.main import COMMANDS
from detector.config import catalogue
from detector.config.catalogue import Row
from detector.detectors.registry import DETECTORS

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "detections.md"
_TIERS: Final = ("the first release", "the next", "later")
_LETTERS: Final = (
    "S sign-in logs, A audit logs, R risk records of ID Protection, G Graph activity logs, Z Azure activity logs, "
    "I inventory of the directory, P deployment records and manifest, C the calendar"
)


def claims() -> dict[str, list[str]]:
    """Who claims each row: names of detectors and commands, by row id."""
    found: dict[str, list[str]] = {identifier: [] for identifier in catalogue.rows()}
    for detector in DETECTORS:
        for identifier in detector.catalogue_ids:
            found[identifier].append(detector.name)
    for row in catalogue.rows().values():
        if row.command is not None:
            found[row.id].append(f"command {row.command}")
    return found


def page() -> str:
    """The text of the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    rows = catalogue.rows()
    claimed = claims()
    asked: dict[str, list[str]] = {}
    for sentence in catalogue.sentences().values():
        for identifier in sentence.rows:
            asked.setdefault(identifier, []).append(sentence.id)
    yield "# Detections"
    yield ""
    yield (
        "<!-- Made by `python -m tests.catalogue` from config/catalogue.yaml, config/guide.yaml and the registry. "
        "Do not edit. -->"
    )
    yield ""
    yield f"Every row of the catalogue: {len(rows)}. {_counts(rows, claimed)}"
    yield (
        "[Detectors](detectors/README.md) explains each detector, [coverage](coverage.md) which rows a deployment can "
        "see, and which sentence of the best practices asks for them."
    )
    yield ""
    yield f"Inputs: {_LETTERS}. Techniques are those of MITRE ATT&CK v18.1."
    yield ""
    yield "| row | what is looked for | inputs | tier | asked by | ATT&CK | by |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows.values():
        yield (
            f"| {row.id} | {row.title} | {' '.join(row.inputs)} | {row.tier} | {' '.join(asked[row.id])} "
            f"| {' '.join(row.techniques) or 'hygiene'} | {_by(row, claimed[row.id])} |"
        )


def _counts(rows: dict[str, Row], claimed: dict[str, list[str]]) -> str:
    told = []
    for tier, name in enumerate(_TIERS):
        ids = [row.id for row in rows.values() if row.tier == tier]
        done = sum(1 for identifier in ids if claimed[identifier])
        told.append(f"tier {tier} ({name}): {done} of {len(ids)} claimed")
    return "; ".join(told).capitalize() + "."


def _by(row: Row, claimed: list[str]) -> str:
    if row.command is not None:
        return f"`agent-detector {row.command}`" + ("" if row.command in COMMANDS else " (planned)")
    return ", ".join(f"[{name}](detectors/{name}.md)" for name in claimed) or "planned"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
