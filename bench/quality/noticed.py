"""`python -m bench.quality.noticed`: is every obvious story noticed, and is life without them free of grave alerts?

Tenants with every input on (logs, inventory, deployment records, manifest), replayed as shipped. An attack is *noticed*
when an alert belongs to it (docs/quality.md), *sent* when one of those is within the budget. Attacks of which nothing
shows are not counted. The twin of a tenant lacks the attacks and nothing else.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

from bench.quality import corpus
from bench.quality.measures import found_in, outcome_of, visible
from bench.quality.running import run
from detector.domain.findings import SEVERITIES
from detector.runtime.simulation import SimulationSettings

GRAVE = SEVERITIES.index("high")


class Noticed(NamedTuple):
    """What became of the attacks of a tenant, and of a twin without them."""

    seed: int
    attacks: int
    missed: list[str]
    """Stories that no alert belongs to."""
    unsent: list[str]
    """Stories of which no alert is sent; those that are missed among them."""
    grave: list[str]
    """Detectors of alerts of high severity in the twin, sent or held back."""


def noticed(settings: SimulationSettings, root: Path) -> Noticed:
    """Make, replay and hold against each other a tenant and its twin."""
    place = corpus.make(settings, root)
    truth, found = corpus.truth_of(place), run(place)
    every = outcome_of(truth, found.told + found.held)
    attacks, heard, sent = list(visible(every)), found_in(every), found_in(outcome_of(truth, found.told))
    calm = run(corpus.make(replace(settings, attacks=False), root))
    return Noticed(
        settings.seed,
        len(attacks),
        sorted(label.story for number, label in attacks if number not in heard),
        sorted(label.story for number, label in attacks if number not in sent),
        sorted(alert.detector for alert in calm.told + calm.held if alert.severity >= GRAVE),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 when an attack is missed or a twin has a grave alert."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.noticed", description=__doc__)
    parser.add_argument("--agents", type=int, default=300)
    parser.add_argument("--blueprints", type=int, default=30)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--quiet-days", type=int, default=14, help="days without attacks, at the beginning")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument("--level", choices=("obvious", "moderate", "stealthy"), default="obvious")
    parser.add_argument("--out", type=Path, default=Path("build/quality"))
    chosen = parser.parse_args(arguments)
    tenants = [
        SimulationSettings(
            seed=seed,
            agents=chosen.agents,
            blueprints=chosen.blueprints,
            days=chosen.days,
            attack_after_days=chosen.quiet_days,
            attack_levels=(chosen.level,),
        )
        for seed in chosen.seeds
    ]
    failed, total, unsent = False, 0, Counter[str]()
    with Pool(2) as pool:
        for each in pool.imap(partial(noticed, root=chosen.out / "noticed"), tenants):
            print(f"seed {each.seed}: {each.attacks} attacks, missed {each.missed}, not sent {each.unsent};", end=" ")
            print(f"grave in the twin: {each.grave}", flush=True)
            failed |= bool(each.missed or each.grave)
            total += each.attacks
            unsent.update(each.unsent)
    print(f"{total} attacks, {unsent.total()} not sent: {dict(unsent.most_common())}")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
