"""Everything that is measured, as one document and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.quality import measures
from bench.quality.calibration import LEVELS as P_LEVELS
from bench.quality.calibration import Calibration
from bench.quality.measures import Conformal, CrossFitted, Outcome
from detector.runtime.simulation import LEVELS


def document(
    outcomes: Sequence[Outcome],
    *,
    training: Sequence[Outcome] = (),
    calibration: Calibration | None = None,
    tails: Calibration | None = None,
) -> dict[str, Any]:
    """All numbers of some tenants."""
    found = [measures.found_in(outcome) for outcome in outcomes]
    ranks: dict[str, measures.Rank] = {"severity": measures.by_severity}
    if training:
        ranks["conformal"] = Conformal(training)
    if len(outcomes) > 1:
        ranks["cross-fitted"] = CrossFitted(outcomes)
    return {
        "tenants": [
            {
                "seed": each.truth.seed,
                "agents": each.truth.agents,
                "days": each.truth.days,
                "records": each.truth.records,
            }
            for each in outcomes
        ],
        "recall": {
            "levels": measures.recall_of_levels(outcomes, found),
            "families": measures.recall_by(outcomes, found, "family"),
            "stories": measures.recall_by(outcomes, found, "story"),
        },
        "delay": measures.delays(outcomes),
        "false": measures.false_incidents(outcomes),
        "precision": measures.precision(outcomes),
        "precision_of_grouped": measures.precision(outcomes, grouped=True),
        "budgets": {name: measures.at_budgets(outcomes, rank) for name, rank in ranks.items()},
        "calibration": None if calibration is None else _calibration(calibration),
        "tails": None if tails is None else _calibration(tails),
        "examples": measures.examples(outcomes),
    }


def _calibration(calibration: Calibration) -> dict[str, Any]:
    return {
        kind: {
            "opportunities": count,
            "times_nominal": {f"{level:g}": round(calibration.fraction(kind, level) / level, 3) for level in P_LEVELS},
            "below": calibration.below[kind],
        }
        for kind, count in sorted(calibration.opportunities.items())
    }


def show(found: dict[str, Any], console: Console) -> None:
    """Print the tables."""
    sizes = found["tenants"]
    console.print(
        f"{len(sizes)} tenants, {sizes[0]['agents']:,} agents, {sizes[0]['days']:g} days, "
        f"{sum(each['records'] for each in sizes):,} records\n"
    )
    for group in ("levels", "families", "stories"):
        console.print(_recall(found, group))
    console.print(_budgets(found["budgets"]))
    console.print(_false(found["false"]))
    one, many = found["precision"], found["precision_of_grouped"]
    console.print(
        f"precision {one['recall']} of {one['of']} incidents; grouped by key and day: {many['recall']} of {many['of']}"
    )
    if found["calibration"]:
        console.print(_p_values(found["calibration"], "p-values of alerts without an attack", "agent-days"))
    if found["tails"]:
        console.print(_p_values(found["tails"], "tails of the models behind them", "opportunities"))


def _recall(found: dict[str, Any], group: str) -> Table:
    table = Table(title=f"recall by {group}, every incident as shipped (95 % interval)")
    for heading in (group, *LEVELS, "all"):
        table.add_column(heading)
    if group == "stories":
        table.add_column("delay: min (by level) / events")
    cells = found["recall"][group]
    for name, row in {"all": cells}.items() if group == "levels" else cells.items():
        delay = found["delay"].get(name)
        told = []
        if delay:
            by_level = ", ".join(
                f"{delay['by_level'][level]:g}" if level in delay["by_level"] else "-" for level in LEVELS
            )
            told = [f"{delay['minutes']['median']:g} ({by_level}) / {delay['events']['median']:g}"]
        table.add_row(name, *(_cell(row[level]) for level in (*LEVELS, "all")), *told)
    return table


def _cell(value: dict[str, Any]) -> str:
    if not value["of"]:
        return "-"
    return f"{value['recall']:.2f} ({value['low']:.2f}-{value['high']:.2f})"


def _budgets(found: dict[str, Any]) -> Table:
    table = Table(title="recall at budgets of false incidents per 1,000 agents and day")
    for heading in ("ranked by", "budget", "used", *LEVELS, "all", "precision"):
        table.add_column(heading)
    for rank, rows in found.items():
        for budget, row in rows.items():
            cells = [_cell(row[level]) for level in (*LEVELS, "all")]
            table.add_row(rank, budget, f"{row['false']:.2f}", *cells, f"{row['precision'] or 0:.2f}")
    return table


def _false(found: dict[str, Any]) -> Table:
    table = Table(
        title=f"false incidents per 1,000 agents and day: mean {found['mean']}, worst seed {found['worst']}, "
        f"second half {found['second_half']}; at least medium {found['at_least']['medium']}, high "
        f"{found['at_least']['high']}"
    )
    for heading in ("kind", "rate", "cause", "rate"):
        table.add_column(heading)
    kinds, causes = list(found["by_kind"].items()), list(found["by_cause"].items())
    for number in range(max(len(kinds), len(causes))):
        row = []
        for column in (kinds, causes):
            name, rate = column[number] if number < len(column) else ("", None)
            row += [name, "" if rate is None else f"{rate:.3f}"]
        table.add_row(*row)
    return table


def _p_values(found: dict[str, Any], title: str, denominator: str) -> Table:
    table = Table(title=f"{title}: observed rate over nominal rate")
    for heading in ("kind", denominator, *(f"p <= {level:g}" for level in P_LEVELS)):
        table.add_column(heading, justify="right")
    for kind, row in found.items():
        table.add_row(kind, f"{row['opportunities']:,}", *(f"{value:.2f}" for value in row["times_nominal"].values()))
    return table
