"""`python -m bench.dashboards.plots`: what the boards show, drawn without Grafana, into docs/monitoring.

Runs the real service on simulated records for some minutes, beside a real Prometheus with the rules of
config/prometheus, and draws the result of every expression of every panel.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.dashboards.stage import ROOT, asked, feed, stage

_OUT: Final = ROOT / "docs" / "monitoring"
_COLUMNS: Final = 3
_LINES: Final = 8
"""Most lines of a plot: the highest."""
_POINTS: Final = 80
_UNITS: Final = {
    "s": "seconds",
    "cps": "a second",
    "short": "",
    "percentunit": "part",
    "bytes": "MB",
    "bool_yes_no": "",
}


def main() -> None:
    """Runs, asks, draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long records are fed")
    parser.add_argument("--days", type=float, default=9.0)
    parser.add_argument("--agents", type=int, default=40)
    chosen = parser.parse_args()
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "boards", "font.size": 7})
    mpl.rcParams.update({"font.sans-serif": ["DejaVu Sans"], "xtick.major.size": 2, "ytick.major.size": 2})
    _OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), days=chosen.days, agents=chosen.agents) as at:
        source, target, url = at
        begun = time.monotonic()
        feed(source, target, chosen.seconds)
        time.sleep(10)
        seconds = time.monotonic() - begun
        for path in sorted((ROOT / "config" / "grafana").glob("*.json")):
            board = json.loads(path.read_text("ascii"))
            figure = drawn(board, url, seconds)
            figure.savefig(_OUT / f"{path.stem}.svg", metadata={"Date": None, "Creator": None})
            print(f"{_OUT / path.stem}.svg")


def drawn(board: dict[str, Any], url: str, seconds: float) -> Figure:
    """A board as one figure, a small plot a panel."""
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    rows = math.ceil(len(panels) / _COLUMNS)
    figure = Figure(figsize=(13, 2.3 * rows + 0.6), layout="constrained")
    figure.suptitle(f"{board['title']}: a real run on simulated records, {seconds:.0f} seconds", fontsize=10)
    for number, panel in enumerate(panels, 1):
        axes = figure.add_subplot(rows, _COLUMNS, number)
        axes.set_title(panel["title"], fontsize=8, loc="left")
        axes.set_ylabel(_UNITS[panel["fieldConfig"]["defaults"]["unit"]])
        (_ranking if panel["type"] == "table" else _lines)(axes, panel, url, seconds)
    return figure


def _lines(axes: Axes, panel: dict[str, Any], url: str, seconds: float) -> None:
    end = float(asked(url, "query", query="time()")[1])
    span = {"start": end - seconds, "end": end, "step": max(seconds / _POINTS, 1.0)}
    found = []
    for target in panel["targets"]:
        for series in asked(url, "query_range", query=_filled(target["expr"]), **span):
            values = [(float(at) - end + seconds, float(value)) for at, value in series["values"]]
            known = [(round(at, 1), value) for at, value in values if math.isfinite(value)]
            if known:
                name = _named(target["legendFormat"], series["metric"])
                found.append((max(value for _, value in known), name, known))
    scale = 1e-6 if panel["fieldConfig"]["defaults"]["unit"] == "bytes" else 1
    shown = [line for line in sorted(found, reverse=True)[:_LINES] if line[0] > 0]
    for _, name, known in shown:
        axes.plot([at for at, _ in known], [value * scale for _, value in known], linewidth=1, label=name)
    axes.set_xlim(0, seconds)
    axes.locator_params(nbins=5)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.05)  # Else a constant lies on the upper edge.
    if any(name for _, name, _ in shown):
        axes.legend(fontsize=6, frameon=False, loc="best")
    if not shown:
        axes.text(0.5, 0.5, "0 all the time" if found else "no data in this run", ha="center", transform=axes.transAxes)


def _ranking(axes: Axes, panel: dict[str, Any], url: str, _: float) -> None:
    target = panel["targets"][0]
    found = asked(url, "query", query=_filled(target["expr"]))
    rows = sorted((float(each["value"][1]), _named(target["legendFormat"], each["metric"])) for each in found)[-10:]
    axes.barh([name for _, name in rows], [value for value, _ in rows])


def _filled(expression: str) -> str:
    for name, value in {"$__rate_interval": "10s", "$job": ".+", "$instance": ".+"}.items():
        expression = expression.replace(name, value)
    return expression


def _named(legend: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend)


if __name__ == "__main__":
    main()
