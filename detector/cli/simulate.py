"""`agent-detector simulate`."""

from __future__ import annotations

from pathlib import Path

import click

from detector.cli.help import Command
from detector.errors import UsageError

_EXAMPLES = """
Examples:
  agent-detector simulate --out demo
  agent-detector simulate --seed 7 --days 21 --agents 200 --blueprints 20 --out demo
  agent-detector replay demo/events.jsonl --config demo/detector.yaml
"""


@click.command("simulate", cls=Command, epilog=_EXAMPLES)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed, another tenant.")
@click.option("--days", type=click.FloatRange(0, min_open=True), default=9, show_default=True, help="How long.")
@click.option("--agents", type=click.IntRange(1), default=60, show_default=True, help="Agent identities.")
@click.option("--blueprints", type=click.IntRange(1), help="Blueprints they belong to.  [default: a tenth of them]")
@click.option("--attacks/--no-attacks", default=True, show_default=True, help="Whether anything bad happens.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Directory to write into.")
def command(seed: int, days: float, agents: int, blueprints: int | None, attacks: bool, out: Path) -> None:
    """Write the logs of an invented tenant, in the form in which Entra exports them.

    Agents live through their days in them; attacks are staged from the eighth day on (or after three quarters of a
    shorter time), and what was staged is written beside the logs. Equal options give equal bytes.
    """
    from detector.runtime.simulation import SimulationSettings, simulate
    from detector.runtime.simulation.write import write

    try:
        settings = SimulationSettings(
            seed=seed,
            days=days,
            agents=agents,
            blueprints=blueprints or max(1, agents // 10),
            attacks=attacks,
            attack_after_days=7 if days > 7 else days * 0.75,
        )
        simulation = simulate(settings)
    except ValueError as error:
        raise UsageError(f"--{str(error).replace('_', '-')}.") from None
    try:
        written = write(simulation, out)
    except OSError as error:
        raise UsageError(f"{out}: The simulation cannot be written there ({error.strerror}).") from None
    for title, path, what in (
        ("Records", written.events, f"{simulation.record_count:,} of them, as Event Hubs messages, one a line"),
        ("Labels", written.labels, f"the truth: {len(simulation.labels)} attacks staged"),
        ("Configuration", written.configuration, "of the detector, for this tenant"),
    ):
        click.echo(f"{title:<15}{path}  ({what})")
    click.echo(f"\nagent-detector replay {written.events} --config {written.configuration}")
