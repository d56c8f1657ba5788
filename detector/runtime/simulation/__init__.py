"""A seeded tenant that writes its logs: benign life and labelled attacks in Event Hubs form.

For demonstrations, tests, the training of shipped models and the measurement of quality. Everything in it is invented:
identifiers, names, and addresses out of the documentation ranges.
"""

from __future__ import annotations

from detector.runtime.simulation.attacks import ATTACK_STORIES
from detector.runtime.simulation.labels import LEVELS, Label, Level, Story
from detector.runtime.simulation.plan import BENIGN_STORIES
from detector.runtime.simulation.settings import ALL, SimulationSettings
from detector.runtime.simulation.simulate import Simulation, simulate
from detector.runtime.simulation.traits import Traits, drawn

__all__ = [
    "ALL",
    "ATTACK_STORIES",
    "BENIGN_STORIES",
    "LEVELS",
    "Label",
    "Level",
    "Simulation",
    "SimulationSettings",
    "Story",
    "Traits",
    "drawn",
    "simulate",
]
