"""`make quality`: simulated tenants through the real engine, and what of the attacks was found at which price."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console

from bench.quality import report
from bench.quality.measuring import calibration_of, outcomes_of
from bench.quality.plots import draw
from bench.quality.protocol import Protocol

CONSOLE = Console(width=130)


def main() -> None:
    """Measure, print, and write `quality.json` and the plots."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--days", type=float, default=28)
    parser.add_argument("--quiet-days", type=float, default=14)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--training", type=int, default=0, help="Training tenants that incidents are ranked by.")
    parser.add_argument("--twins", type=int, default=None, help="Attack-free tenants for p-values; as many as seeds.")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--split", choices=("train", "test"), default="test")
    parser.add_argument("--inputs", choices=("logs", "all"), default="logs")
    parser.add_argument("--model", help="Model of finished hours: a directory, or shipped.")
    parser.add_argument("--out", type=Path, default=Path("build/quality"))
    chosen = parser.parse_args()
    protocol = partial(
        Protocol, agents=chosen.agents, days=chosen.days, quiet_days=chosen.quiet_days, inputs=chosen.inputs
    )
    root, jobs, tell = chosen.out / "corpus", chosen.jobs, partial(CONSOLE.print, style="dim")
    tenants = protocol(seeds=chosen.seeds, split=chosen.split).tenants()
    training = protocol(seeds=chosen.training, split="train").tenants() if chosen.training else []
    outcomes = list(outcomes_of(tenants, root, jobs, tell, chosen.model))
    trained = list(outcomes_of(training, root, jobs, tell, chosen.model))
    twins = tenants[: chosen.seeds if chosen.twins is None else chosen.twins]
    calibration, tails = calibration_of(twins, root, jobs, tell) if twins else (None, None)
    found = report.document(outcomes, training=trained, calibration=calibration, tails=tails)
    report.show(found, CONSOLE)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "quality.json").write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1))
    CONSOLE.print(str(chosen.out / "quality.json"))
    try:
        pictures = draw(found, chosen.out)
    except ModuleNotFoundError as error:
        CONSOLE.print(f"No pictures: {error}. `make venv` installs what is missing.")
        return
    for path in pictures:
        CONSOLE.print(str(path))


if __name__ == "__main__":
    main()
