"""Law: judging leaves no trace: detectors are pure, and which of them are enabled changes no memory."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given

from detector.detectors.registry import DETECTORS
from detector.domain.alerts import Entity, Subject
from detector.domain.signals import Signal
from detector.engine.settings import EngineSettings
from tests.laws.streams import Factory, Stream, few, fixed, real, remembered, streams
from tests.stories import tell


def silenced(settings: EngineSettings) -> EngineSettings:
    """The settings with every detector disabled."""
    return replace(settings, detectors=tuple(replace(each, enabled=False) for each in settings.detectors))  # type: ignore[type-var]


def signals_of(factory: Factory, stream: Stream) -> list[Signal]:
    """All signals that the engine hands to detectors."""
    engine = factory(stream.settings, None)
    seen: list[Signal] = []
    pass_on = engine.saying.tell

    def note(signal: Signal, tenant: str, subject: Subject, related: tuple[Entity, ...] = ()) -> None:
        seen.append(signal)
        pass_on(signal, tenant, subject, related)

    engine.saying.tell = note  # type: ignore[method-assign]
    tell(engine, stream.events)
    engine.finish()
    return seen


def check(factory: Factory, stream: Stream) -> None:
    """Memory with all detectors equals memory with none; each detector says twice the same of every signal."""
    loud, quiet = factory(stream.settings, None), factory(silenced(stream.settings), None)
    tell(loud, stream.events)
    assert tell(quiet, stream.events) == []
    told = ["said", "weighed"]  # What was said, and how often: it decides what is sent, not what is found.
    assert remembered(loud, without=told) == remembered(quiet, without=told)
    for signal in signals_of(factory, stream):
        for detector in stream.settings.detectors:
            if signal.kind in detector.reads:
                assert detector.judge(signal) == detector.judge(signal)


@few
@given(streams())
def test_judging_leaves_no_trace(stream: Stream) -> None:
    check(real, stream)


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_detector_is_a_frozen_bag_of_thresholds(detector: type) -> None:
    with pytest.raises(FrozenInstanceError):
        detector().enabled = False


def test_the_generator_reaches_every_kind_of_signal_and_every_detector() -> None:
    """Without this the laws would hold for want of anything to say."""
    kinds: set[str] = set()
    said: set[str] = set()
    for seed in (0, 1, 2, 3):
        stream = fixed(seed)
        kinds.update(signal.kind for signal in signals_of(real, stream))
        engine = real(stream.settings)
        said.update(alert.detector for alert in [*tell(engine, stream.events), *engine.finish()])
    # A gap of a log category follows from bodies, not from events, and an unusual hour from a model: test_log_gap.py
    # and test_hours.py hold them to the laws.
    others = {"log_gap", "unusual_hour"}
    assert kinds | others == {kind for detector in DETECTORS for kind in detector.reads}
    assert len(kinds) == 29
    assert said | others == {detector.name for detector in DETECTORS}
