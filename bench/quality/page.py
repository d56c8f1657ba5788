"""The tables of docs/quality.md from a measurement: `python -m bench.quality.page build/quality/quality.json`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.quality.calibration import LEVELS as P_LEVELS
from detector.runtime.simulation import LEVELS

_MOST: Final = 12


def tables(found: dict[str, Any]) -> Iterator[str]:
    """Lines of Markdown."""
    sizes = found["tenants"]
    seeds = ", ".join(str(each["seed"]) for each in sizes)
    yield (
        f"{len(sizes)} tenants (seeds {seeds}) of {sizes[0]['agents']:,} agents "
        f"and {sizes[0]['days']:g} days, {sum(each['records'] for each in sizes):,} records."
    )
    yield from _recall(found)
    yield from _budgets(found["budgets"])
    yield from _false(found)
    yield from _missed(found)
    if found["calibration"]:
        yield from _p_values(found["calibration"], "p-values of alerts: observed over nominal rate", "agent-days")
    if found["tails"]:
        yield from _p_values(found["tails"], "tails of models: observed over nominal rate", "opportunities")


def _head(*names: str) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(names)} |"
    yield f"|{' --- |' * len(names)}"


def _cell(value: dict[str, Any]) -> str:
    return "-" if not value["of"] else f"{value['recall']:.2f} ({value['low']:.2f}-{value['high']:.2f})"


def _recall(found: dict[str, Any]) -> Iterator[str]:
    yield from _head("recall as shipped, 95 % interval", *LEVELS, "all")
    rows = found["recall"]["families"] | {"**all**": found["recall"]["levels"]}
    for name, row in rows.items():
        yield f"| {name} | {' | '.join(_cell(row[level]) for level in (*LEVELS, 'all'))} |"


def _budgets(found: dict[str, Any]) -> Iterator[str]:
    yield from _head("ranked by", "budget", "used", *LEVELS, "all", "precision")
    for rank, rows in found.items():
        for budget, row in rows.items():
            cells = " | ".join(_cell(row[level]) for level in (*LEVELS, "all"))
            yield f"| {rank} | {budget} | {row['false']:.2f} | {cells} | {row['precision'] or 0:.2f} |"


def _false(found: dict[str, Any]) -> Iterator[str]:
    false, one, many = found["false"], found["precision"], found["precision_of_grouped"]
    yield ""
    yield (
        f"False incidents per 1,000 agents and day: mean {false['mean']}, worst seed {false['worst']}, second half "
        f"{false['second_half']}; of medium severity or higher {false['at_least']['medium']}, of high "
        f"{false['at_least']['high']}. Precision {one['recall']} of {one['of']:,} incidents; grouped by key and day "
        f"{many['recall']} of {many['of']:,}."
    )
    yield from _head("kind / cause of false incidents", "per 1,000 agents and day")
    for name, rate in list(false["by_kind_and_cause"].items())[:_MOST]:
        yield f"| {name} | {rate} |"


def _missed(found: dict[str, Any]) -> Iterator[str]:
    yield from _head("stories found less than always", *LEVELS, "median delay, minutes / records")
    for name, row in found["recall"]["stories"].items():
        if row["all"]["of"] and row["all"]["recall"] < 1:
            delay = found["delay"].get(name)
            told = f"{delay['minutes']['median']:g} / {delay['events']['median']:g}" if delay else "-"
            counts = (f"{row[level]['found']} of {row[level]['of']}" for level in LEVELS)
            yield f"| {name} | {' | '.join(counts)} | {told} |"


def _p_values(found: dict[str, Any], title: str, denominator: str) -> Iterator[str]:
    yield from _head(title, denominator, *(f"p <= {level:g}" for level in P_LEVELS))
    for kind, row in found.items():
        values = " | ".join(f"{value:.2f}" for value in row["times_nominal"].values())
        yield f"| {kind} | {row['opportunities']:,} | {values} |"


if __name__ == "__main__":
    print("\n".join(tables(msgspec.json.decode(Path(sys.argv[1]).read_bytes()))))
