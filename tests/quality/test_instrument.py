"""The whole instrument on one small tenant: simulated once, replayed by the real engine, held against floors.

The floors were recorded with the release that they lie beside. They are far below what the protocol of the bars asks
for, and stand for "nothing broke": a change that finds less, or wakes people more often, fails here within seconds.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bench.quality import corpus, report
from bench.quality.calibration import Calibration
from bench.quality.measures import Outcome, outcome_of
from bench.quality.plots import draw
from bench.quality.protocol import Protocol, twin
from bench.quality.running import Run, run
from detector.runtime.simulation import LEVELS, SimulationSettings, simulate

FLOORS = json.loads((Path(__file__).parent / "floors.json").read_text(encoding="utf-8"))
[TENANT] = Protocol(agents=60, days=6, quiet_days=4, seeds=1).tenants()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus.make(TENANT, tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def twin_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus.make(twin(TENANT), tmp_path_factory.mktemp("twin"))


@pytest.fixture(scope="module")
def found(place: Path) -> Run:
    return run(place)


@pytest.fixture(scope="module")
def outcome(place: Path, found: Run) -> Outcome:
    return outcome_of(corpus.truth_of(place), found.told)


@pytest.fixture(scope="module")
def calibrated(twin_place: Path) -> Run:
    return run(twin_place, calibrate=True)


@pytest.fixture(scope="module")
def document(outcome: Outcome, calibrated: Run) -> dict[str, Any]:
    return report.document([outcome], training=[outcome], calibration=calibrated.calibration, tails=calibrated.tails)


def test_a_corpus_holds_the_bodies_of_its_simulation_and_is_made_once(place: Path) -> None:
    simulation = simulate(TENANT)
    assert list(corpus.bodies_of(place)) == list(simulation.bodies())
    stamp = (place / "truth.json").stat().st_mtime_ns
    assert corpus.make(TENANT, place.parent) == place
    assert (place / "truth.json").stat().st_mtime_ns == stamp
    assert [each.name for each in place.parent.iterdir()] == [place.name]


def test_a_corpus_is_named_after_its_settings() -> None:
    assert corpus.name_of(TENANT) == corpus.name_of(Protocol(agents=60, days=6, quiet_days=4, seeds=1).tenants()[0])
    others = [SimulationSettings(seed=TENANT.seed), twin(TENANT)]
    assert len({corpus.name_of(each) for each in (TENANT, *others)}) == 3


def test_the_truth_knows_when_each_delivered_record_of_an_attack_happened(place: Path) -> None:
    truth = corpus.truth_of(place)
    for label in truth.labels:
        for record_id in label.record_ids:
            time = truth.times[record_id]
            assert corpus.seconds(label.start) - 0.001 <= time <= corpus.seconds(label.end) + 0.001


def test_every_record_is_replayed(place: Path, found: Run) -> None:
    assert found.received == corpus.truth_of(place).records
    assert found.told


def test_listening_changes_nothing_that_is_said(twin_place: Path, calibrated: Run) -> None:
    assert run(twin_place).told == calibrated.told


def test_the_p_values_of_alerts_hold_in_a_tenant_without_attacks(calibrated: Run) -> None:
    """As far as 360 agent-days can tell; `make quality` has 140,000 of them."""
    alerts = calibrated.calibration
    assert alerts is not None
    assert alerts.below
    for kind, below in alerts.below.items():
        assert alerts.opportunities[kind] == TENANT.agents * TENANT.days
        assert below[0] > 0, kind
        assert below[5 * 4] == 0, f"{kind}: no experience of a week says that anything is so rare"


def test_tails_of_models_have_a_denominator(calibrated: Run) -> None:
    calibration = calibrated.tails
    assert calibration is not None
    for kind in ("token_rate 10 min", "token_rate 1 h", "fleet_rate 10 min"):
        # Every judged bucket is an opportunity, whether or not anything was said of it.
        assert calibration.below[kind][0] == calibration.opportunities[kind] > 100
    for kind, below in calibration.below.items():
        assert below == sorted(below, reverse=True), kind
        assert below[0] <= calibration.opportunities[kind]


def test_counts_of_tenants_add_up(calibrated: Run) -> None:
    total = Calibration()
    for _ in range(2):
        assert calibrated.tails is not None
        total.add(calibrated.tails)
    kind = "token_rate 1 h"
    assert total.opportunities[kind] == 2 * calibrated.tails.opportunities[kind]
    assert total.fraction(kind, 1e-3) == calibrated.tails.fraction(kind, 1e-3)


def test_no_level_is_found_less_often_than_recorded(document: dict[str, Any]) -> None:
    levels = document["recall"]["levels"]
    found = {level: levels[level]["recall"] for level in LEVELS}
    assert {level: recall for level, recall in found.items() if recall < FLOORS["recall"][level]} == {}


def test_no_family_is_found_less_often_than_recorded(document: dict[str, Any]) -> None:
    families = document["recall"]["families"]
    found = {name: families[name]["all"]["recall"] for name in families}
    assert set(found) == set(FLOORS["families"])
    assert {name: recall for name, recall in found.items() if recall < FLOORS["families"][name]} == {}


def test_nobody_is_woken_more_often_than_recorded(document: dict[str, Any]) -> None:
    assert document["false"]["mean"] <= FLOORS["false"]
    assert document["false"]["at_least"]["medium"] <= FLOORS["false_medium"]
    assert document["precision"]["recall"] >= FLOORS["precision"]


def test_everything_is_drawn(document: dict[str, Any], tmp_path: Path) -> None:
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("matplotlib is not installed; `make venv` installs it")
    pictures = draw(document, tmp_path)
    assert [path.name for path in pictures] == ["budgets.svg", "delays.svg", "calibration.svg"]
    again = tmp_path / "again"
    again.mkdir()
    assert [path.read_bytes() for path in draw(document, again)] == [path.read_bytes() for path in pictures]
