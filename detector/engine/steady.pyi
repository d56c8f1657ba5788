"""The compiled part; see `steady.pyx`."""

from collections.abc import Sequence

from detector.domain.events import Event
from detector.engine.folding import Folded, Steps

def times_of(events: Sequence[Event]) -> tuple[float, float] | None: ...
def copies(ids: set[int], digests: list[int]) -> list[int]: ...

class Compiled:
    """Folds stretches of events as `folding.Plain` does."""

    def __init__(self, steps: Steps) -> None: ...
    def fold(self, events: Sequence[Event], newest: float, lateness: float) -> Folded: ...
