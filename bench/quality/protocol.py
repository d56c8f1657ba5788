"""What is measured: which tenants, how large, how long, drawn from which ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

from detector.runtime.simulation import LEVELS, SimulationSettings

Split = Literal["train", "test"]
Inputs = Literal["logs", "all"]
"""Whether the detector is given the exported logs alone, or an inventory, deployment records and a manifest as well."""

BUDGETS: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
"""False incidents per 1,000 agents and day."""

_FIRST_SEED: Final = {"train": 1_000, "test": 9_000}
"""Seeds of the two never meet."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How the bars are measured; the defaults are those of the project."""

    agents: int = 1_000
    days: float = 28
    quiet_days: float = 14
    """Attack-free days at the start."""
    seeds: int = 5
    split: Split = "test"
    inputs: Inputs = "logs"

    def __post_init__(self) -> None:
        """Refuse a protocol that cannot be carried out."""
        if not 0 < self.quiet_days < self.days:
            raise ValueError("quiet days: must be above 0 and below days, or there is no time left for attacks")
        if self.seeds < 1:
            raise ValueError("seeds: must be at least 1")

    def tenants(self) -> list[SimulationSettings]:
        """The tenants under attack, one for each seed; `twin` gives the same without the attacks."""
        return [self._tenant(_FIRST_SEED[self.split] + number) for number in range(self.seeds)]

    def _tenant(self, seed: int) -> SimulationSettings:
        rng = Random(f"{self.split}/{seed}")
        few, many = {"train": (12, 20), "test": (7, 11)}[self.split]
        busy = {"train": (50.0, 80.0), "test": (25.0, 45.0)}[self.split]
        more = self.inputs == "all"
        return SimulationSettings(
            seed=seed,
            inventory=more,
            deployments=more,
            manifest=more,
            days=self.days,
            agents=self.agents,
            blueprints=max(3, self.agents // rng.randint(few, many)),
            attack_after_days=self.quiet_days,
            attack_levels=LEVELS,
            mean_requests_per_agent_day=rng.uniform(*busy),
            other_records_per_day=2.0 * self.agents,
        )


def twin(settings: SimulationSettings) -> SimulationSettings:
    """The same tenant without the attacks."""
    return replace(settings, attacks=False)
