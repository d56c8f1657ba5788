"""Two simulations for all tests: a small tenant under every attack, and its benign twin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.runtime.simulation import LEVELS, Simulation, SimulationSettings, simulate

SMALL = SimulationSettings(
    seed=7,
    days=4,
    agents=24,
    blueprints=6,
    attack_after_days=2,
    attack_levels=LEVELS,
    mean_requests_per_agent_day=60,
    other_records_per_day=200,
)


@pytest.fixture(scope="session")
def settings() -> SimulationSettings:
    return SMALL


@pytest.fixture(scope="session")
def attacked() -> Simulation:
    return simulate(SMALL)


@pytest.fixture(scope="session")
def twin() -> Simulation:
    return simulate(replace(SMALL, attacks=False))
