"""One pass over an archive that judges it and answers a question: what a report is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from detector.decode.decoded import Decoded
from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.domain.events import Change
from detector.engine.engine import Engine
from detector.report.facts import Story
from detector.runtime.dossier.gathering import Gathering
from detector.runtime.dossier.stories import answer_story
from detector.runtime.dossier.trail import Trail
from detector.runtime.incident import Answer, Question, Reading
from detector.runtime.replay import replay
from detector.runtime.summary import Summary
from detector.sources.chunk import Chunk


@dataclass(frozen=True, slots=True)
class Investigation:
    """What was found."""

    gathering: Gathering
    answer: Answer
    alerts: list[Alert]
    summary: Summary


def investigate(
    source: Iterable[Chunk],
    decoder: Decoder,
    engine: Engine,
    question: Question,
    *,
    trusted: Callable[[Change], bool],
    on_progress: Callable[[], None] | None = None,
) -> Investigation:
    """Reads an archive to its end, judges all of it, and answers.

    Args:
        source: Chunks in order of event time.
        decoder: Turns chunks into events.
        engine: Judges them; baselines know all that is read, also what lies before the window of the question.
        question: What is asked.
        trusted: Whether a change was made by a declared pipeline.
        on_progress: Called now and then, for a progress bar.
    """
    gathering = Gathering(Trail())
    reading = Reading(question, gathering.trail)
    alerts: list[Alert] = []

    def take(decoded: Decoded) -> None:
        reading.answer.quarantined.update(each.reason for each in decoded.quarantined)
        for event in decoded.events:
            reading.take(event, copy=not gathering.take(event))

    summary = replay(source, decoder, engine, on_alert=alerts.append, on_decoded=take, on_progress=on_progress)
    return Investigation(gathering, reading.answered(trusted), alerts, summary)


def story_of(answer: Answer) -> Story:
    """The answer as the first story of a report."""
    document = answer.document()["question"]
    assert isinstance(document, dict)
    asked = ", ".join(f"{name} {value}" for name, value in document.items() if name in _ASKED)
    edges = answer.followed.chain.edges
    times = [edge.first for edge in edges] + [edge.last for edge in edges] or [""]
    story = answer_story(f"Answer: {asked}", answer.statements, answer.followed.chain, (min(times), max(times)))
    agents = tuple(agent for _, agent in answer.keys)
    return Story(**{name: getattr(story, name) for name in story.__struct_fields__} | {"agents": agents})


_ASKED = ("resource", "network", "credential", "actor")
