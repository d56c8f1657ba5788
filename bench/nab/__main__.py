"""`python -m bench.nab --data DIR`: the public benchmark NAB, read, scored and counted as its own program counts.

DIR is a checkout of https://github.com/numenta/NAB; nothing of it is kept here.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table

from bench.memory import deep_size
from bench.nab import choosing, corpus, scoring
from bench.nab.scorer import ALARM, SHIPPED, Scorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.nab.corpus import Series

CONSOLE = Console(width=110)


class Counted:
    """Scores of all series, and the points that alarms at a threshold bring."""

    def __init__(self, series: Sequence[Series], scores: Sequence[Sequence[float]]) -> None:
        self.categories = sorted({one.category for one in series})
        self.windows = sum(len(one.windows) for one in series)
        self.points: dict[str, list[scoring.Point]] = {category: [] for category in self.categories}
        for one, scored in zip(series, scores, strict=True):
            self.points[one.category] += scoring.points(one, scored)
        self.silence = {name: scoring.total(self.points[name], float("inf")) for name in self.categories}

    def all_but(self, without: str | None = None) -> list[scoring.Point]:
        """The scored rows of all categories but one."""
        return [point for name in self.categories if name != without for point in self.points[name]]

    def figure(self, won: float) -> float:
        """Points over those of silence, on the published scale."""
        silence = sum(self.silence.values())
        return scoring.normalised(won + silence, silence, self.windows)

    def won(self, category: str, threshold: float) -> float:
        """Points over those of silence in one category."""
        return scoring.total(self.points[category], threshold) - self.silence[category]

    def at(self, threshold: float) -> float:
        """The figure at a threshold."""
        return self.figure(sum(self.won(name, threshold) for name in self.categories))

    def elsewhere(self) -> float:
        """The figure when each category is given the threshold that is best on the others."""
        return self.figure(sum(self.won(name, scoring.sweep(self.all_but(name))[0]) for name in self.categories))


def verify(root: Path, series: Sequence[Series], detectors: Sequence[str]) -> None:
    """Counts the scores that the benchmark keeps of detectors, at its thresholds, beside the figures it publishes."""

    def kept(*path: str) -> dict[str, Any]:
        return msgspec.json.decode(root.joinpath(*path).read_bytes(), type=dict[str, Any])

    published, thresholds = kept("results", "final_results.json"), kept("config", "thresholds.json")
    for name in detectors:
        counted = Counted(series, corpus.results(root, name, series))
        here = counted.at(thresholds[name]["standard"]["threshold"])
        CONSOLE.print(f"{name}: {here:.2f} counted here, {published[name]['standard']:.2f} published")


def scored(series: Sequence[Series]) -> tuple[list[list[float]], float, int]:
    """Scores of all series, CPU microseconds a record, and the bytes of the largest scorer's state."""
    found, size, started = [], 0, process_time()
    for one in series:
        scorer = Scorer()
        found.append([scorer.update(when, value) for when, value in zip(one.times, one.values, strict=True)])
        size = max(size, deep_size(scorer))
    spent = process_time() - started
    return found, spent / sum(len(one.times) for one in series) * 1e6, size


def show(series: Sequence[Series], counted: Counted, threshold: float) -> None:
    """What was found in each category at a threshold."""
    table = Table(title=f"NAB, standard profile, alarms from a score of {threshold:.3f}")
    for heading in ("category", "series", "windows", "found", "false alarms", "points of at most"):
        table.add_column(heading, justify="left" if heading == "category" else "right")
    for name in counted.categories:
        alarms = [point for point in counted.points[name] if point.score >= threshold]
        hits = {point.window for point in alarms if point.window[1] != scoring.NOWHERE}
        inside = [one for one in series if one.category == name]
        windows = sum(len(one.windows) for one in inside)
        false = sum(1 for point in alarms if point.window[1] == scoring.NOWHERE)
        won, most = counted.won(name, threshold), windows * (scoring.FOUND + scoring.MISSED)
        table.add_row(name, str(len(inside)), str(windows), str(len(hits)), str(false), f"{won:.1f} of {most:.0f}")
    CONSOLE.print(table)


def choose(root: Path, counted: Counted, jobs: int) -> None:
    """Settings and level chosen on all categories, and each time on the other ones."""
    candidates = choosing.measure(root, jobs)
    favourite = choosing.best(candidates)
    elsewhere = choosing.cross_validated(candidates)
    for category, (candidate, points) in elsewhere.items():
        CONSOLE.print(f"{category}: {points:.1f} points by what is best elsewhere: {candidate}", style="dim")
    CONSOLE.print(f"{len(candidates):,} candidates, best on all: {favourite}")
    CONSOLE.print(f"chosen on all: {counted.figure(sum(candidates[favourite].values())):.1f}")
    CONSOLE.print(f"chosen on the other categories: {counted.figure(sum(won for _, won in elsewhere.values())):.1f}")


def main() -> None:
    """Score the benchmark and print what is found."""
    parser = argparse.ArgumentParser(prog="python -m bench.nab", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="A checkout of github.com/numenta/NAB.")
    parser.add_argument("--verify", nargs="+", default=[], metavar="DETECTOR", help="Count its kept scores instead.")
    parser.add_argument("--choose", action="store_true", help="Choose settings by cross-validation (minutes).")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    series = corpus.read(chosen.data)
    if chosen.verify:
        verify(chosen.data, series, chosen.verify)
        return
    scores, microseconds, size = scored(series)
    counted = Counted(series, scores)
    show(series, counted, ALARM)
    threshold, _ = scoring.sweep(counted.all_but())
    CONSOLE.print(f"as set (level {SHIPPED.level}): {counted.at(ALARM):.1f}")
    CONSOLE.print(f"threshold chosen on all: {counted.at(threshold):.1f} ({threshold:.3f})")
    CONSOLE.print(f"threshold chosen on the other categories: {counted.elsewhere():.1f}")
    CONSOLE.print(f"{microseconds:.1f} CPU microseconds a record, {size:,} bytes of state")
    if chosen.choose:
        choose(chosen.data, counted, chosen.jobs)


if __name__ == "__main__":
    main()
