"""Which rows of the catalogue a deployment watches, and what is missing for the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from detector.config import catalogue
from detector.config.catalogue import Input, Row, Sentence
from detector.config.manifest import DeclaredSettings, ManifestSettings
from detector.config.settings import Settings
from detector.detectors.registry import DETECTORS
from detector.runtime.coverage.observed import Observed
from detector.stores.overview import Raised

InputStatus = Literal["seen", "declared", "unknown", "silent", "missing"]
"""Records came; the configuration has it; nobody looked; wanted and nothing came; not connected."""

RowState = Literal["watched", "unconfirmed", "no_input", "not_seen", "off", "planned"]
"""At work; at work if its input comes, which nobody looked at; at work without input; needs something that is not
connected; switched off; not built."""

SentenceState = Literal["watched", "partly", "unconfirmed", "not_watched"]

_RANKS: Final[dict[InputStatus, int]] = {"missing": 0, "silent": 1, "unknown": 2, "seen": 3, "declared": 3}
_STATES: Final[tuple[RowState, ...]] = ("not_seen", "no_input", "unconfirmed", "watched")
"""State of a row by the lowest rank of what it needs."""


@dataclass(frozen=True, slots=True)
class JudgedInput:
    """An input, and whether this deployment has it."""

    input: Input
    status: InputStatus
    last: float | None
    """Event time of the newest record."""
    latest: dict[str, float | None]
    """The same for each of its log categories."""


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """A row, and whether this deployment watches it."""

    row: Row
    state: RowState
    by: str | None
    """Detector or command that claims it."""
    lacking: tuple[str, ...]
    """Names of the inputs that are not connected or do not come; of several that would do, the first."""
    raised: Raised | None
    """Stored alerts of its detector, which may have come of another of its rows."""


@dataclass(frozen=True, slots=True)
class JudgedSentence:
    """What the best practices ask, and how much of it is watched."""

    sentence: Sentence
    state: SentenceState
    rows: tuple[JudgedRow, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """All of it."""

    inputs: tuple[JudgedInput, ...]
    rows: tuple[JudgedRow, ...]
    sentences: tuple[JudgedSentence, ...]


def judge(settings: Settings, observed: Observed | None, commands: Collection[str]) -> Coverage:
    """Compares what is asked for with what there is.

    Args:
        settings: The configuration.
        observed: What came; `None` when neither a store nor an archive was looked at.
        commands: Names of the commands of this release.
    """
    inputs = {name: _input(each, settings, observed) for name, each in catalogue.inputs().items()}
    claims = {identifier: detector.name for detector in DETECTORS for identifier in detector.catalogue_ids}
    raised = {} if observed is None or observed.raised is None else observed.raised
    rows: dict[str, JudgedRow] = {}
    for row in catalogue.rows().values():
        by = claims.get(row.id) or (f"agent-detector {row.command}" if row.command in commands else None)
        lacking = tuple(_lacking(row, inputs))
        rows[row.id] = JudgedRow(row, _row_state(row, by, inputs, settings), by, lacking, raised.get(by or ""))
    sentences = (
        _sentence(sentence, tuple(rows[identifier] for identifier in sentence.rows))
        for sentence in catalogue.sentences().values()
    )
    return Coverage(tuple(inputs.values()), tuple(rows.values()), tuple(sentences))


def _input(each: Input, settings: Settings, observed: Observed | None) -> JudgedInput:
    latest = {category: None if observed is None else observed.latest.get(category) for category in each.categories}
    last = max((time for time in latest.values() if time is not None), default=None)
    return JudgedInput(each, _input_status(each, settings, observed, last), last, latest)


def _input_status(each: Input, settings: Settings, observed: Observed | None, last: float | None) -> InputStatus:
    if last is not None:
        return "seen"
    if each.name in _CONFIGURED:
        if not _CONFIGURED[each.name](settings):
            return "missing"
        if not each.categories:
            return "declared"
    elif not each.categories:
        return "missing"
    return "unknown" if observed is None else "silent"


def _row_state(row: Row, by: str | None, inputs: dict[str, JudgedInput], settings: Settings) -> RowState:
    if by is None:
        return "planned"
    block = getattr(settings.detectors, by, None)
    if block is not None and not block.enabled:
        return "off"
    return _STATES[min(max(_RANKS[inputs[name].status] for name in alternatives) for alternatives in row.needs)]


def _lacking(row: Row, inputs: dict[str, JudgedInput]) -> Iterator[str]:
    for alternatives in row.needs:
        if all(inputs[name].status in {"missing", "silent"} for name in alternatives):
            yield alternatives[0]


def _sentence(sentence: Sentence, rows: tuple[JudgedRow, ...]) -> JudgedSentence:
    states = {row.state for row in rows}
    state: SentenceState = "not_watched"
    if states == {"watched"}:
        state = "watched"
    elif "watched" in states:
        state = "partly"
    elif "unconfirmed" in states:
        state = "unconfirmed"
    return JudgedSentence(sentence, state, rows)


# ------------------------------------------------------------------------------------------- the configuration


def _entries(manifest: ManifestSettings | None) -> Iterable[DeclaredSettings]:
    return () if manifest is None else (*manifest.agents, *manifest.blueprints)


def _knows_environments(settings: Settings) -> bool:
    manifest = settings.manifest
    attribute = manifest is not None and manifest.environment_attribute is not None
    return attribute or any(entry.environment is not None for entry in _entries(manifest))


_CONFIGURED: Final[dict[str, Callable[[Settings], bool]]] = {
    "inventory": lambda settings: settings.inventory is not None,
    "evidence": lambda settings: settings.evidence is not None,
    "workload_signins": lambda settings: settings.scope == "workloads",
    "pipelines": lambda settings: bool(settings.pipelines),
    "manifest": lambda settings: settings.manifest is not None,
    "declared_resources": lambda settings: any(each.resources is not None for each in _entries(settings.manifest)),
    "declared_egress": lambda settings: any(each.egress is not None for each in _entries(settings.manifest)),
    "azure_egress": lambda settings: settings.manifest is not None and settings.manifest.azure_egress is not None,
    "environments": _knows_environments,
    "production_resources": lambda settings: (
        settings.manifest is not None and bool(settings.manifest.production_resources)
    ),
    "handshakes": lambda settings: any(each.handshake == "required" for each in _entries(settings.manifest)),
}
"""Inputs that are connected by the configuration, and whether they are. All others are log categories."""
