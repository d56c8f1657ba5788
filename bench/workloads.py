"""What is measured on, and the yardstick."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter, process_time

import orjson

from detector.config.build import decoder_settings
from detector.config.load import load
from detector.config.settings import ModelSettings
from detector.decode.decoder import Decoder
from detector.engine.engine import Engine
from detector.models.in_use import judging
from detector.runtime.simulation.workload import sign_in_bodies

DENSITIES = {"10 minutes": 600.0, "1 hour": 3_600.0, "6 hours": 21_600.0}
"""The same records over three spans of event time: sparse data costs more a record."""


def bodies(
    records: int, agents: int, span: float, padding: str, seed: int = 3, *, records_per_body: int = 50
) -> list[bytes]:
    """`{"records": [50]}` bodies of ServicePrincipalSignInLogs."""
    return sign_in_bodies(
        records=records,
        agents=agents,
        span=span,
        seed=seed,
        padding=padding,  # type: ignore[arg-type]
        records_per_body=records_per_body,
    )


def parse(stream: Sequence[bytes]) -> None:
    """The yardstick: `orjson.loads` of every body and nothing else."""
    for body in stream:
        orjson.loads(body)


def decode(stream: Sequence[bytes]) -> None:
    """Bytes to events, nothing judged."""
    decoder = Decoder(**decoder_settings(load()))
    for body in stream:
        decoder.body(body)


def replay(stream: Sequence[bytes], model: str | None = None) -> Engine:
    """Bytes to alerts with every detector on: what `agent-detector replay` does for each body.

    Args:
        stream: The bodies.
        model: Of finished hours: a directory, or `shipped`; none as shipped.
    """
    settings = load()
    if model is not None:
        settings = settings.model_copy(update={"model": ModelSettings(path=model)})
    decoder, engine = Decoder(**decoder_settings(settings)), Engine(judging(settings))
    for body in stream:
        engine.process(decoder.body(body))
    return engine


def timed_replay(arguments: tuple[int, int, int]) -> float:
    """Wall seconds to replay (records, agents, seed) at the middle density; importable by worker processes."""
    records, agents, seed = arguments
    stream = bodies(records, agents, DENSITIES["1 hour"], "typical", seed)
    start = perf_counter()
    replay(stream)
    return perf_counter() - start


def paired(
    measured: dict[str, Callable[[Sequence[bytes]], object]], stream: Sequence[bytes], rounds: int
) -> dict[str, list[float]]:
    """CPU seconds of each candidate, in turn, `rounds` times; the collector is frozen as in a real replay."""
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    for _ in range(rounds):
        for name, run in measured.items():
            start = process_time()
            run(stream)
            seconds[name].append(process_time() - start)
            gc.collect()
    return seconds


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """Median over rounds of how many times faster `of` is than `to`, pair by pair."""
    return median(theirs / ours for ours, theirs in zip(of, to, strict=True))
