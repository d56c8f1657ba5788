"""Whether a process was slow itself, or the machine busy with others."""

from __future__ import annotations

from pathlib import Path


def kept_waiting(task: int) -> float:
    """Seconds in which a process or thread was ready to run and every processor was at work on something else."""
    try:
        return int(Path(f"/proc/{task}/schedstat").read_text(encoding="utf-8").split()[1]) / 1e9
    except FileNotFoundError:
        return 0.0  # not Linux, or it has ended
