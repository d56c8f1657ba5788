"""Replay: archived records through the same engine as live operation, with the same answers."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import inf
from time import perf_counter, time  # noqa: TID251 - see `moment_of_reading`
from typing import Final

import msgspec

from detector.decode.decoded import Decoded
from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.domain.findings import SEVERITIES
from detector.domain.quarantine import Quarantined
from detector.engine.engine import Engine
from detector.runtime.selection import Selection
from detector.runtime.summary import Summary
from detector.runtime.tally import Tally
from detector.runtime.window import Window
from detector.sources.chunk import Chunk

PROGRESS_EVERY: Final = 32
"""Chunks between two calls of `on_progress`."""
_SWITCH: Final = 0.0005
"""Seconds after which the interpreter's lock is given to a thread that waits for it; 5 ms are usual."""


def moment_of_reading() -> float:
    """Now, in seconds since the epoch: no archived record happened later, whatever it says of itself.

    The one thing that a replay takes from a clock, and only records from the future notice.
    """
    return time()


def replay(  # noqa: PLR0913 - all that a replay depends on, by name
    source: Iterable[Chunk],
    decoder: Decoder,
    engine: Engine,
    *,
    selection: Selection | None = None,
    window: Window | None = None,
    tally: Tally | None = None,
    to_the_end: bool = True,
    on_alert: Callable[[Alert], None],
    on_held: Callable[[Alert], None] | None = None,
    on_quarantine: Callable[[Quarantined], None] | None = None,
    on_decoded: Callable[[Decoded], None] | None = None,
    on_progress: Callable[[], None] | None = None,
) -> Summary:
    """Drives records through decoder and engine to their end.

    Args:
        source: Chunks in order of event time, within the lateness that the engine allows.
        decoder: Turns chunks into events.
        engine: Folds events.
        selection: Which events to look at; all of them by default.
        window: What is judged; all by default. What comes before teaches, and its alerts are only counted.
        tally: Counts of an earlier run that this one continues.
        to_the_end: Whether windows that are still open when the source ends are judged as if they were over. The live
            service does not: it waits for what follows.
        on_alert: Told every alert, in order.
        on_held: Told those that are over the budget, in order, which `on_alert` is not.
        on_quarantine: Told every record that could not be used.
        on_decoded: Told what each piece of the source decoded to, after the engine was.
        on_progress: Called now and then, between two chunks, for a progress bar and for checkpoints.

    Returns:
        What became of the records. Failures of the source are not in it: the source knows them.
    """
    tally = Tally() if tally is None else tally
    window = Window() if window is None else window
    choose = None if selection is None or selection.keeps_all else selection.of
    process = engine.process
    count = 0
    begun, before = perf_counter(), tally.seconds
    with _tuned_interpreter():
        for chunk in source:
            decoded = decode_chunk(decoder, chunk)
            if choose is not None:
                decoded = choose(decoded)
            alerts = process(decoded)
            if alerts:
                tally.tell(alerts, window, on_alert, on_held)
            if on_decoded is not None:
                on_decoded(decoded)
            if decoded.quarantined and on_quarantine is not None:
                for quarantined in decoded.quarantined:
                    on_quarantine(_located(quarantined, chunk))
            if not tally.settled:
                tally.saw(decoded)
            count += 1
            if on_progress is not None and not count % PROGRESS_EVERY:
                tally.seconds = before + perf_counter() - begun
                on_progress()
        if to_the_end:
            tally.tell(engine.finish(), window, on_alert, on_held)
    tally.seconds = before + perf_counter() - begun
    return summary_of(engine, tally)


def summary_of(engine: Engine, tally: Tally) -> Summary:
    """What became of the records so far."""
    latest = engine.state.admission.watermark
    return Summary(
        accounting=engine.accounting,
        first=None if tally.earliest == inf else tally.earliest,
        last=None if latest == -inf else latest,
        severities={severity: tally.severities.get(severity, 0) for severity in SEVERITIES},
        detectors=dict(Counter(tally.detectors).most_common()),
        held=dict(Counter(tally.held).most_common()),
        unknown={name.removeprefix("unknown_"): n for name, n in engine.counters.items() if "unknown_" in name},
        seconds=tally.seconds,
        learned=tally.learned,
        runs=tally.runs,
    )


def decode_chunk(decoder: Decoder, chunk: Chunk) -> Decoded:
    """What one piece of a source decodes to."""
    form = chunk.form
    if form == "body":
        return decoder.body(chunk.data, chunk.place)
    if form == "lines":
        return decoder.lines(chunk.data, chunk.place)
    if form == "rows":
        return decoder.rows(chunk.rows, chunk.place)
    return Decoded([], quarantined=list(chunk.refused))


def _located(quarantined: Quarantined, chunk: Chunk) -> Quarantined:
    """With the line in the file: the decoder counts from the first line of its chunk."""
    if not chunk.line:
        return msgspec.structs.replace(quarantined, place=chunk.place)
    offset = quarantined.place.removeprefix(chunk.place).removeprefix(":")
    line = chunk.line + int(offset) - 1 if offset.isdecimal() else chunk.line
    return msgspec.structs.replace(quarantined, place=f"{chunk.place}:{line}")


@contextmanager
def _tuned_interpreter() -> Iterator[None]:
    """Cyclic garbage hardly ever arises while replaying, so it is looked for rarely and not in what was loaded.

    A thread that hashes has next to nothing to do under the interpreter's lock, but would wait for it 5 ms at every
    step, and so fall behind. Where somebody has frozen what was loaded before, it stays so: nobody can take back his
    own part alone.
    """
    before, frozen, interval = gc.get_threshold(), gc.get_freeze_count(), sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*before)
        if not frozen:
            gc.unfreeze()
