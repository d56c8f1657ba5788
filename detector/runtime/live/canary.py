"""The canary: an invented agent whose sign-ins become an alert each, to prove the way from the hub to a sink.

Whoever operates the service puts a record of it into the hub every few minutes (`agent-detector canary` writes one).
It is judged like any other; besides, an alert of severity `info` is made of it here, which takes the way of all alerts
through outbox and sinks. The metric of the moment it last came through is what to watch: an alert on *silence*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from detector.domain.alerts import SCHEMA, Alert, Attack, Entity, Evidence, Subject, alert_id
from detector.domain.events import Event, SignIn
from detector.engine.naming import rfc3339
from detector.sinks.outbox import Outbox
from detector.sinks.outcome import LeftOutReason, RefusalReason

DETECTOR: Final = "canary"


class Canary:
    """Makes an alert of every sign-in of one identity.

    Args:
        agent_id: Its app id, lower case.
    """

    def __init__(self, agent_id: str) -> None:
        self.agent_id: Final = agent_id

    def sighted(self, events: Iterable[Event]) -> Iterator[Alert]:
        """An alert for each sign-in of the canary among events."""
        for event in events:
            if isinstance(event, SignIn) and event.access.agent_id == self.agent_id:
                yield _alert(event)


class Watch:
    """An outbox that calls when a sink has an alert of the canary.

    Args:
        inner: The outbox itself.
        seen: Called for each batch that holds one.
    """

    def __init__(self, inner: Outbox, seen: Callable[[], None]) -> None:
        self._inner: Final = inner
        self._seen: Final = seen
        self._offered: set[str] = set()

    def pending(self, sink: str, limit: int) -> Sequence[Alert]:
        """See `Outbox`."""
        alerts = self._inner.pending(sink, limit)
        self._offered = {alert.id for alert in alerts if alert.detector == DETECTOR}
        return alerts

    def mark_sent(self, sink: str, ids: Sequence[str]) -> None:
        """See `Outbox`."""
        self._inner.mark_sent(sink, ids)
        if not self._offered.isdisjoint(ids):
            self._seen()

    def mark_failed(self, sink: str, ids: Sequence[str], reason: RefusalReason | LeftOutReason) -> None:
        """See `Outbox`."""
        self._inner.mark_failed(sink, ids, reason)

    def hold_back(self, sink: str, ids: Sequence[str], roll_up: Alert) -> None:
        """See `Outbox`."""
        self._inner.hold_back(sink, ids, roll_up)


def _alert(event: SignIn) -> Alert:
    tenant, agent, when = event.access.tenant_id, event.access.agent_id, rfc3339(event.time)
    return Alert(
        id=alert_id(tenant, DETECTOR, "agent", agent, f"record:{event.record_id}"),
        schema=SCHEMA,
        time=when,
        detector=DETECTOR,
        catalogue_ids=(),
        severity="info",
        score=0.0,
        p_value=1.0,
        subject=Subject("agent", agent, event.access.agent_name, tenant=tenant),
        entities=(Entity("agent", agent, event.access.agent_name),),
        title="The canary came through",
        explanation="A record of the canary was read, judged and became this alert: the way to this sink is open.",
        evidence=Evidence((event.record_id,), when, when, 1, 1, "sign-ins", 0),
        attack=Attack(),
        innocent_explanations=("It is the canary; nothing is wrong while it keeps coming.",),
        next_steps=("None. Watch for its absence instead.",),
        runbook="docs/operations.md",
    )
