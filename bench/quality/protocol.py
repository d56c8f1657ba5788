"""What is measured: which tenants, how large, how long, drawn from which ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

from detector.runtime.simulation import LEVELS, SimulationSettings, drawn

Split = Literal["train", "test"]
Inputs = Literal["logs", "all"]
"""Whether the detector is given the exported logs alone, or an inventory, deployment records and a manifest as well."""

BUDGETS: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
"""False incidents per 1,000 agents and day."""

_FIRST_SEED: Final = {"train": 1_000, "test": 9_000}
"""Seeds of the two never meet."""
_REQUESTS: Final = {"train": (24.0, 36.0), "test": (14.0, 22.0)}
"""A day and agent: a working agent renews its tokens every hour or so."""

RANGES: Final[dict[Split, dict[str, tuple[float, float]]]] = {
    "train": {
        "zipf": (0.7, 0.9),
        "burst_low": (1.5, 2.5),
        "burst_high": (5.0, 8.0),
        "flicker": (2.0, 3.0),
        "sessions": (0.0, 0.03),
        "night": (0.03, 0.06),
        "weekend": (0.06, 0.12),
        "failures_low": (0.002, 0.004),
        "failures_high": (0.008, 0.014),
        "jitter": (5.0, 15.0),
        "home_share": (0.75, 0.9),
        "seldom": (0.01, 0.02),
        "surge_low": (2.0, 2.5),
        "surge_high": (3.0, 4.0),
        "growth": (1.3, 1.6),
        "holiday": (0.1, 0.2),
        "outage_low": (0.3, 0.4),
        "outage_high": (0.6, 0.8),
        "asleep": (0.02, 0.03),
        "lag": (0.5, 0.8),
        "wander": (0.0005, 0.0015),
        "failovers": (0.002, 0.008),
        "flaky": (1.0, 2.0),
        "stories": (0.03, 0.06),
    },
    "test": {
        "zipf": (0.95, 1.15),
        "burst_low": (0.8, 1.4),
        "burst_high": (3.0, 4.5),
        "flicker": (1.2, 1.9),
        "sessions": (0.04, 0.08),
        "night": (0.01, 0.025),
        "weekend": (0.02, 0.05),
        "failures_low": (0.005, 0.01),
        "failures_high": (0.016, 0.03),
        "jitter": (16.0, 40.0),
        "home_share": (0.5, 0.7),
        "seldom": (0.004, 0.009),
        "surge_low": (2.6, 3.2),
        "surge_high": (4.2, 6.0),
        "growth": (1.7, 2.2),
        "holiday": (0.03, 0.09),
        "outage_low": (0.45, 0.6),
        "outage_high": (0.85, 0.95),
        "asleep": (0.035, 0.05),
        "lag": (0.85, 1.0),
        "wander": (0.002, 0.004),
        "failovers": (0.01, 0.02),
        "flaky": (0.4, 0.9),
        "stories": (0.07, 0.12),
    },
}
"""Traits of the tenants; no range of the one split meets that of the other, and those of the tests are the harder."""


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
        rng, more = Random(f"{self.split}/{seed}"), self.inputs == "all"
        few, many = {"train": (12, 20), "test": (7, 11)}[self.split]
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
            mean_requests_per_agent_day=rng.uniform(*_REQUESTS[self.split]),
            other_records_per_day=200 + 0.5 * self.agents,
            traits=drawn(rng, RANGES[self.split]),
        )


def twin(settings: SimulationSettings) -> SimulationSettings:
    """The same tenant without the attacks."""
    return replace(settings, attacks=False)
