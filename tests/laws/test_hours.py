"""The laws hold with a model as well: what it is told of an hour depends on the records alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from zlib import crc32

from hypothesis import given

from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.engine.state import State
from detector.features.hours import Judged, Row
from tests.laws import test_arrival_order, test_batches, test_duplicates, test_restart
from tests.laws.streams import Stream, few, streams


class Touchy:
    """Finds every hour unusual, and by how much depends on every digit of its row."""

    name = "touchy/1"
    min_seen = 3.0
    shadow = False

    def judge(self, hour: int, rows: Sequence[Row], least: float) -> Sequence[Judged]:
        assert 0.0 < least < 1.0
        return [Judged(10.0 ** -(4 + 3 * (crc32(repr((hour, row)).encode()) % 60)), (("gap", 1.0),)) for row in rows]

    def stability(self) -> Mapping[str, float]:
        return {}


def touchy(settings: EngineSettings, state: State | None) -> Engine:
    return Engine(replace(settings, model=Touchy()), state)


@few
@given(streams())
def test_rows_do_not_depend_on_the_order_of_arrival(stream: Stream) -> None:
    test_arrival_order.check(touchy, stream)


@few
@given(streams())
def test_rows_do_not_depend_on_batches(stream: Stream) -> None:
    test_batches.check(touchy, stream)


@few
@given(streams())
def test_rows_do_not_depend_on_copies(stream: Stream) -> None:
    test_duplicates.check(touchy, stream)


@few
@given(streams())
def test_rows_do_not_depend_on_restarts(stream: Stream) -> None:
    test_restart.check(touchy, stream)
