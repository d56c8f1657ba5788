"""Which changes a declared pipeline made."""

from __future__ import annotations

from collections.abc import Callable

from detector.domain.events import Change
from detector.features.pipelines import Pipeline, provenance


def trust_of(pipelines: tuple[Pipeline, ...]) -> Callable[[Change], bool]:
    """Whether a change was made by a declared pipeline, from where and when it is declared to work."""

    def trusted(change: Change) -> bool:
        origin = provenance(pipelines, change.actor, change.time)
        return origin.pipeline is not None and origin.deviation is None

    return trusted
