"""What `agent-detector simulate` writes, replayed: every obvious attack is to be found, and calm life wakes nobody.

Every input is on: logs, inventory, deployment records and the manifest. What a small tenant's budget of false alerts
holds back counts as noticed, and not as told.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.quality import corpus
from bench.quality.measures import found_in, outcome_of, visible
from bench.quality.running import Told, chunks_of, shortened
from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.domain.alerts import Alert
from detector.domain.findings import SEVERITIES
from detector.engine.engine import Engine
from detector.runtime.replay import replay
from detector.runtime.simulation import SimulationSettings

TENANT = SimulationSettings(seed=12)
OPEN = {"slow_drift", "extra_runs", "tightened_interval", "off_hours", "fleet_rise", "silent_agent"}
"""Stories that nothing notices in every small tenant: small rises of rates, and silences of agents that seldom work."""


class Heard(NamedTuple):
    """Alerts that are sent, and those that the budget holds back."""

    told: list[Told]
    held: list[Told]


def heard(place: Path) -> Heard:
    chosen, found = load(place / "detector.yaml"), Heard([], [])

    def into(kept: list[Told], alert: Alert) -> None:
        if alert.catalogue_ids:
            kept.append(shortened(alert))

    replay(
        chunks_of(place),
        Decoder(**decoder_settings(chosen)),
        Engine(engine_settings(chosen)),
        on_alert=lambda alert: into(found.told, alert),
        on_held=lambda alert: into(found.held, alert),
    )
    return found


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus.make(TENANT, tmp_path_factory.mktemp("attacked"))


def test_obvious_attacks_are_noticed(attacked: Path) -> None:
    truth, found = corpus.truth_of(attacked), heard(attacked)
    noticed = outcome_of(truth, found.told + found.held)
    missed = {label.story for number, label in visible(noticed) if number not in found_in(noticed)}
    assert missed <= OPEN
    sent = outcome_of(truth, found.told)
    assert len(found_in(sent)) >= 0.85 * len(truth.labels)


def test_calm_life_raises_nothing_grave(tmp_path: Path) -> None:
    found = heard(corpus.make(replace(TENANT, attacks=False), tmp_path))
    grave = [each for each in found.told + found.held if each.severity >= SEVERITIES.index("high")]
    assert grave == []


def test_who_leaves_is_one_alert(attacked: Path) -> None:
    """The sponsor of nearly all agents is disabled: one alert that lists them, not one for each."""
    truth, found = corpus.truth_of(attacked), heard(attacked)
    [gone] = [label for label in truth.labels if label.story == "sponsor_lost"]
    alerts = [
        each
        for each in found.told + found.held
        if each.detector == "accountability_lost" and not each.ids.isdisjoint(gone.subject_ids[:4])
    ]
    assert len(alerts) == 1
