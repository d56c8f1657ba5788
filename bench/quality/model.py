"""`python -m bench.quality.model --out models/hours/1`: the shipped model, made of training tenants without attacks."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path

from bench.quality import corpus
from bench.quality.protocol import Protocol, twin
from bench.quality.running import chunks_of
from detector.config.build import decoder_settings, engine_settings
from detector.config.load import load
from detector.decode.decoder import Decoder
from detector.models.artefact import Source, write
from detector.models.training import DETECTORS, train
from detector.runtime.training import MIN_SEEN, Recorder, frame_of, recorded

FIRST = 2
"""The first training tenant that it is made of; those before it are for comparing models under attack."""


def main() -> None:
    """Simulate, record, train and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.model", description=__doc__)
    parser.add_argument("--agents", type=int, default=600)
    parser.add_argument("--days", type=float, default=21)
    parser.add_argument("--quiet-days", type=float, default=12)
    parser.add_argument("--tenants", type=int, default=3)
    parser.add_argument("--detector", choices=sorted(DETECTORS), default="pca")
    parser.add_argument("--corpus", type=Path, default=corpus.ROOT)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    seeds = FIRST + chosen.tenants
    protocol = Protocol(chosen.agents, chosen.days, chosen.quiet_days, seeds, split="train")
    places = [corpus.make(twin(tenant), chosen.corpus) for tenant in protocol.tenants()[FIRST:]]
    recorder = Recorder()
    sources = list(_recorded(places, recorder))
    manifest, files = train(
        frame_of(recorder),
        name=chosen.out.resolve().parent.name,
        version=chosen.out.name,
        detector=chosen.detector,
        min_seen=MIN_SEEN,
        sources=sources,
    )
    write(chosen.out, manifest, files)
    print(f"{chosen.out}: {manifest.fitted:,} hours of agents, {manifest.held_out:,} held out")


def _recorded(places: list[Path], recorder: Recorder) -> Iterator[Source]:
    """Each tenant through an engine of its own."""
    for place in places:
        settings = load(place / "detector.yaml")
        recorded(chunks_of(place), Decoder(**decoder_settings(settings)), engine_settings(settings), recorder)
        print(f"{place.name}: {len(recorder.hours):,} hours so far")
        yield Source(place.name, hashlib.sha256((place / "bodies.zst").read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
