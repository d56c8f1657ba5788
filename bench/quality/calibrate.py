"""`python -m bench.quality.calibrate`: makes config/calibration.yaml, the rates that a new tenant begins with.

Attack-free training tenants are replayed with every detector and without a budget. What is told then is false by
construction. Tenants that measure quality have other seeds and other traits; nothing of them comes in here.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from textwrap import fill
from typing import Final, get_args

from bench.quality import corpus
from bench.quality.measuring import of_all
from bench.quality.protocol import Inputs, Protocol, twin
from bench.quality.running import Told, run
from detector.config.build import engine_settings
from detector.config.load import load
from detector.config.settings import ModelSettings
from detector.detectors.registry import DETECTORS
from detector.domain.findings import SEVERITIES
from detector.engine.budgeting import COMBINED
from detector.engine.engine import Engine
from detector.features.budget import SCORES, BudgetSettings, detector_of, kind_of, strength
from detector.models.in_use import judging
from detector.runtime.simulation import SimulationSettings

TARGET = Path(__file__).resolve().parents[2] / "config" / "calibration.yaml"
UNSEEN = 0.3
"""Alerts that are assumed of what was never seen: less than one, or it would be seen soon."""
OPEN = frozenset({"attribute_changed", "blocked_by_policy"})
"""Detectors whose sorts are names that a tenant chose: those of training tenants say nothing of others."""
CLOSER = 1.15
"""A step is written where the rate has fallen by so much."""

EXPECTED: Final = tuple(kind_of(each.name, sort) for each in DETECTORS for sort in getattr(each, "sorts", ()))
"""Kinds that are known to exist although tenants without an attack may never show them."""

Step = tuple[int, float]


def counted(told: Iterable[Told]) -> dict[str, list[int]]:
    """Strengths by kind, one a subject and hour: what the engine counts."""
    best: dict[tuple[str, str, int], int] = {}
    for one in told:
        key = (one.kind, one.subject, int(one.time) // 3_600)
        own = strength(one.severity, one.score)
        best[key] = max(own, best.get(key, own))
    found: dict[str, list[int]] = defaultdict(list)
    for (kind, _, _), own in best.items():
        found[kind].append(own)
    return found


def steps_of(strengths: Iterable[int], exposure: float) -> list[Step]:
    """Rising strengths and the rates of alerts at least as strong; the last is stronger than anything seen."""
    ranked = sorted(strengths)
    steps: list[Step] = []
    for number, own in enumerate(ranked):
        if number and own == ranked[number - 1]:
            continue
        rate = (len(ranked) - number) / exposure
        if not steps or rate * CLOSER <= steps[-1][1]:
            steps.append((own, rate))
    return [*steps, (ranked[-1] + 1 if ranked else 0, UNSEEN / exposure)]


def table(told: Mapping[str, list[int]], exposure: float) -> dict[str, list[Step]]:
    """Steps by kind; of a sort that was not seen, those of its detector count."""
    kinds: dict[str, list[int]] = {kind: [] for kind in EXPECTED}
    whole: dict[str, list[int]] = {}
    for kind, strengths in sorted(told.items()):
        detector = detector_of(kind)
        if detector in OPEN:
            whole.setdefault(detector, []).extend(strengths)
        else:
            kinds[kind] = strengths
            if kind != detector:
                whole.setdefault(detector, [])
    return {kind: steps_of(strengths, exposure) for kind, strengths in sorted({**whole, **kinds}.items())}


def written(kinds: Mapping[str, list[Step]], head: str) -> str:
    """The file."""
    lines = [*(f"# {line}" for line in head.splitlines()), "kinds:"]
    for kind, steps in kinds.items():
        lines.append(f"  {kind}:")
        for own, rate in steps:
            severity, rank = divmod(own, SCORES)
            lines.append(f"    - [{SEVERITIES[severity]}, {rank}, {float(f'{rate:.3g}')}]")
    return "\n".join(lines) + "\n"


def without_budget(settings: SimulationSettings, root: Path) -> list[Told]:
    """What is told of an attack-free tenant when nothing is held back, with the shipped model."""
    place = corpus.make(settings, root)
    chosen = load(place / "detector.yaml").model_copy(update={"model": ModelSettings()})
    told = run(place, settings=replace(judging(chosen), budget=None)).told
    # Some detectors say nothing before they have seen a fortnight: what they cost is seen in the second half.
    return [each for each in told if each.time >= corpus.truth_of(place).attacked_from]


def with_budget(
    settings: SimulationSettings, root: Path, shipped: Mapping[str, list[Step]]
) -> dict[str, dict[int, float]]:
    """Kinds that only waiting brings about: strengths, and how often each came per 1,000 agents and day."""
    place = corpus.make(settings, root)
    budget = BudgetSettings(
        shipped={kind: tuple(steps) for kind, steps in shipped.items()}, learning_days=int(settings.days) + 1
    )
    found: dict[str, dict[int, float]] = {}

    def look(engine: Engine) -> None:
        for tenant in engine.state.weighed.tenants.values():
            for kind, counts in tenant.now.kinds.items():
                if kind not in shipped and detector_of(kind) not in OPEN:
                    found[kind] = {own: count / tenant.now.exposure for own, count in counts.items()}

    run(place, settings=replace(engine_settings(load(place / "detector.yaml")), budget=budget), inspect=look)
    return found


def mean_steps(found: Sequence[Mapping[int, float]], exposure: float) -> list[Step]:
    """Steps of the mean of tenants."""
    rates: dict[int, float] = defaultdict(float)
    for each in found:
        for own, rate in each.items():
            rates[own] += rate / len(found)
    steps: list[Step] = []
    for own in sorted(rates):
        rate = sum(more for other, more in rates.items() if other >= own)
        if not steps or rate * CLOSER <= steps[-1][1]:
            steps.append((own, rate))
    return [*steps, (max(rates) + 1, UNSEEN / exposure)]


def main() -> None:
    """Replay, count and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.calibrate", description=__doc__)
    parser.add_argument("--tenants", type=int, default=4, help="With every input; as many with the logs alone.")
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--days", type=float, default=28)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("build/quality"))
    parser.add_argument("--to", type=Path, default=TARGET)
    chosen = parser.parse_args()
    exposure = chosen.tenants * chosen.agents / 1_000 * chosen.days / 2
    tables: list[dict[str, list[Step]]] = []
    tenants: list[SimulationSettings] = []
    for inputs in get_args(Inputs):
        protocol = Protocol(
            agents=chosen.agents,
            days=chosen.days,
            quiet_days=chosen.days / 2,
            seeds=chosen.tenants,
            split="train",
            inputs=inputs,
        )
        own = [twin(tenant) for tenant in protocol.tenants()]
        told: dict[str, list[int]] = defaultdict(list)
        for one in of_all(partial(without_budget, root=chosen.out / "corpus"), own, chosen.jobs):
            for kind, strengths in counted(one).items():
                told[kind] += strengths
        tables.append(table(told, exposure))
        tenants += own
    # What only an inventory shows is not seldom because half of the tenants have none.
    kinds = {
        kind: max((each[kind] for each in tables if kind in each), key=_whole) for kind in sorted({*chain(*tables)})
    }
    weigh = partial(with_budget, root=chosen.out / "corpus", shipped=kinds)
    waited = list(of_all(weigh, tenants, chosen.jobs))
    for kind in sorted({COMBINED, *chain(*waited)}):
        own_rates = [each.get(kind, {}) for each in waited]
        kinds[kind] = mean_steps(own_rates, 2 * exposure) if any(own_rates) else [(0, UNSEEN / exposure)]
    head = HEAD.format(
        tenants=chosen.tenants,
        agents=f"{chosen.agents:,}",
        days=f"{chosen.days:g}",
        seeds=", ".join(str(tenant.seed) for tenant in tenants[: chosen.tenants]),
        all=f"{exposure * 1_000:,.0f}",
    )
    told = written(dict(sorted(kinds.items())), fill(head, 116, break_on_hyphens=False))
    chosen.to.write_text(told, encoding="utf-8")


def _whole(steps: Sequence[Step]) -> float:
    return steps[0][1]


HEAD = """\
How often alerts come without an attack, per 1,000 agents and day, by kind: severity, rank (-log10 of the p-value up
to 32, then eight ranks a doubling), and the rate of alerts at least as strong. `python -m bench.quality.calibrate`
counts them in simulated training tenants without an attack: {tenants} of {agents} agents and {days} days (seeds
{seeds}), of which the second half counts ({all} agent-days), once with every input and once with the logs alone;
the larger rate is written. The last step of each kind is stronger than anything that was seen: three tenths of an
alert in that time. A kind is a detector, and the sort of alert where it tells sorts apart; of a sort that is not
listed the line of its detector counts. Of `combined`, several weak alerts about one subject, the number is four
times -log10 of how likely they are together for an agent and day. docs/budget.md says what it is for."""


if __name__ == "__main__":
    main()
