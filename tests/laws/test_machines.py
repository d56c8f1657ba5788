"""Law: the alerts are the same bytes whatever the hash seed and the time zone of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.laws.records import lines_of, written
from tests.laws.streams import fixed

ROOT = Path(__file__).resolve().parents[2]
MACHINES = (("0", "UTC"), ("1", "America/New_York"), ("0", "Asia/Kathmandu"), ("1", "Pacific/Chatham"))
"""PYTHONHASHSEED and TZ."""

PROGRAM = """
import sys
{patch}
from tests.laws.records import written
sys.stdout.buffer.write(written(sys.stdin.buffer.read()))
"""


def check(lines: bytes, patch: str = "", machines: tuple[tuple[str, str], ...] = MACHINES) -> None:
    """Every machine writes the same; `patch` is run before (mutants plant their bug with it)."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(patch=patch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(ROOT)},
        )
        for seed, zone in machines
    ]
    outputs = [process.communicate(lines)[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    assert outputs[0]
    assert all(output == outputs[0] for output in outputs)


def test_hash_seed_and_time_zone_change_no_byte() -> None:
    lines = lines_of(fixed().events)
    assert written(lines).count(b"\n") > 10
    check(lines)
