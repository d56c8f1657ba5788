"""A soak: the service reads a steady stream from a hub for a quarter of an hour; memory, open files and threads.

The stream is sixteen hours of event time long, so that everything that is kept for a while (record ids for two hours,
buckets, windows) comes and goes many times. The slope of resident memory is fitted by least squares behind the warm-up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from bench.workloads import bodies


def main() -> None:
    """Runs the soak and prints what was measured, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--warm-up", type=float, default=5.0, help="minutes")
    parser.add_argument("--rate", type=float, default=500.0, help="messages a second, of one record each")
    parser.add_argument("--agents", type=int, default=500)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        _write(json.dumps(_soak(Path(name), chosen)))


def _soak(folder: Path, chosen: argparse.Namespace) -> dict[str, object]:
    count = int(chosen.minutes * 60 * chosen.rate)
    file = folder / "bodies"
    with file.open("wb") as written:
        for body in bodies(count, chosen.agents, 16 * 3_600.0, "lean", records_per_body=1):
            written.write(body + b"\n")
    command = [sys.executable, "-m", "tests.hub", "--partitions", "4", "--bodies", str(file)]
    command += ["--rate", str(chosen.rate), "--keep", "20000", "--until-stdin-ends"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdout is not None
        assert hub.stdin is not None
        answer = json.loads(hub.stdout.readline())
        file.unlink()
        (folder / "connection").write_text(answer["connection_string"])
        settings = {
            "source": {"event_hubs": {"connection_string_file": str(folder / "connection"), "start": "earliest"}},
            "store": {"directory": str(folder / "state"), "min_free": 0.0, "snapshot_every": 120.0},
            "telemetry": {"port": 0},
        }
        (folder / "detector.json").write_text(json.dumps(settings))
        run = [sys.executable, "-m", "detector", "run", "--config", str(folder / "detector.json")]
        log = folder / "log"
        with log.open("wb") as errors, subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=errors) as service:
            try:
                samples = _watch(psutil.Process(service.pid), chosen.minutes * 60)
                received = _metric(log, "agent_detector_events_received_total")
            finally:
                service.terminate()
                code = service.wait(60)
        hub.stdin.close()
    return {**_judge(samples, chosen.warm_up * 60), "records": received, "exit code": code}


def _watch(process: psutil.Process, seconds: float) -> list[tuple[float, int, int, int]]:
    """Samples of (second, resident bytes, open files, threads), one every five seconds."""
    started = time.monotonic()
    samples = []
    while (at := time.monotonic() - started) < seconds:
        samples.append((at, process.memory_info().rss, process.num_fds(), process.num_threads()))
        time.sleep(5.0)
    return samples


def _judge(samples: list[tuple[float, int, int, int]], warm_up: float) -> dict[str, object]:
    late = [sample for sample in samples if sample[0] >= warm_up]
    xs, ys = [at for at, *_ in late], [resident / 2**20 for _, resident, *_ in late]
    middle, level = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - middle) * (y - level) for x, y in zip(xs, ys, strict=True)) / sum((x - middle) ** 2 for x in xs)
    return {
        "resident MiB": [round(ys[0], 1), round(ys[-1], 1)],
        "resident MiB, a minute each": [round(resident / 2**20, 1) for _, resident, *_ in samples[::12]],
        "slope MiB / 10 min": round(slope * 600, 3),
        "open files": [min(files for _, _, files, _ in late), max(files for _, _, files, _ in late)],
        "threads": [min(count for *_, count in late), max(count for *_, count in late)],
    }


def _metric(log: Path, name: str) -> float:
    port = next(
        json.loads(line)["port"] for line in log.read_text("ascii").splitlines() if '"telemetry_opened"' in line
    )
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
