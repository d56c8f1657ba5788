"""Runs of deployment pipelines: what evidence says of them, and which changes they explain.

A run is told of several times: queued, begun, ended. All of it is kept, because a question about a change is answered
with what was recorded until a fixed moment after the change, and not with what has arrived by chance.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

import msgspec

from detector.domain.events import Deployment
from detector.features.pipelines import Pipeline
from detector.features.timeline import DAY

KEPT: Final = 30 * DAY
"""Seconds of event time that a run is kept behind the newest record."""

CAPACITY: Final = 5_000
"""Runs of one tenant that are kept: those that began last."""

LONGEST: Final = float(DAY)
"""Seconds that a run lasts at most: one that nobody said has ended explains nothing after them."""

_SAID: Final = 16
"""Records of one run that are kept: the earliest."""

_OVER: Final = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """How evidence and changes are matched."""

    margin: float = 600.0
    """Seconds before its start and after its end in which a change still belongs to a run."""
    wait: float = 600.0
    """Seconds of event time after a change in which evidence of it must have been recorded."""


class Word(msgspec.Struct, frozen=True, gc=False):
    """What one record says of a run."""

    time: float
    record_id: str
    status: str
    started: float | None = None
    finished: float | None = None
    actor_id: str | None = None
    agents: tuple[str, ...] | None = None
    changes: tuple[str, ...] | None = None


class Run(msgspec.Struct, gc=False):
    """One run."""

    pipeline: str
    run_id: str
    words: list[Word] = []
    """In order of event time."""


class Told(NamedTuple):
    """What was known of a run at some moment."""

    pipeline: str
    run_id: str
    start: float
    """When it began; a run explains no more than the day before its end."""
    end: float
    """When it ended, or when a run that did not end explains nothing any more."""
    status: str
    actors: frozenset[str]
    agents: frozenset[str] | None
    """`None`: it does not say."""
    changes: frozenset[str] | None

    def holds(self, time: float, margin: float) -> bool:
        """Whether it ran at `time`, give or take `margin` seconds."""
        return self.start - margin <= time <= self.end + margin

    def lists(self, ids: Collection[str]) -> bool:
        """Whether it changes the agent or blueprint that has these ids; one that names nobody may change everybody."""
        return self.agents is None or not self.agents.isdisjoint(ids)

    def of(self, pipeline: Pipeline) -> bool:
        """Whether it is a run of a declared pipeline: by its name, or by the identity that deploys."""
        return self.pipeline.casefold() == pipeline.name.casefold() or not self.actors.isdisjoint(pipeline.object_ids)


def key_of(deployment: Deployment) -> str:
    """The name under which a run is remembered."""
    return f"{deployment.pipeline}/{deployment.run_id}"


def note(runs: dict[str, Run], deployment: Deployment) -> tuple[bool, str | None]:
    """Remembers what a record says of a run: (whether anything is new, the run that had to make room for it)."""
    word = Word(
        deployment.time,
        deployment.record_id,
        deployment.status,
        deployment.started,
        deployment.finished,
        deployment.actor_id,
        deployment.agents,
        deployment.changes,
    )
    key, gone = key_of(deployment), None
    run = runs.get(key)
    if run is None:
        if len(runs) >= CAPACITY:
            gone, age = min(((each, run.words[0].time) for each, run in runs.items()), key=lambda pair: pair[::-1])
            if (word.time, key) < (age, gone):
                return False, None
            del runs[gone]
        run = runs[key] = Run(deployment.pipeline, deployment.run_id)
    if any(each.record_id == word.record_id for each in run.words):
        return False, gone
    insort(run.words, word, key=_order)
    del run.words[_SAID:]
    return word in run.words, gone


def known(run: Run, by: float) -> Told | None:
    """What had been recorded of a run by a moment; `None` when nothing had."""
    words = [word for word in run.words if word.time <= by]
    if not words:
        return None
    starts = [word.started for word in words if word.started is not None]
    over = [word for word in words if word.status in _OVER]
    start = min(starts) if starts else words[0].time
    ends = [word.time if word.finished is None else min(word.finished, word.time) for word in over]
    end = max(ends) if ends else start + LONGEST
    agents = [word.agents for word in words if word.agents is not None]
    changes = [word.changes for word in words if word.changes is not None]
    return Told(
        run.pipeline,
        run.run_id,
        max(start, end - LONGEST),
        end,
        words[-1].status,
        frozenset(word.actor_id for word in words if word.actor_id is not None),
        frozenset(agents[-1]) if agents else None,
        frozenset(changes[-1]) if changes else None,
    )


def told_by(runs: Mapping[str, Run], by: float, since: float) -> Iterator[Told]:
    """What had been recorded by a moment of the runs that somebody spoke of after `since`, in order of their names."""
    for key in sorted(runs):
        run = runs[key]
        if run.words[-1].time >= since:
            told = known(run, by)
            if told is not None:
                yield told


def run_by(runs: Mapping[str, Run], actor_id: str | None, time: float, margin: float) -> str | None:
    """The run, as far as records have come, that was at work at `time` and deploys with an identity."""
    if actor_id is None or not runs:
        return None
    at_work = (told for told in told_by(runs, inf, time - margin - LONGEST) if told.holds(time, margin))
    return next((told.run_id for told in at_work if actor_id in told.actors), None)


def outdated(runs: Mapping[str, Run], watermark: float) -> list[str]:
    """Runs that nobody spoke of for so long that they go."""
    return [key for key, run in runs.items() if run.words[-1].time < watermark - KEPT]


def _order(word: Word) -> tuple[float, str]:
    return word.time, word.record_id
