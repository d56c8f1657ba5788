"""A hub in a process of its own, for benchmarks and for trying things by hand.

    python -m tests.hub --partitions 4 --bodies 200K --count 2000

prints one line of JSON with the port and a connection string as soon as clients can connect, and serves until it is
told to stop (SIGINT, SIGTERM, or the end of its standard input with `--until-stdin-ends`).
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.hub.model import Hub
from tests.hub.server import FRAME_SIZE, Server

_UNITS = {"K": 1000, "M": 1_000_000}

_PULSE = 0.1
"""Seconds between two helpings of a steady stream."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve as the arguments say; the exit code."""
    options = _parser().parse_args(arguments)
    bodies = _bodies(options.bodies)
    hub = Hub(options.hub, partitions=options.partitions)
    total = _fill(hub, bodies, options.count)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    if options.until_stdin_ends:
        threading.Thread(target=_wait_for_end, args=(stopping,), daemon=True).start()
    keys = None if options.key is None else {"RootManageSharedAccessKey": options.key}
    with Server(
        hub, keys=keys, port=options.port, websocket=options.websocket, max_frame_size=options.frame_size
    ) as server:
        ready = {
            "port": server.port,
            "websocket_port": server.websocket_port,
            "connection_string": server.connection_string(),
            "events": options.count,
            "bytes": total,
        }
        print(json.dumps(ready), flush=True)  # noqa: T201  # the answer to whoever started this process
        _stream(hub, bodies, options.rate, options.keep, stopping)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hub", description="A loopback look-alike of an event hub.")
    parser.add_argument("--hub", default="agents", help="name of the hub (default: %(default)s)")
    parser.add_argument("--partitions", type=int, default=4, help="number of partitions (default: %(default)s)")
    parser.add_argument("--bodies", default="3K", help="size of a body (3000, 3K, 1M), or a file with one body a line")
    parser.add_argument("--count", type=int, default=0, help="events to enqueue before serving, over all partitions")
    parser.add_argument("--rate", type=float, default=0.0, help="events a second to enqueue while serving")
    parser.add_argument("--keep", type=int, default=100_000, help="events kept in a partition while streaming")
    parser.add_argument("--port", type=int, default=0, help="port, 0 for a free one")
    parser.add_argument("--key", help="shared access key; by default any is taken")
    parser.add_argument("--websocket", action="store_true", help="also serve AMQP over WebSocket")
    parser.add_argument("--frame-size", type=int, default=FRAME_SIZE, help="largest frame in octets")
    parser.add_argument("--until-stdin-ends", action="store_true", help="stop when standard input is closed")
    return parser


def _bodies(text: str) -> Iterator[bytes]:
    """Bodies without end: one of that size again and again, or the lines of a file in turn."""
    unit = _UNITS.get(text[-1:].upper(), 1)
    digits = text[:-1] if unit > 1 else text
    if digits.isdigit():
        return itertools.repeat(b"x" * (int(digits) * unit))
    lines = [line for line in Path(text).read_bytes().splitlines() if line]
    if not lines:
        raise SystemExit(f"{text} holds no bodies")
    return itertools.cycle(lines)


def _fill(hub: Hub, bodies: Iterator[bytes], count: int) -> int:
    """Enqueue events over all partitions; octets of their bodies."""
    names = hub.partition_ids
    taken = list(itertools.islice(bodies, count))
    for place, name in enumerate(names):
        hub.put_many(name, taken[place :: len(names)])
    return sum(map(len, taken))


def _stream(hub: Hub, bodies: Iterator[bytes], rate: float, keep: int, stopping: threading.Event) -> None:
    """Enqueue at a steady rate until told to stop."""
    if rate <= 0:
        stopping.wait()
        return
    began, sent = time.monotonic(), 0
    while not stopping.wait(_PULSE):
        due = int((time.monotonic() - began) * rate) - sent
        _fill(hub, bodies, due)
        sent += due
        for name in hub.partition_ids:
            hub.expire(name, hub.state(name).last_sequence - keep)


def _wait_for_end(stopping: threading.Event) -> None:
    while sys.stdin.read(1 << 16):
        pass
    stopping.set()


if __name__ == "__main__":
    sys.exit(main())
