"""What the process itself needs: a port for telemetry, file descriptors, time zones."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp

from detector.runtime.doctor.results import Result

if TYPE_CHECKING:
    from detector.config.settings import Settings
    from detector.config.telemetry import TelemetrySettings

_OURS: Final = "agent-detector"
"""Name in the `Server` header of our telemetry."""


async def telemetry(settings: TelemetrySettings, seconds: float) -> Result:
    """Whether metrics can be served, or are: a running service is asked how it is. Takes `seconds` at most."""
    check, where = "telemetry", f"{settings.host}:{settings.port}"
    try:
        async with asyncio.timeout(seconds / 2):
            free = await asyncio.to_thread(_free, settings.host, settings.port)
    except TimeoutError:
        free = TimeoutError("the name was not resolved in time")
    if free is None:
        shown = "any free port" if settings.port == 0 else f"{where} is free"
        found = f"Metrics and probes: {shown}."
        return Result(check=check, verdict="ok", found=found, details={"in_use": False})
    if getattr(free, "errno", None) != errno.EADDRINUSE:
        return Result(
            check=check,
            verdict="failed",
            found=f"{where} cannot be listened on ({free.strerror or 'no answer'}).",
            meaning="The service does not start without metrics and probes.",
            advice="`telemetry.host` is an address of this machine: 127.0.0.1, or 0.0.0.0 in a container.",
        )
    return await _taken(settings, where, seconds)


async def _taken(settings: TelemetrySettings, where: str, seconds: float) -> Result:
    told = await _asked(_reachable(settings.host), settings.port, seconds / 2)
    if told is None:
        return Result(
            check="telemetry",
            verdict="failed",
            found=f"{where} is in use by something else.",
            meaning="The service does not start without metrics and probes.",
            advice="Choose another `telemetry.port`.",
        )
    reasons = [str(reason)[:100] for reason in told.get("reasons", [])] if isinstance(told.get("reasons"), list) else []
    details = {"in_use": True, "reasons": reasons}
    if told.get("ready") is True:
        found = f"A service answers at {where}, and is ready."
        return Result(check="telemetry", verdict="ok", found=found, details=details)
    return Result(
        check="telemetry",
        verdict="warning",
        found=f"A service answers at {where}, but is not ready: {', '.join(reasons) or 'it does not say why'}.",
        meaning="docs/telemetry.md says what each reason means.",
        advice="See the other checks.",
        details=details,
    )


def _free(host: str, port: int) -> OSError | None:
    """Why a port cannot be listened on."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        return error
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as listener:
            # As the server does: what is left of closed connections is in nobody's way.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(address)
                listener.listen(1)
            except OSError as error:
                return error
    return None


def _reachable(host: str) -> str:
    """An address under which a listener on all addresses is reached."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared, not listened on


async def _asked(host: str, port: int, seconds: float) -> dict[str, Any] | None:
    """What /readyz says; `None` when nobody of ours answers."""
    shown = f"[{host}]" if ":" in host else host
    try:
        # Not the time limit of aiohttp, which rounds those above five seconds up.
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(trust_env=False) as session,
            session.get(f"http://{shown}:{port}/readyz", allow_redirects=False) as answer,
        ):
            if answer.headers.get("Server") != _OURS:
                return None
            told = await answer.json()
    except (aiohttp.ClientError, OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def descriptors(settings: Settings, partitions: int) -> Result:
    """Whether enough files may be open at once.

    Args:
        settings: The configuration.
        partitions: Of the hub; 0 when that is not known.
    """
    sinks = sum(1 for _ in settings.sinks.blocks())
    followed = 128 if settings.source.files is not None else 0
    # A partition takes a receiver, the one that follows it, and a share of the questions; a sink up to 16 connections.
    needed = 64 + 3 * partitions + 16 * sinks + followed
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    details = {"soft": soft, "hard": hard, "needed": needed}
    shown = "without limit" if soft == resource.RLIM_INFINITY else f"{soft:,}"
    found = f"Open files: {shown}; about {needed:,} are needed."
    if soft == resource.RLIM_INFINITY or soft >= 2 * needed:
        return Result(check="process.descriptors", verdict="ok", found=found, details=details)
    return Result(
        check="process.descriptors",
        verdict="warning" if soft >= needed else "failed",
        found=found,
        meaning="When there are no more, connections and commits fail.",
        advice="Raise the limit: ulimit -n 4096, LimitNOFILE= of systemd, or that of the container runtime.",
        details=details,
    )


def time_zones(settings: Settings) -> Result:
    """Whether the time zones of pipelines are known here."""
    wanted = sorted({window.zone for pipeline in settings.pipelines for window in pipeline.windows})
    missing = [zone for zone in wanted or ["Europe/Berlin"] if not _zone(zone)]
    check = "process.time_zones"
    if not missing:
        named = f" ({', '.join(wanted)})" if wanted else ""
        return Result(check=check, verdict="ok", found=f"The time zone database is there{named}.")
    return Result(
        check=check,
        verdict="failed" if wanted else "warning",
        found=f"The time zone database does not know {', '.join(missing)}.",
        meaning="Windows of pipelines cannot be judged." if wanted else "Windows of pipelines cannot be configured.",
        advice="Install the package tzdata, of the system or of Python.",
    )


def _zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
