"""Training: archives through the engine, whose finished hours become a frame, and a model of it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from detector.decode.decoder import Decoder
from detector.engine.engine import Engine
from detector.features.hours import PARTS, Judged, Row
from detector.runtime.replay import replay

if TYPE_CHECKING:
    import pandas as pd

    from detector.engine.settings import EngineSettings
    from detector.runtime.summary import Summary
    from detector.sources.chunk import Chunk

MIN_SEEN: Final = 24.0
"""Active hours that an agent must have shown before its hours are judged, and before they teach."""
_ORDINARY: Final = Judged(1.0, ())


class Recorder:
    """Keeps rows instead of judging them; see `detector.features.hours.Model`."""

    name: Final = "recorder"
    min_seen: Final = MIN_SEEN
    shadow: Final = True

    def __init__(self) -> None:
        self.hours: Final = array("q")
        self.rows: Final = array("d")

    def judge(self, hour: int, rows: Sequence[Row], least: float) -> Sequence[Judged]:  # noqa: ARG002 -- the interface
        """Keeps the rows of one hour."""
        for row in rows:
            self.hours.append(hour)
            self.rows.extend(row)
        return [_ORDINARY] * len(rows)

    def stability(self) -> Mapping[str, float]:
        """Nothing was seen in training yet."""
        return {}


def recorded(
    source: Iterable[Chunk],
    decoder: Decoder,
    settings: EngineSettings,
    recorder: Recorder,
    on_progress: Callable[[], None] | None = None,
) -> Summary:
    """Reads an archive to its end and keeps the rows of its hours."""
    engine = Engine(replace(settings, model=recorder, budget=None, detectors=()))
    return replay(source, decoder, engine, on_alert=_nothing, on_progress=on_progress)


def frame_of(recorder: Recorder) -> pd.DataFrame:
    """The rows as a frame: a column for each part, and `hour`."""
    import numpy as np
    import pandas as pd

    rows = np.frombuffer(recorder.rows, dtype=float).reshape(-1, len(PARTS))
    frame = pd.DataFrame(rows, columns=list(PARTS))
    frame["hour"] = np.frombuffer(recorder.hours, dtype=np.int64)
    return frame


def _nothing(_: object) -> None:
    """Alerts are not asked for."""
