"""What `agent-detector simulate` writes, replayed: every obvious attack is to be found, and calm life wakes nobody.

Every input is on: logs, inventory, deployment records and the manifest. What a small tenant's budget of false alerts
holds back counts as noticed, and not as told.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.quality import corpus, noticed
from bench.quality.measures import found_in, outcome_of, visible
from bench.quality.running import run
from detector.domain.findings import SEVERITIES
from detector.runtime.simulation import SimulationSettings

TENANT = SimulationSettings(seed=12)
OPEN = {"slow_drift", "extra_runs", "tightened_interval", "off_hours", "fleet_rise", "silent_agent"}
"""Stories that nothing notices in every small tenant: small rises of rates, and silences of agents that seldom work."""


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus.make(TENANT, tmp_path_factory.mktemp("attacked"))


def test_obvious_attacks_are_noticed(attacked: Path) -> None:
    truth, found = corpus.truth_of(attacked), run(attacked)
    every = outcome_of(truth, found.told + found.held)
    missed = {label.story for number, label in visible(every) if number not in found_in(every)}
    assert missed <= OPEN
    sent = outcome_of(truth, found.told)
    assert len(found_in(sent)) >= 0.85 * len(truth.labels)


def test_calm_life_raises_nothing_grave(tmp_path: Path) -> None:
    found = run(corpus.make(replace(TENANT, attacks=False), tmp_path))
    grave = [each for each in found.told + found.held if each.severity >= SEVERITIES.index("high")]
    assert grave == []


def test_who_leaves_is_one_alert(attacked: Path) -> None:
    """The sponsor of nearly all agents is disabled: one alert that lists them, not one for each."""
    truth, found = corpus.truth_of(attacked), run(attacked)
    [gone] = [label for label in truth.labels if label.story == "sponsor_lost"]
    alerts = [
        each
        for each in found.told + found.held
        if each.detector == "accountability_lost" and not each.ids.isdisjoint(gone.subject_ids[:4])
    ]
    assert len(alerts) == 1


def test_the_command_names_what_is_missed_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A day of learning is too little for rises and silences, and enough for what is told by itself."""
    words = "--agents 30 --blueprints 6 --days 3 --quiet-days 1 --seeds 5 --out"
    assert noticed.main([*words.split(), str(tmp_path)]) == 1
    told = capsys.readouterr().out
    line = r"^seed 5: \d+ attacks, missed (\[.*\]), not sent \[.*\]; grave in the twin: \[\]$"
    missed = re.search(line, told, re.MULTILINE)
    assert missed is not None
    assert "'slow_drift'" in missed[1]
    assert "'token_flood'" not in missed[1]
