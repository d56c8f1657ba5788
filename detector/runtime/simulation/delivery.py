"""How records reach a consumer: late by minutes, out of order, sometimes twice, in bodies of `{"records": [...]}`.

What is drawn for a record depends on the seed and the record's id alone, so that other records being there or not
changes nothing about it. Figures are those measured on a live tenant (lag 28 s to 1,077 s, typically 100 s to 160 s;
3 % to 4 % copies, up to four of a record, minutes apart, same `properties`, fresh envelope `time`).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from detector.runtime.simulation.clock import MINUTE, SECOND
from detector.runtime.simulation.plan import LateDelivery, LostDelivery
from detector.runtime.simulation.press import Press
from detector.runtime.simulation.records import Draft

_LAGS: Final = ((0.0, 28.0), (0.1, 85.0), (0.2, 100.0), (0.85, 160.0), (0.97, 400.0), (0.995, 800.0), (1.0, 1_040.0))
"""Quantiles (share, seconds) of event to envelope. Kept under 1,040 s: disorder then stays within 17 minutes."""
_LAG_STARTS: Final = [share for share, _ in _LAGS]
_TRANSPORT: Final = 3 * SECOND
"""Envelope to consumer, at most."""
_COPY_AFTER: Final = (MINUTE, 15 * MINUTE)
_RISK_LAG: Final = 18 * MINUTE
_OWN: Final = frozenset({"AgentInventory", "DeploymentRecords"})
_OWN_LAG: Final = 20 * SECOND
"""Of the product's own records, which no export delays or loses."""
MAX_DISORDER: Final = 17 * MINUTE
"""How far an original may arrive behind the latest event time seen, late deliveries aside."""


class Copy(NamedTuple):
    """One arrival of a record; arrivals sort by time, then by id."""

    delivered: int
    """When a consumer gets it (ticks)."""
    record_id: str
    received: int
    """Envelope time."""
    draft: Draft


class Delivery(NamedTuple):
    """One Event Hubs message."""

    enqueued: int
    """When it reaches the hub (ticks): with its last record."""
    body: bytes


def deliver(
    drafts: Iterable[Draft],
    *,
    seed: int,
    duplicates: float,
    lost: float = 0.0,
    slowness: float = 1.0,
    late_windows: Sequence[LateDelivery] = (),
    lost_windows: Sequence[LostDelivery] = (),
) -> list[Copy]:
    """Decide when each record arrives, how often, or that it never does; in no particular order.

    Args:
        drafts: What happened.
        seed: Chooses.
        duplicates: Share of sign-ins that arrive again.
        lost: Share of records that never arrive.
        slowness: Factor of the usual delay, at most 1.
        late_windows: Where delivery is hours late.
        lost_windows: Where sign-ins never arrive.
    """
    key = hashlib.sha256(f"{seed}/delivery".encode()).digest()
    copies: list[Copy] = []
    for draft in drafts:
        digest = hashlib.blake2b(draft.id.encode(), key=key, digest_size=24).digest()
        draws = [int.from_bytes(digest[at : at + 4], "big") / 2**32 for at in range(0, 24, 4)]
        sign_in = draft.category.endswith("SignInLogs")
        own = draft.category in _OWN
        if draws[0] < lost and not own:
            continue
        if sign_in and any(window.start <= draft.ticks < window.end for window in lost_windows):
            continue
        delay = sum(
            window.delay
            for window in late_windows
            if window.category == draft.category and window.start <= draft.ticks < window.end
        )
        lag = int(draw_lag(draws[1]) * slowness * SECOND)
        if own or draft.category == "AgentRiskEvents":
            lag = _OWN_LAG if own else _RISK_LAG
        received = draft.ticks + lag + delay
        delivered = received + int(draws[2] * _TRANSPORT)
        copies.append(Copy(delivered, draft.id, received, draft))
        if sign_in and draws[3] < duplicates:
            more = 1 + (draws[4] > 0.85) + (draws[4] > 0.97)
            copies += [_again(copies[-1], draws[5], number, more) for number in range(more)]
    return copies


def bodies(copies: Iterable[Copy], tenant_id: str, records_per_body: int) -> Iterator[Delivery]:
    """Write records in order of delivery, so many to a body."""
    press, batch = Press(tenant_id), list[bytes]()
    delivered = 0
    for copy in sorted(copies, key=lambda copy: (copy.delivered, copy.record_id)):
        batch.append(press.write(copy.draft, copy.received))
        delivered = copy.delivered
        if len(batch) == records_per_body:
            yield Delivery(delivered, body_of(batch))
            batch = []
    if batch:
        yield Delivery(delivered, body_of(batch))


def body_of(records: Iterable[bytes]) -> bytes:
    """Wrap records as an Event Hubs message of a diagnostic setting."""
    return b'{"records":[' + b",".join(records) + b"]}"


def draw_lag(draw: float) -> float:
    """Give the lag in seconds that belongs to a draw from [0, 1), by interpolating the quantiles."""
    index = min(bisect_right(_LAG_STARTS, draw), len(_LAGS) - 1)
    (share, seconds), (next_share, next_seconds) = _LAGS[index - 1], _LAGS[index]
    return seconds + (next_seconds - seconds) * (draw - share) / (next_share - share)


def _again(original: Copy, draw: float, number: int, total: int) -> Copy:
    """Make a later copy: same record, fresh envelope time, at most 15 minutes after the original."""
    first, last = _COPY_AFTER
    room = (last - first) // total
    after = first + room * number + int(draw * room)
    return Copy(original.delivered + after, original.record_id, original.received + after, original.draft)
