"""The sinks: may they be reached at all, do they answer, and, when asked, do they take an alert."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from detector.config.sinks import (
    EventHubsBlock,
    FileBlock,
    HttpSinkBlock,
    LogAnalyticsBlock,
    SinkBlock,
)
from detector.domain.alerts import SCHEMA, Alert, Attack, Entity, Evidence, Subject, alert_id
from detector.engine.naming import rfc3339
from detector.errors import SourceError
from detector.runtime.doctor.clock import Sample, dated
from detector.runtime.doctor.network import Place, reach
from detector.runtime.doctor.results import Result
from detector.sinks.addresses import AddressRefusedError
from detector.sinks.answers import reason_of
from detector.sinks.destination import Guard, Route
from detector.sinks.outcome import Delivered, Outcome, Refused, RetryReason
from detector.sinks.secret_files import SecretFile, SecretUnreadableError

if TYPE_CHECKING:
    from detector.runtime.doctor.world import World
    from detector.sinks.sink import Sink
    from detector.sources.event_hubs.leftovers import Leftovers

DETECTOR: Final = "doctor"
_SUBJECT: Final = "00000000-0000-0000-0000-000000000000"
_NAME: Final = "agent-detector doctor"
_SECRETS: Final = ("bearer_token_file", "password_file", "hmac_secret_file")


async def sink(block: SinkBlock, world: World) -> tuple[Result, Sample | None]:
    """Whether a sink can be reached: nothing is sent to it but, over HTTP, `HEAD /`.

    Also what its clock shows, if it tells.
    """
    if isinstance(block, HttpSinkBlock):
        return await _http(block, world)
    if isinstance(block, EventHubsBlock):
        return await _event_hub(block, world), None
    if isinstance(block, FileBlock):
        return await asyncio.to_thread(_file, block), None
    return Result(check=_name(block), verdict="ok", found="Standard output is always there."), None


def _name(block: SinkBlock) -> str:
    return f"sink:{block.name}"


# -------------------------------------------------------------------------------------------------- reach


async def _http(block: HttpSinkBlock, world: World) -> tuple[Result, Sample | None]:
    guard = Guard(block.allow_networks, allow_insecure=block.allow_insecure)
    seconds = min(block.total_timeout, world.limits.each)
    route = Route(
        guard=guard,
        ca_file=block.ca_file,
        resolver=world.resolver,
        connect=min(block.connect_timeout, seconds),
        total=seconds,
    )
    try:
        for file in (getattr(block, name, None) for name in _SECRETS):
            if file is not None:
                await SecretFile(file).read()
        url = guard.checked(await _url(block))
        async with (
            route.session() as session,
            session.head(
                URL.build(scheme=url.scheme, host=url.host or "", port=url.port), allow_redirects=False
            ) as answer,
        ):
            sample = dated(f'the sink "{block.name}"', answer.headers.get("Date"), world.now())
            version = "over TLS" if url.scheme == "https" else "without TLS"
            found = f"It answers ({version}). Whether it takes alerts, --send tells."
            return Result(check=_name(block), verdict="ok", found=found), sample
    except SecretUnreadableError as error:
        return _failed(block, str(error), "secret_unreadable"), None
    except AddressRefusedError as error:
        return _failed(block, str(error), "address_refused"), None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        reason = reason_of(error)
        if reason in _SPOKEN:
            # Whatever it said, somebody is there: not everybody answers HEAD.
            found = "Something is there, though its answer was not understood. Whether it takes alerts, --send tells."
            return Result(check=_name(block), verdict="ok", found=found), None
        return _failed(block, _FOUND[reason], reason), None


_SPOKEN: Final = frozenset({"answer_not_understood", "connection_lost"})


async def _url(block: HttpSinkBlock) -> str:
    """The URL, wherever it stands."""
    if isinstance(block, LogAnalyticsBlock):
        return block.endpoint
    url: str | None = getattr(block, "url", None)
    if url is not None:
        return url
    file: Path | None = getattr(block, "url_file", None)
    assert file is not None, "a block has one of the two"
    return await SecretFile(file).read()


async def _event_hub(block: EventHubsBlock, world: World) -> Result:
    from detector.sources.event_hubs.connection import read_connection_string

    ca_file = None if block.ca_file is None else str(block.ca_file)
    port = 443 if block.web_socket else 5671
    if block.connection_string_file is None:
        place = Place(block.namespace or "", port, tls=True, ca_file=ca_file)
    else:
        try:
            _, parts = await asyncio.to_thread(read_connection_string, str(block.connection_string_file), block.hub)
        except SourceError as error:
            return _failed(block, str(error), "secret_unreadable")
        place = (
            Place(parts.host, parts.port or 5672, tls=False)
            if parts.emulator
            else Place(parts.host, port, tls=True, ca_file=ca_file)
        )
    return await reach(_name(block), place, world.limits.each)


def _file(block: FileBlock) -> Result:
    place = block.path if block.path.exists() else block.path.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    if os.access(place, os.W_OK):
        return Result(check=_name(block), verdict="ok", found=f"{block.path} can be written.")
    return _failed(block, f"{block.path}: {place} may not be written.", "write_failed")


def _failed(block: SinkBlock, found: str, reason: RetryReason) -> Result:
    return Result(
        check=_name(block),
        verdict="failed",
        found=found,
        meaning="No alert gets there; they wait in the store.",
        advice=_ADVICE.get(reason, "Check the block of this sink in the configuration, and the other end."),
        details={"reason": reason},
    )


# --------------------------------------------------------------------------------------------------- send


def trial_alert(now: float) -> Alert:
    """An alert that says that it is none."""
    when = rfc3339(now)
    return Alert(
        id=alert_id("", DETECTOR, "agent", _SUBJECT, f"time:{when}"),
        schema=SCHEMA,
        time=when,
        detector=DETECTOR,
        catalogue_ids=(),
        severity="info",
        score=0.0,
        p_value=1.0,
        subject=Subject("agent", _SUBJECT, _NAME),
        entities=(Entity("agent", _SUBJECT, _NAME),),
        title="Test alert: nothing happened",
        explanation="Somebody ran `agent-detector doctor --send` to see whether alerts come through to here.",
        evidence=Evidence((), when, when, 0, 0, "records", 0),
        attack=Attack(),
        innocent_explanations=("It is a test.",),
        next_steps=("None.",),
        runbook="docs/doctor.md",
    )


async def sent(sink: Sink, alert: Alert, leftovers: Leftovers, seconds: float) -> Result:
    """Really delivers an alert, whatever the least severity of the sink is, and says what the sink answered."""
    check = f"send:{sink.name}"
    try:
        outcome = await leftovers.bounded(_delivered(sink, [alert]), seconds)
    except TimeoutError:
        return _unsent(check, "timed_out", f"No answer within {seconds:.0f} s.")
    except Exception as error:  # noqa: BLE001 -- a sink that raises is at fault; the others are still tried
        return _unsent(check, "fault", f"A fault of the program ({type(error).__name__}).")
    fate = outcome.get(alert.id)
    if isinstance(fate, Delivered):
        return Result(check=check, verdict="ok", found="It took the test alert.", details={"alert_id": alert.id})
    if isinstance(fate, Refused):
        found = _REFUSED[fate.reason]
        return _unsent(check, fate.reason, found)
    reason: RetryReason = fate.reason if fate is not None else "fault"
    return _unsent(check, reason, _FOUND[reason])


async def _delivered(sink: Sink, alerts: Sequence[Alert]) -> Outcome:
    return await sink.deliver(alerts)


def _unsent(check: str, reason: str, found: str) -> Result:
    return Result(
        check=check,
        verdict="failed",
        found=found,
        meaning="It did not take the test alert, and would not take real ones.",
        advice=_ADVICE.get(reason, "Check the block of this sink in the configuration, and the other end."),
        details={"reason": reason},
    )


_REFUSED: Final = {
    "rejected": "It refused the alert: its status says that the request is wrong.",
    "too_large": "It refused the alert as too large.",
}
_FOUND: Final[dict[RetryReason, str]] = {
    "address_refused": "Its address is not allowed.",
    "answer_not_understood": "Its answer was not understood.",
    "connect_failed": "It cannot be connected to.",
    "connection_lost": "The connection broke off.",
    "credential_failed": "There is no token to be had for it.",
    "fault": "A fault of the program.",
    "name_not_resolved": "Its name cannot be resolved.",
    "not_found": "There is nothing under its URL (404, 405 or 410).",
    "redirected": "It answers with a redirect, which is not followed.",
    "secret_unreadable": "The file of a secret cannot be read, or holds something else.",
    "throttled": "It is asked too often (429), or not ready (425).",
    "timed_out": "It did not answer in time.",
    "tls_failed": "The TLS handshake fails: its certificate is not trusted, or it speaks no TLS.",
    "unauthorized": "It does not accept our token, password or role (401 or 403).",
    "unavailable": "It is out of order (5xx).",
    "write_failed": "It cannot be written.",
}
_ADVICE: Final[dict[str, str]] = {
    "address_refused": "Only public addresses over https are allowed. Where a private one is meant, list its network "
    "in `allow_networks`; plain http needs `allow_insecure`.",
    "connect_failed": "Check host and port, and that the network lets us out there.",
    "credential_failed": "Check the identity of the pod or machine.",
    "name_not_resolved": "Check the URL for a slip, and the name service of the machine or cluster.",
    "not_found": "Check the path of the URL. A webhook of Slack or Teams that was removed answers like this too.",
    "redirected": "Write the URL that it redirects to.",
    "secret_unreadable": "Check the mount and the rights of the file.",
    "timed_out": "Check that the network lets us out there, and the health of the other end.",
    "tls_failed": "Where a private authority signed its certificate, name its PEM file in `ca_file`.",
    "unauthorized": "Renew the token or password in its file; in Azure, check the role of the identity.",
    "write_failed": "Check the directory and its rights.",
}
