"""The numbers as pictures: recall and precision at budgets, calibration curves, delays."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.quality.calibration import PER_DECADE
from detector.runtime.simulation import LEVELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(found: dict[str, Any], folder: Path) -> list[Path]:
    """Write the pictures as SVG files.

    Raises:
        ModuleNotFoundError: matplotlib is not installed; `make venv` installs it.
    """
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "quality"  # equal numbers, equal files
    from matplotlib import pyplot

    pictures = {"budgets": _budgets, "delays": _delays}
    if found["calibration"]:
        pictures["calibration"] = _calibration
    written = []
    for name, picture in pictures.items():
        figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
        picture(found, axes)
        written.append(folder / f"{name}.svg")
        figure.savefig(written[-1], metadata={"Date": None})
        pyplot.close(figure)
    return written


def _budgets(found: dict[str, Any], axes: list[Axes]) -> None:
    recall, precision = axes
    styles = dict(zip(found["budgets"], ("-", "--", ":"), strict=False))
    for rank, rows in found["budgets"].items():
        budgets = [float(budget) for budget in rows]
        for number, level in enumerate(LEVELS):
            values = [row[level]["recall"] for row in rows.values()]
            recall.plot(budgets, values, styles[rank], color=f"C{number}", marker="o", label=f"{level}, by {rank}")
            if rank == next(iter(found["budgets"])):
                low = [row[level]["low"] for row in rows.values()]
                high = [row[level]["high"] for row in rows.values()]
                recall.fill_between(budgets, low, high, color=f"C{number}", alpha=0.15)
        precision.plot(budgets, [row["precision"] for row in rows.values()], styles[rank], marker="o", label=rank)
    for one, name in ((recall, "recall"), (precision, "precision of incidents")):
        one.set(xscale="log", xlabel="false incidents per 1,000 agents and day", ylabel=name, ylim=(0, 1.02))
        one.grid(alpha=0.3)
        one.legend(fontsize=8)


def _delays(found: dict[str, Any], axes: list[Axes]) -> None:
    minutes = [value for story in found["delay"].values() for value in story["all_minutes"]]
    events = [value for story in found["delay"].values() for value in story["all_events"]]
    for one, values, name in zip(axes, (minutes, events), ("minutes", "records"), strict=True):
        edges = [0, 1, 2, 3, 5, 10, 20, 60, 120, 360, 1_440, float("inf")]
        counts = [sum(low <= value < high for value in values) for low, high in pairwise(edges)]
        if name == "records":  # an attack shows in one record at least
            edges, counts = edges[1:], counts[1:]
        one.bar(range(len(counts)), counts)
        one.set_xticks(range(len(counts)), [f"{low:g}+" for low in edges[:-1]])
        one.set(xlabel=f"{name} of an attack until the first alert", ylabel="attacks found")


def _calibration(found: dict[str, Any], axes: list[Axes]) -> None:
    alerts, tails = axes
    rows = [
        *((alerts, *row) for row in found["calibration"].items()),
        *((tails, *row) for row in found["tails"].items()),
    ]
    for one, kind, row in rows:
        points = [
            (10 ** (-place / PER_DECADE), count / row["opportunities"])
            for place, count in enumerate(row["below"])
            if count and place
        ]
        if points:
            one.plot(*zip(*points, strict=True), label=kind)
    for one in axes:
        one.plot([1e-7, 1], [1e-7, 1], color="black", linewidth=0.8, label="right")
        one.plot([1e-7, 0.5], [2e-7, 1], color="black", linewidth=0.8, linestyle=":", label="twice")
        one.set(xscale="log", yscale="log", xlim=(1, 1e-7), ylim=(1e-7, 1.2))
        one.set(xlabel="p-value", ylabel="share of opportunities at or below it")
        one.legend(fontsize=5)
    alerts.set(title="p-values of alerts, of agents and days")
    tails.set(title="tails of the models behind them")
