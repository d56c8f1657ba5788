"""Simulated tenants on disk: made once for each settings, read as often as a configuration is tried.

A corpus is a directory of `bodies.zst` (Event Hubs bodies, one a line), `truth.json` and `detector.yaml`. Its name is
a hash of the settings and of the simulator's source, so an edited simulator never meets an old corpus.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import zstandard

import detector.runtime.simulation as simulator
from detector.runtime.simulation import Label, SimulationSettings, simulate
from detector.runtime.simulation.write import write_configuration

ROOT: Final = Path("build/quality/corpus")

_TICKS: Final = 10_000_000


class Truth(msgspec.Struct, frozen=True):
    """What really happened in a corpus."""

    seed: int
    agents: int
    start: float
    """First instant, seconds since the epoch."""
    attacked_from: float
    """Where the attack-free time ends."""
    end: float
    records: int
    """Delivered, copies included."""
    labels: list[Label]
    benign: list[Label]
    times: dict[str, float]
    """Event time of each delivered record of an attack."""
    blueprint_of: dict[str, str]
    """Application id of the blueprint of each agent."""

    @property
    def days(self) -> float:
        """Length."""
        return (self.end - self.start) / 86_400


def make(settings: SimulationSettings, root: Path = ROOT) -> Path:
    """Simulate a tenant into a directory of its own under `root`, unless it is there already."""
    place = root / name_of(settings)
    if place.exists():
        return place
    draft = root / f"{place.name}.{os.getpid()}"
    draft.mkdir(parents=True, exist_ok=True)
    simulation = simulate(settings)
    packed = zstandard.ZstdCompressor(level=3)
    with (draft / "bodies.zst").open("wb") as file, packed.stream_writer(file) as writer:
        for body in simulation.bodies():
            writer.write(body)
            writer.write(b"\n")
    wanted = {record_id for label in simulation.labels for record_id in label.record_ids}
    truth = Truth(
        seed=settings.seed,
        agents=settings.agents,
        start=settings.start_ticks / _TICKS,
        attacked_from=settings.attack_ticks / _TICKS,
        end=settings.end_ticks / _TICKS,
        records=simulation.record_count,
        labels=simulation.labels,
        benign=simulation.benign_labels,
        times={record_id: ticks / _TICKS for record_id, ticks in simulation.moments(wanted).items()},
        blueprint_of=simulation.blueprints(),
    )
    (draft / "truth.json").write_bytes(msgspec.json.encode(truth))
    write_configuration(simulation, draft / "detector.yaml")
    if place.exists():  # another process was as quick
        shutil.rmtree(draft)
    else:
        draft.rename(place)
    return place


def name_of(settings: SimulationSettings) -> str:
    """The directory's name: seed, size, and a hash of everything that decides about the bytes."""
    digest = hashlib.sha256(msgspec.json.encode(asdict(settings)))
    source = Path(simulator.__file__).parent
    for path in sorted(source.glob("*.py")):
        digest.update(path.read_bytes())
    attacked = "attacked" if settings.attacks else "twin"
    return f"{settings.seed}-{settings.agents}x{settings.days:g}-{attacked}-{digest.hexdigest()[:12]}"


def truth_of(place: Path) -> Truth:
    """Read what really happened."""
    return msgspec.json.decode((place / "truth.json").read_bytes(), type=Truth)


def bodies_of(place: Path) -> Iterator[bytes]:
    """Read the bodies in order of delivery, without holding them."""
    with (place / "bodies.zst").open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file)
        for line in io.BufferedReader(reader, buffer_size=1 << 20):
            yield line[:-1]


def seconds(text: str) -> float:
    """Seconds since the epoch of a label's time."""
    return datetime.fromisoformat(text).timestamp()
