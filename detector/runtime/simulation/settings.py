"""What to simulate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from detector.runtime.simulation.clock import DAY, ticks_of
from detector.runtime.simulation.labels import LEVELS, Level
from detector.runtime.simulation.traits import Traits

ALL: Final = ("*",)
"""Every attack story."""


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """The whole of a simulation: equal settings give equal bytes.

    Attributes:
        seed: Chooses the tenant and everything that happens in it.
        start: First instant, aware; a Monday by default.
        days: Length.
        agents: Agent identities at the start; onboarding adds a few.
        blueprints: Over which the agents are spread evenly.
        attacks: Whether attack stories are staged; without them the benign records are the same, byte for byte, but
            for the inventory, which shows what attacks changed, and for those that an attack keeps from arriving.
        attack_stories: Names out of `ATTACK_STORIES`, or `ALL`.
        attack_levels: Each story is staged once for each of these levels.
        attack_after_days: Attack-free time at the start, for baselines.
        duplicates: Fraction of sign-in records that arrive more than once (measured at the source: 0.03 to 0.04).
        lost: Fraction of benign records that never arrive.
        records_per_body: Records in one Event Hubs message.
        mean_requests_per_agent_day: Token requests, averaged over all agents.
        inventory: Whether the directory is polled: daily rounds, and changed objects within minutes.
        deployments: Whether pipelines tell of their runs, and of handshakes.
        manifest: Whether the configuration declares what agents are meant to be.
        other_records_per_day: Sign-ins of the rest of the tenant: scanners, ordinary applications, people.
        traits: What makes this tenant unlike others; to be drawn from ranges.
    """

    seed: int = 1
    start: datetime = datetime(2026, 10, 5, tzinfo=UTC)
    days: float = 9
    agents: int = 60
    blueprints: int = 6
    attacks: bool = True
    attack_stories: tuple[str, ...] = ALL
    attack_levels: tuple[Level, ...] = ("obvious",)
    attack_after_days: float = 7
    duplicates: float = 0.03
    lost: float = 0.0002
    records_per_body: int = 50
    inventory: bool = True
    deployments: bool = True
    manifest: bool = True
    mean_requests_per_agent_day: float = 120
    other_records_per_day: float = 600
    traits: Traits = field(default_factory=Traits)

    def __post_init__(self) -> None:
        """Refuse settings that make no sense."""
        if self.start.utcoffset() is None:
            raise ValueError("start: needs a time zone, e.g. 2026-10-05T00:00:00Z")
        if self.start.utcoffset() != timedelta(0):
            raise ValueError("start: must be UTC")
        if self.days <= 0:
            raise ValueError("days: must be above 0")
        if not 1 <= self.blueprints <= self.agents:
            raise ValueError("blueprints: must be at least 1 and at most the number of agents")
        if self.records_per_body < 1:
            raise ValueError("records_per_body: must be at least 1")
        if self.attacks and not 0 <= self.attack_after_days < self.days:
            raise ValueError("attack_after_days: must be below days, or there is no time left for attacks")
        unknown = [level for level in self.attack_levels if level not in LEVELS]
        if unknown:
            raise ValueError(f"attack_levels: {unknown[0]!r} is not one of {', '.join(LEVELS)}")

    @property
    def start_ticks(self) -> int:
        """First instant."""
        return ticks_of(self.start)

    @property
    def end_ticks(self) -> int:
        """First instant after the simulation."""
        return self.start_ticks + int(self.days * DAY)

    @property
    def attack_ticks(self) -> int:
        """Where the attack-free time ends."""
        return self.start_ticks + int(min(self.attack_after_days, self.days) * DAY)
