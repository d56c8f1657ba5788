"""One corpus through the real engine: what `agent-detector replay` does, with its alerts kept in short form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from bench.quality.calibration import Calibration, Spoken, Tap
from bench.quality.corpus import bodies_of, seconds, truth_of
from detector.config.build import decoder_settings
from detector.config.load import load
from detector.config.settings import ModelSettings
from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.domain.findings import SEVERITIES
from detector.engine import budgeting, compiled
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.models.in_use import judging
from detector.runtime.replay import replay
from detector.sources.chunk import Chunk

_LONGEST: Final = 8 * 3_600.0


class Told(msgspec.Struct, frozen=True):
    """What measuring needs of an alert."""

    id: str
    time: float
    since: float
    """Where what it rests on begins; eight hours before its time at the earliest."""
    detector: str
    kind: str
    """What it is counted with, see `detector.features.budget`."""
    catalogue_ids: tuple[str, ...]
    severity: int
    """Place in `SEVERITIES`."""
    score: float
    subject: str
    """Tenant-wide unique: kind and id."""
    blueprint: str | None
    ids: frozenset[str]
    """The subject and the objects concerned; of an agent's alert not its blueprint, which would excuse its siblings."""
    record_ids: tuple[str, ...]
    incident: str
    """The detector's own notion: one blueprint (or other key) and day."""
    explanation: str


class Run(msgspec.Struct, frozen=True):
    """What came of a replay."""

    told: list[Told]
    held: list[Told]
    """What the budget holds back."""
    received: int
    seconds: float
    late: int
    calibration: Calibration | None = None
    """Of the p-values of alerts, sent or held back."""
    tails: Calibration | None = None
    """Of the tail probabilities of models."""


def run(
    place: Path,
    *,
    calibrate: bool = False,
    settings: EngineSettings | None = None,
    model: str | None = None,
    inspect: Callable[[Engine], None] | None = None,
) -> Run:
    """Replay a corpus with its own configuration, every detector as shipped.

    Args:
        place: The corpus.
        calibrate: Also measure how right the p-values are; meant for corpora without attacks.
        settings: Other engine settings than those of the corpus, to try something.
        model: A model to judge finished hours with: a directory, or `shipped`.
        inspect: Shown the engine at the end.
    """
    chosen = load(place / "detector.yaml")
    if model is not None:
        chosen = chosen.model_copy(update={"model": ModelSettings(path=model)})
    engine = _engine(judging(chosen) if settings is None else settings, plain=calibrate)
    tap = Tap(engine) if calibrate else None
    spoken = Spoken()
    told: list[Told] = []
    held: list[Told] = []

    def keep(kept: list[Told], alert: Alert) -> None:
        if alert.catalogue_ids:  # roll-ups and the canary are no findings
            spoken.add(alert)
            kept.append(shortened(alert))

    summary = replay(
        chunks_of(place),
        Decoder(**decoder_settings(chosen)),
        engine,
        on_alert=partial(keep, told),
        on_held=partial(keep, held),
    )
    if inspect is not None:
        inspect(engine)
    accounting = summary.accounting
    return Run(
        told=told,
        held=held,
        received=accounting.received,
        seconds=summary.seconds,
        late=accounting.late,
        calibration=spoken.result(_agent_days(place)) if calibrate else None,
        tails=tap.result() if tap is not None else None,
    )


def _agent_days(place: Path) -> int:
    truth = truth_of(place)
    return round(truth.agents * truth.days)


def _engine(settings: EngineSettings, *, plain: bool) -> Engine:
    """An engine; a plain one asks the parts that a tap listens to, which the compiled fold passes by."""
    if not plain:
        return Engine(settings)
    built, compiled.COMPILED = compiled.COMPILED, False
    try:
        return Engine(settings)
    finally:
        compiled.COMPILED = built


def shortened(alert: Alert) -> Told:
    """An alert in short form."""
    subject, time = alert.subject, seconds(alert.time)
    family = subject.kind == "agent"
    return Told(
        id=alert.id,
        time=time,
        since=max(min(seconds(alert.evidence.first_seen), time), time - _LONGEST),
        detector=alert.detector,
        kind=budgeting.kind_of_alert(alert),
        catalogue_ids=alert.catalogue_ids,
        severity=SEVERITIES.index(alert.severity),
        score=alert.score,
        subject=f"{subject.kind}:{subject.id}",
        blueprint=subject.id if subject.kind == "blueprint" else subject.blueprint,
        ids=frozenset({subject.id, *(each.id for each in alert.entities if not (family and each.kind == "blueprint"))}),
        record_ids=alert.evidence.record_ids,
        incident=alert.incident or alert.id,
        explanation=alert.explanation,
    )


def chunks_of(place: Path) -> Iterator[Chunk]:
    """The bodies of a corpus, as a replay takes them."""
    for number, body in enumerate(bodies_of(place)):
        yield Chunk(body, str(place), "body", number + 1)
