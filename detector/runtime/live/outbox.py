"""The outbox that relays ask, kept by the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from detector.domain.alerts import Alert
from detector.runtime.live.memory import new_alert
from detector.sinks.outcome import LeftOutReason, RefusalReason
from detector.stores.outbox import Outbox


class _Numbers(msgspec.Struct):
    observed: int | float
    baseline: int | float
    seen: int | float


class _Written(msgspec.Struct):
    score: int | float
    p_value: int | float
    evidence: _Numbers


_READ: Final = msgspec.json.Decoder(Alert)
_NUMBERS: Final = msgspec.json.Decoder(_Written)


def alert_of(document: bytes) -> Alert:
    """The alert that a document was made of, such that the same document would be made of it again.

    A count is a whole number there, and a sink shall be told the same bytes as by a replay: 20, not 20.0.
    """
    alert, written = _READ.decode(document), _NUMBERS.decode(document)
    replace = msgspec.structs.replace
    evidence = replace(alert.evidence, **msgspec.structs.asdict(written.evidence))
    return replace(alert, evidence=evidence, score=written.score, p_value=written.p_value)


class StoredOutbox:
    """Translates between stored documents and alerts; see `detector.sinks.outbox.Outbox`."""

    def __init__(self, stored: Outbox) -> None:
        self._stored: Final = stored

    def pending(self, sink: str, limit: int) -> Sequence[Alert]:
        """The first `limit` alerts pending for a sink."""
        return [alert_of(row.document) for row in self._stored.pending(sink, limit)]

    def mark_sent(self, sink: str, ids: Sequence[str]) -> None:
        """The sink has these."""
        self._stored.mark_sent(sink, ids)

    def mark_failed(self, sink: str, ids: Sequence[str], reason: RefusalReason | LeftOutReason) -> None:
        """The sink will never get these."""
        self._stored.mark_failed(sink, ids, reason)

    def hold_back(self, sink: str, ids: Sequence[str], roll_up: Alert) -> None:
        """Puts one alert in the place of several."""
        self._stored.hold_back(sink, ids, new_alert(roll_up, (sink,)))
