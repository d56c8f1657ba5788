"""The clock of this machine against those of others."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from detector.runtime.doctor.results import Result, ago, unchecked

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 300.0
"""Seconds. Signatures of the hub, tokens and the guard against records from the future all break beyond this."""
_UNEASY: Final = 30.0


class Sample(NamedTuple):
    """What another clock showed."""

    whose: str
    ours: float
    """Wall clock here at that moment, seconds since the epoch."""
    theirs: float
    exact: bool
    """Whether it is their time now; else a moment that has passed by their clock, however long ago."""

    @property
    def ahead(self) -> float:
        """Seconds that our clock is ahead."""
        return self.ours - self.theirs


def clock(samples: Sequence[Sample]) -> Result:
    """Judges all samples: the farthest off counts, unless another one agrees with us."""
    exact = [sample for sample in samples if sample.exact]
    # A message that is enqueued in our future says how far we are behind at least; one in our past says nothing.
    behind = [sample for sample in samples if not sample.exact and sample.ahead < 0]
    told = exact + behind
    if not told:
        recent = [sample for sample in samples if sample.ahead <= MOST]
        if not recent:
            return unchecked("clock", "No other clock was in reach to compare with.")
        told = recent
    worst = max(told, key=lambda sample: abs(sample.ahead))
    off = abs(worst.ahead)
    details = {"seconds_ahead": round(worst.ahead, 1), "compared_with": worst.whose, "samples": len(told)}
    if not worst.exact and worst.ahead >= 0:
        found = f"It may well be right: by the clock of {worst.whose} the newest message came {ago(off)} before now."
        return Result(check="clock", verdict="ok", found=found, details=details)
    if off <= _UNEASY:
        found = f"The clock is right: {off:.0f} s from that of {worst.whose}."
        return Result(check="clock", verdict="ok", found=found, details=details)
    where = "ahead of" if worst.ahead > 0 else "behind"
    friend = next((sample for sample in exact if abs(sample.ahead) <= _UNEASY), None)
    if friend is not None:
        return Result(
            check="clock",
            verdict="warning",
            found=f"The clock of this machine is {ago(off)} {where} that of {worst.whose}, and agrees with that of "
            f"{friend.whose}.",
            meaning="One of the three is wrong, likely not this one.",
            advice=f"Look at the clock of {worst.whose}.",
            details=details,
        )
    return Result(
        check="clock",
        verdict="failed" if off > MOST else "warning",
        found=f"The clock of this machine is {ago(off)} {where} that of {worst.whose}.",
        meaning="Beyond 5 minutes the hub refuses signatures and tokens, and records count as from the future.",
        advice="Switch time synchronisation on (chrony, systemd-timesyncd); in Kubernetes it is the node's clock.",
        details=details,
    )


def dated(whose: str, header: str | None, now: float) -> Sample | None:
    """The sample in the `Date` header of an HTTP answer (RFC 9110 section 6.6.1), if there is one."""
    if header is None:
        return None
    try:
        theirs = parsedate_to_datetime(header)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return Sample(whose, now, theirs.timestamp(), exact=True) if theirs.tzinfo is not None else None


async def ask_https(host: str, ca_file: str | None, now: Callable[[], float], seconds: float) -> Sample | None:
    """What a host says on port 443 that it is; `None` when it says nothing."""
    import aiohttp

    from detector.runtime.doctor.network import context_of

    try:
        connector = aiohttp.TCPConnector(ssl=context_of(ca_file))
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
            session.head(f"https://{host}/", allow_redirects=False) as answer,
        ):
            return dated(host, answer.headers.get("Date"), now())
    except (aiohttp.ClientError, OSError, ValueError):
        return None
