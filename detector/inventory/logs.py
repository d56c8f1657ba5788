"""Logs through Microsoft Graph, for whoever has no export: sign-ins, changes and risks of the last 30 days, as files.

Graph keeps 30 days with Microsoft Entra ID P1 or P2 (https://learn.microsoft.com/entra/identity/monitoring-health/
reference-reports-data-retention) and gives the newest first, so every log is asked for day by day. A day that is over
and was read to its end is a file that is not asked for again. Sign-ins of workloads are in the beta version only:
https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from detector.inventory.client import Graph
from detector.inventory.facts import LASTING, Reason
from detector.inventory.problems import RequestFailed

KEPT_DAYS: Final = 30
"""Days that Graph keeps."""
_SETTLED: Final = timedelta(hours=6)
"""Behind the end of a day, after which nothing more is expected in it."""


class Log(NamedTuple):
    """One list of Graph."""

    name: str
    version: str
    path: str
    time: str
    """The member that says when it happened."""
    only: str = ""
    """What else to ask for."""


def _sign_ins(name: str, kind: str) -> Log:
    return Log(name, "beta", "auditLogs/signIns", "createdDateTime", f" and signInEventTypes/any(t: t eq '{kind}')")


LOGS: Final = (
    _sign_ins("serviceprincipalsigninlogs", "servicePrincipal"),
    _sign_ins("managedidentitysigninlogs", "managedIdentity"),
    _sign_ins("noninteractiveusersigninlogs", "nonInteractiveUser"),
    Log("auditlogs", "v1.0", "auditLogs/directoryAudits", "activityDateTime"),
    Log("agentriskevents", "beta", "identityProtection/agentRiskDetections", "detectedDateTime"),
    Log("serviceprincipalriskevents", "v1.0", "identityProtection/servicePrincipalRiskDetections", "activityDateTime"),
)
"""What is read; the identity needs AuditLog.Read.All and IdentityRiskEvent.Read.All."""


_WHOLE: Final = "graph.jsonl"
_SO_FAR: Final = "graph-so-far.jsonl"
"""Of a day that is not over."""


class Missing(NamedTuple):
    """What could not be read."""

    log: str
    day: str
    """Like 2026-10-05."""
    reason: Reason


async def pull(
    graph: Graph, folder: Path, *, since: float, until: float, now: float, told: Callable[[str, str], None]
) -> list[Missing]:
    """Writes the logs of a stretch of time into a folder, a file of JSON lines for each log and day.

    Args:
        graph: A connection.
        folder: Where; it is made if need be. What it holds already of days that are over is kept.
        since: Event time, seconds since the epoch, UTC; at most `KEPT_DAYS` ago.
        until: First event time not asked for any more.
        now: Wall clock.
        told: Told log and day before each of them.

    Returns:
        What could not be read.

    Raises:
        OSError: The folder cannot be written.
    """
    earliest = now - KEPT_DAYS * 86400.0
    missing: list[Missing] = []
    for log in LOGS:
        for day in _days(max(since, earliest), min(until, now)):
            path = folder / f"insights-logs-{log.name}" / f"{day:y=%Y/m=%m/d=%d}" / _WHOLE
            if path.exists():
                continue
            told(log.name, f"{day:%Y-%m-%d}")
            over = datetime.fromtimestamp(now, UTC) > day + timedelta(days=1) + _SETTLED
            try:
                await _write(graph, log, day, path if over else path.with_name(_SO_FAR))
            except RequestFailed as failed:
                missing.append(Missing(log.name, f"{day:%Y-%m-%d}", failed.reason))
                if failed.reason in LASTING:
                    break
    return missing


def _days(since: float, until: float) -> Iterator[datetime]:
    day = datetime.fromtimestamp(since, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day.timestamp() < until:
        yield day
        day += timedelta(days=1)


async def _write(graph: Graph, log: Log, day: datetime, path: Path) -> None:
    """One day of one log; the file is there when all of it is."""
    bounds = [f"{moment:%Y-%m-%dT00:00:00Z}" for moment in (day, day + timedelta(days=1))]
    wanted = f"{log.time} ge {bounds[0]} and {log.time} lt {bounds[1]}{log.only}"
    url = graph.url_of(log.version, log.path, {"filter": quote(wanted, safe=""), "top": 999})
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.tmp")
    # What people did is for its owner's eyes.
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as file:
            async for page in graph.pages(url):
                file.writelines(one_line(bytes(record)) for record in page.value)
        new.replace(path)
        if path.name == _WHOLE:
            path.with_name(_SO_FAR).unlink(missing_ok=True)
    finally:
        new.unlink(missing_ok=True)


def one_line(record: bytes) -> bytes:
    """With a line end behind it and none inside: in a JSON text outside of strings they are mere space."""
    return record.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
