"""A simulation on disk: bodies, labels and a configuration that is YAML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from detector.runtime.simulation import SimulationSettings, simulate
from detector.runtime.simulation.write import write


def test_what_is_written_can_be_read_again(tmp_path: Path, settings: SimulationSettings) -> None:
    simulation = simulate(replace(settings, days=1, attack_after_days=0.5, attack_levels=("obvious",)))
    written = write(simulation, tmp_path / "new" / "directory")
    assert [written.events.name, written.labels.name, written.configuration.name] == [
        "events.jsonl",
        "labels.json",
        "detector.yaml",
    ]
    assert written.events.read_bytes() == b"".join(body + b"\n" for body in simulation.bodies())
    truth = orjson.loads(written.labels.read_bytes())
    assert truth["tenant_id"] == simulation.tenant_id
    assert [label["story"] for label in truth["attacks"]] == [label.story for label in simulation.labels]
    assert [label["story"] for label in truth["benign"]] == [label.story for label in simulation.benign_labels]
    assert truth["settings"]["seed"] == settings.seed


def test_the_configuration_is_yaml(tmp_path: Path, settings: SimulationSettings) -> None:
    yaml = pytest.importorskip("yaml")
    simulation = simulate(replace(settings, days=1, attacks=False))
    text = write(simulation, tmp_path).configuration.read_text(encoding="utf-8")
    assert yaml.safe_load(text) == simulation.configuration()
