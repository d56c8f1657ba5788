"""How the benchmark counts: a reward for each window found early, a cost for each alarm outside of one.

Follows Lavin and Ahmad, *Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark*, ICMLA 2015,
and what the benchmark's own program does where the paper is silent: which is said below.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from math import exp, floor, inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.nab.corpus import Series

FOUND = 1.0
"""What a window is worth that is found in its first row (profile *standard*, as are the next two)."""
MISSED = 1.0
"""What a window costs in which nothing is said."""
FALSE = 0.11
"""What an alarm costs far from every window."""

PROBATION = 0.15
"""Part of a series at its start that is not scored,"""
PROBATION_ROWS = 750
"""but never more rows than this."""

NOWHERE = -1
"""The window of a row that lies in none."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one scored row would bring, were an alarm raised at it."""

    score: float
    gain: float
    window: tuple[str, int]
    """Series and number of the window, or `NOWHERE`."""


def decay(position: float) -> float:
    """Worth of an alarm: nearly 1 where a window begins (-1), 0 where it ends (0), nearly -1 a width later (1)."""
    return 2.0 / (1.0 + exp(5.0 * position)) - 1.0 if position <= 3.0 else -1.0


def probation(rows: int) -> int:
    """Rows at the start that count for nothing."""
    return min(floor(PROBATION * rows), PROBATION_ROWS)


def gains(rows: int, windows: Sequence[tuple[int, int]]) -> list[tuple[float, int]]:
    """For each row what an alarm is worth, and the window that it lies in.

    Inside of a window the reward falls along the sigmoid from its first row (worth `FOUND`) to its last. Outside an
    alarm costs the less the nearer it follows the last window; before the first one it costs all of `FALSE`.
    """
    found = []
    numbered = enumerate(windows)
    window, (first, last) = next(numbered, (NOWHERE, (rows, rows)))
    ended, width = -inf, 1
    for row in range(rows):
        if row > last:
            ended, width = last, last - first
            window, (first, last) = next(numbered, (NOWHERE, (rows, rows)))
        if row < first:
            found.append((FALSE * decay((row - ended) / width), NOWHERE))
        else:
            found.append((FOUND * decay(-(last - row + 1) / (last - first + 1)) / decay(-1.0), window))
    return found


def points(series: Series, scores: Sequence[float]) -> list[Point]:
    """The scored rows of one series.

    Raises:
        ValueError: there is not one score for each row.
    """
    return [
        Point(score, gain, (series.name, window))
        for row, (score, (gain, window)) in enumerate(
            zip(scores, gains(len(series.times), series.windows), strict=True)
        )
        if row >= probation(len(series.times))
    ]


def total(scored: Iterable[Point], threshold: float) -> float:
    """Points of all alarms at or above a threshold: the best alarm of each window, and every one outside."""
    best: dict[tuple[str, int], float] = {}
    lost = 0.0
    for point in scored:
        if point.window[1] == NOWHERE:
            lost += point.gain if point.score >= threshold else 0.0
        else:
            worth = point.gain if point.score >= threshold else -MISSED
            best[point.window] = max(best.get(point.window, -MISSED), worth)
    return lost + sum(best.values())


def sweep(scored: Iterable[Point]) -> tuple[float, float]:
    """The threshold that brings the most points, and these; `inf` when silence is best.

    The benchmark chooses one threshold for all series with their labels in view, so a figure made this way flatters.
    """
    ordered = sorted(scored, key=lambda point: -point.score)
    best = {point.window: -MISSED for point in ordered if point.window[1] != NOWHERE}
    sum_now = sum(best.values())
    threshold, highest = inf, sum_now
    for score, tied in groupby(ordered, key=lambda point: point.score):
        for point in tied:
            if point.window[1] == NOWHERE:
                sum_now += point.gain
            elif point.gain > best[point.window]:
                sum_now += point.gain - best[point.window]
                best[point.window] = point.gain
        if sum_now > highest:
            threshold, highest = score, sum_now
    return threshold, highest


def normalised(points_made: float, silence: float, windows: int) -> float:
    """Points on the published scale: 0 is who never says anything, 100 is who finds each window in its first row.

    Windows that lie in the probation cost nobody anything, yet the perfect detector is given them.
    """
    return 100.0 * (points_made - silence) / (windows * FOUND - silence)
