"""Tenants through simulator and engine, some at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, TypeVar

import msgspec

from bench.quality import corpus
from bench.quality.calibration import Calibration
from bench.quality.measures import Outcome, outcome_of
from bench.quality.protocol import twin
from bench.quality.running import Run, run
from detector.runtime.simulation import SimulationSettings

T = TypeVar("T")
Tell = Callable[[str], None]


class Measured(NamedTuple):
    """One tenant that was replayed."""

    place: Path
    run: Run
    made: float
    """Seconds that the simulation took; next to nothing when it lay on disk."""
    replayed: float


def measured(
    settings: SimulationSettings, root: Path, *, calibrate: bool = False, model: str | None = None
) -> Measured:
    """Simulate a tenant where needed and replay it."""
    begun = perf_counter()
    place = corpus.make(settings, root)
    made = perf_counter()
    found = run(place, calibrate=calibrate, model=model)
    replayed = perf_counter()
    # Kept to be judged again by another matching; never read here, because the engine may be another by then.
    kept = root.parent / "runs" / f"{place.name}.msgpack"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(msgspec.msgpack.encode(found))
    return Measured(place, found, made - begun, replayed - made)


def outcomes_of(
    tenants: Sequence[SimulationSettings], root: Path, jobs: int, tell: Tell, model: str | None = None
) -> Iterator[Outcome]:
    """Simulate, replay and judge tenants."""
    for each in of_all(partial(measured, root=root, model=model), tenants, jobs):
        tell(_line(each))
        yield outcome_of(corpus.truth_of(each.place), each.run.told)


def calibration_of(
    tenants: Sequence[SimulationSettings], root: Path, jobs: int, tell: Tell
) -> tuple[Calibration, Calibration]:
    """The p-values of alerts, and the tails of models, of the benign twins of tenants."""
    alerts, tails = Calibration(), Calibration()
    for each in of_all(partial(measured, root=root, calibrate=True), [twin(tenant) for tenant in tenants], jobs):
        tell(_line(each))
        assert each.run.calibration is not None
        assert each.run.tails is not None
        alerts.add(each.run.calibration)
        tails.add(each.run.tails)
    return alerts, tails


def _line(each: Measured) -> str:
    found = each.run
    return (
        f"{each.place.name}: {found.received:,} records, {len(found.told):,} alerts; simulated in {each.made:.0f} s, "
        f"replayed in {each.replayed:.0f} s ({found.seconds / max(1, found.received) * 1e6:.1f} us a record)"
    )


def of_all(work: Callable[[SimulationSettings], T], tenants: Sequence[SimulationSettings], jobs: int) -> Iterator[T]:
    """What comes of each tenant, in their order, some at once."""
    if jobs == 1:
        yield from map(work, tenants)
        return
    # A process for each tenant: what a simulation held is given back.
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        yield from pool.map(work, tenants)
