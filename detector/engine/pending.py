"""Alerts that are not weighed yet, for it is not certain when they were, or what was known by then.

Three are such. An inventory and a deployment speak as things happen, minutes before the logs do, and may tell of a time
whose budget is not known yet. Just after another day has begun to count it may turn out that something was earlier, for
its first record may arrive last. And what can wait does (`Signal.patient`), until its earliest record is here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from detector.domain.alerts import Alert
from detector.domain.signals import SignalKind
from detector.features.budget import counts_from, over_by
from detector.features.timeline import STEP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detector.domain.signals import Signal
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State

_MAX_PENDING: Final = 2_000


Weigh = Callable[[Alert, SignalKind, float], None]
"""Weighs an alert of a kind of signal at an event time."""


class Uncertain(msgspec.Struct, frozen=True):
    """Such an alert."""

    time: float
    kind: SignalKind
    alert: bytes
    """As msgpack."""
    record_ids: tuple[str, ...]
    until: float
    """Event time from which on it is certain."""


class Pending:
    """Keeps them until they are certain."""

    def __init__(self, settings: EngineSettings, state: State, weigh: Weigh) -> None:
        self.settings: Final = settings
        self.state: Final = state
        self.weigh: Final = weigh

    def hold(self, alert: Alert, signal: Signal) -> bool:
        """Whether an alert is kept. Of one that comes again the earliest counts."""
        uncertain, time, records = self.state.weighed.uncertain, signal.time, alert.evidence.record_ids
        known = uncertain.get(alert.id)
        if known is not None:
            if (known.time, known.record_ids) <= (time, records):
                return True
            del uncertain[alert.id]
        until = self._until(signal)
        if until is None or len(uncertain) >= _MAX_PENDING:
            return False
        uncertain[alert.id] = Uncertain(time, signal.kind, msgspec.msgpack.encode(alert), records, until)
        return True

    def drop(self, alert_id: str) -> None:
        """Keeps an alert no longer that is told otherwise."""
        self.state.weighed.uncertain.pop(alert_id, None)

    def _until(self, signal: Signal) -> float | None:
        """Event time from which on all is certain; `None` when it is now."""
        day, time = self.state.weighed.day, signal.time
        if day < 0:
            return None
        over = over_by(time)
        until = since = counts_from(over)
        if signal.patient or time < since + self.settings.lateness:
            until = time + self.settings.lateness + STEP
        return None if day >= over and until <= self.state.admission.watermark else until

    def release(self, watermark: float, day: float) -> None:
        """Weighs what has become certain; `day` (since the epoch) is the last one that is over."""
        uncertain = self.state.weighed.uncertain.items()
        self._weigh(name for name, each in uncertain if each.until <= watermark and over_by(each.time) <= day)

    def quiet(self, time: float) -> None:
        """It is this late, and no log has moved the watermark: nothing waits longer for logs than logs may be late."""
        limit = time - self.settings.lateness - STEP
        self._weigh(name for name, each in self.state.weighed.uncertain.items() if each.time < limit)

    def _weigh(self, names: Iterable[str]) -> None:
        uncertain = self.state.weighed.uncertain
        for _, name in sorted((uncertain[name].time, name) for name in names):
            each = uncertain.pop(name)
            self.weigh(msgspec.msgpack.decode(each.alert, type=Alert), each.kind, each.time)
