"""Write a simulation to files that `agent-detector replay` and a quality bench read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import orjson

from detector.runtime.simulation.simulate import Simulation


@dataclass(frozen=True, slots=True)
class Written:
    """Where a simulation lies."""

    events: Path
    """One Event Hubs body a line, in order of delivery."""
    labels: Path
    """`{"tenant_id", "settings", "attacks": [label], "benign": [label]}`."""
    configuration: Path
    """Detector configuration of the simulated tenant."""


def write(simulation: Simulation, directory: Path) -> Written:
    """Write `events.jsonl`, `labels.json` and `detector.yaml` into a directory, which is made where it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    written = Written(directory / "events.jsonl", directory / "labels.json", directory / "detector.yaml")
    with written.events.open("wb") as file:
        file.writelines(body + b"\n" for body in simulation.bodies())
    truth = {
        "tenant_id": simulation.tenant_id,
        "settings": simulation.settings,
        "attacks": simulation.labels,
        "benign": simulation.benign_labels,
    }
    written.labels.write_bytes(orjson.dumps(msgspec.to_builtins(truth), option=orjson.OPT_INDENT_2))
    write_configuration(simulation, written.configuration)
    return written


def write_configuration(simulation: Simulation, path: Path) -> None:
    """Write the configuration that the tenant's operator would give the detector."""
    path.write_text("\n".join([*_yaml(simulation.configuration()), ""]), encoding="utf-8")


def _yaml(value: object, indent: str = "") -> Iterator[str]:
    """Write dictionaries, lists and scalars as YAML; scalars as JSON, which YAML contains."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list) and item:
                yield f"{indent}{key}:"
                yield from _yaml(item, indent + "  ")
            else:
                yield f"{indent}{key}: {json.dumps(item)}"
    elif isinstance(value, list):
        for item in value:
            first, *rest = _yaml(item, indent + "  ")
            yield f"{indent}- {first.strip()}"
            yield from rest
    else:
        yield f"{indent}{json.dumps(value)}"
