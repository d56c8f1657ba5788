"""Settings chosen with some categories of the benchmark out of view, and measured on those.

The candidates are few and lie around the shipped settings: the tail with one thing about it changed, and for each of
those the share, the silence and the level. What is chosen with a category in view flatters; what is chosen on the other
six is what a new kind of source would have got.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bench.nab import scoring
from bench.nab.corpus import Series, read
from bench.nab.scorer import SHIPPED, Scorer, Settings, Silence
from detector.features.peaks import Tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

CHANGES: dict[str, tuple[float, ...]] = {
    "quantile": (0.8, 0.9),
    "pace": (0.03, 0.08),
    "peaks": (80, 240),
    "warm": (40,),
    "gap": (3, 8),
    "alike": (0.05, 0.3),
    "heaviest": (0.3,),
}
"""Other values of one setting of the tail at a time."""

SHARES = (0.1, 0.2, 0.3)
SILENCES = (90, 120, 180)
LEVELS = tuple(4.0 + 0.2 * step for step in range(26))


class Candidate(NamedTuple):
    """One way to set everything."""

    tail: Tail
    share: float
    silence: int
    level: float


Points = dict[str, float]
"""By category: what was won over who never says anything."""


def tails() -> list[Tail]:
    """The shipped tail, and each with one thing changed."""
    shipped = SHIPPED.tail
    changed = [(name, value) for name, values in CHANGES.items() for value in values]
    return [shipped, *(msgspec.structs.replace(shipped, **{name: value}) for name, value in changed)]


def won(gains: Sequence[tuple[float, int]], alarms: Iterable[int]) -> float:
    """Points over silence that alarms in these rows bring to one series."""
    best: dict[int, float] = {}
    lost = 0.0
    for row in alarms:
        gain, window = gains[row]
        if row < scoring.probation(len(gains)):
            continue
        if window == scoring.NOWHERE:
            lost += gain
        else:
            best[window] = max(best.get(window, 0.0), gain + scoring.MISSED)
    return lost + sum(best.values())


def measured(root: Path, tail: Tail) -> dict[Candidate, Points]:
    """The points of all candidates with one tail."""
    found: dict[Candidate, Points] = {}
    for series in read(root):
        gains = scoring.gains(len(series.times), series.windows)
        parts = surprises(series, tail)
        for share in SHARES:
            all_rows = ((row, largest + share * rest) for row, (largest, rest) in enumerate(parts))
            loud = [(row, surprise) for row, surprise in all_rows if surprise >= LEVELS[0]]
            for silence, level in product(SILENCES, LEVELS):
                keeper = Silence(level, silence, SHIPPED.louder)
                alarms = [row for row, surprise in loud if keeper.speaks(row, surprise)]
                points = found.setdefault(Candidate(tail, share, silence, level), {})
                points[series.category] = points.get(series.category, 0.0) + won(gains, alarms)
    return found


def surprises(series: Series, tail: Tail) -> list[tuple[float, float]]:
    """For each row the largest surprise and the sum of the others."""
    scorer = Scorer(Settings(tail=tail))
    rows = (scorer.surprises(when, value) for when, value in zip(series.times, series.values, strict=True))
    return [(max(row), sum(row) - max(row)) for row in rows]


def best(candidates: Mapping[Candidate, Points], without: str | None = None) -> Candidate:
    """The candidate with the most points, one category left out."""

    def rank(candidate: Candidate) -> float:
        return sum(points for category, points in candidates[candidate].items() if category != without)

    return max(candidates, key=rank)


def cross_validated(candidates: Mapping[Candidate, Points]) -> dict[str, tuple[Candidate, float]]:
    """For each category what is chosen on the others, and what it brings here."""
    categories = sorted(next(iter(candidates.values())))
    chosen = {category: best(candidates, category) for category in categories}
    return {category: (candidate, candidates[candidate][category]) for category, candidate in chosen.items()}


def measure(root: Path, jobs: int) -> dict[Candidate, Points]:
    """All candidates on all series: some CPU minutes."""
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        found: dict[Candidate, Points] = {}
        for part in pool.map(partial(measured, root), tails()):
            found |= part
    return found
