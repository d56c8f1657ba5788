"""The worker: judges messages in batches and makes what they changed durable, one transaction a batch.

It runs on a thread of its own and owns engine, decoder and store. A batch ends after `Pace.batch_bytes` or
`Pace.linger`, whichever comes first. What is in memory and what is in the store never part ways for long: a commit that
the disk refuses is tried again until it succeeds, and no further message is judged before. Alerts are offered to sinks
only after the commit that made them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from math import inf
from threading import Event
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from detector.domain.accounting import Accounting
from detector.domain.alerts import Alert
from detector.domain.delivery import Delivery, Position
from detector.domain.quarantine import Quarantined
from detector.runtime.live.memory import commit_of
from detector.runtime.live.reckoning import Reckoning, environment_of
from detector.runtime.live.suspects import Suspects
from detector.stores.errors import Fenced, StoreCorrupted, StoreUnavailable
from detector.stores.records import Commit

if TYPE_CHECKING:
    from detector.decode.decoded import Decoded
    from detector.engine.engine import Engine
    from detector.runtime.live.canary import Canary
    from detector.runtime.live.inbox import Inbox
    from detector.stores.records import Committed


class Facts(Protocol):
    """What the worker tells; `detector.telemetry.runtime.RuntimeFacts` writes it down."""

    def batch_received(self, partition: str, events: int, size: int) -> None:
        """A delivery was decoded."""

    def batch_committed(
        self,
        *,
        seconds: float,
        accounting: Accounting,
        applied: Mapping[str, int],
        watermark: float,
        agents: int,
        latencies: Sequence[float] = (),
    ) -> None:
        """A batch is in the store."""

    def sequence_replayed(self, messages: int = 1) -> None:
        """Messages came again that were committed before."""

    def engine_counted(self, counters: Mapping[str, int]) -> None:
        """The engine's totals of what it did not know or had to forget."""

    def budget_seen(self, *, false_alerts: float, limit: float, exposure: float, days: int) -> None:
        """How the budget stands."""

    def budget_settled(self, expected: Mapping[str, float], seen: Mapping[str, int]) -> None:
        """Days are over: the alerts of each kind that they should have brought, and those that they brought."""

    def model_compared(self, stability: Mapping[str, float]) -> None:
        """How far the parts of hours have moved from those that the model in use was trained on."""

    def quarantined(self, reason: str, place: str) -> None:
        """A record could not be used."""

    def alert_raised(self, rule: str, severity: str, latency: float, alert_id: str) -> None:
        """An alert was committed."""

    def alert_classed(self, environment: str, severity: str) -> None:
        """It was about something of this environment."""

    def incident_begun(self) -> None:
        """It was the first of its incident."""

    def alert_suppressed(self, reason: str, alert_id: str = "") -> None:
        """An alert was committed, and is not sent."""


class Durable(Protocol):
    """What the worker asks of a store; see `detector.stores.store.Store`."""

    def commit(self, batch: Commit) -> Committed:
        """Makes all that a batch changed durable."""
        ...

    def begin_inflight(self, ranges: Mapping[str, tuple[int, int]]) -> None:
        """Writes down which messages are in work now."""

    def forget_positions(self, partitions: Collection[str], identities: Mapping[str, str]) -> None:
        """Forgets how far these partitions were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How large a batch becomes, and how long the worker waits; times in seconds."""

    batch_bytes: int = 3 * 2**20
    """Bytes of messages after which a batch is closed: about a thousand sign-ins."""
    linger: float = 0.25
    """Longest that the first message of a batch waits for others."""
    patience: float = 1.0
    """How often an idle worker shows that it lives."""
    send_after: float = -inf
    """Event time before which alerts are stored and not sent."""
    first_retry: float = 0.5
    longest_retry: float = 30.0
    """Waits after a commit that the disk refused: the first, doubled each time up to the longest."""


@dataclass(slots=True)
class _Judged:
    """What judging a batch gave."""

    alerts: list[tuple[Alert, float]]
    """With when their message entered the stream."""
    quarantined: list[Quarantined]
    positions: dict[str, Position]
    applied: dict[str, int]
    latencies: list[float]


Read = Callable[[Delivery], "Decoded"]


class Worker:
    """Judges what the inbox holds until it is closed and empty.

    Args:
        inbox: Where messages come from.
        store: Where everything goes.
        engine: Has memory of all that the store holds.
        read: Decodes a message.
        positions: How far the store has come: messages up to there are not judged again.
        suspects: Messages that the process died on before.
        sinks: Names of all sinks.
        facts: Told what happens.
        now: Wall clock, seconds since the epoch.
        monotonic: Seconds that only rise.
        ticked: Called between two pieces of work: the worker lives.
        committed: Told the positions of every commit, on the worker's thread.
        pace: See there.
        canary: What proves the way from the hub to a sink.
    """

    def __init__(  # noqa: PLR0913 - everything the worker works with, by name
        self,
        *,
        inbox: Inbox,
        store: Durable,
        engine: Engine,
        read: Read,
        positions: Mapping[str, Position],
        suspects: Suspects,
        sinks: tuple[str, ...],
        facts: Facts,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        ticked: Callable[[], None],
        committed: Callable[[Mapping[str, Position]], None],
        pace: Pace | None = None,
        canary: Canary | None = None,
    ) -> None:
        self.engine = engine
        self.read = read
        self._inbox: Final = inbox
        self._store: Final = store
        self._positions: Final = dict(positions)
        self._suspects: Final = suspects
        self._sinks: Final = sinks
        self._facts: Final = facts
        self._now: Final = now
        self._monotonic: Final = monotonic
        self._ticked: Final = ticked
        self._committed: Final = committed
        self._pace: Final = pace or Pace()
        self._canary: Final = canary
        self._reckoning: Final = Reckoning()
        self._abandoned: Final = Event()
        self._errands: Final[deque[tuple[Callable[[], object], Future[object]]]] = deque()
        self.store_refuses = False
        """Whether the disk refused the last attempt to write."""

    def run(self) -> None:
        """Works until the inbox is closed and empty, or `abandon`.

        Raises:
            Fenced: Another process has taken over the store.
            StoreCorrupted: The store is damaged.
        """
        self._tell_budget()
        while not self._abandoned.is_set():
            self._ticked()
            self._run_errands()
            pace = self._pace
            batch = self._inbox.take(most=pace.batch_bytes, linger=pace.linger, patience=pace.patience)
            for part in self._suspects.parts(batch):
                if not self._work(part):
                    return
            self._inbox.release(batch)
            if not batch and self._inbox.done:
                return

    def abandon(self) -> None:
        """Stops waiting for a disk that refuses: what is not committed is read again by the next process."""
        self._abandoned.set()

    def call(self, errand: Callable[[], object]) -> Future[object]:
        """Has something done on the worker's thread, between two batches; from any thread."""
        result: Future[object] = Future()
        self._errands.append((errand, result))
        self._inbox.nudge()
        return result

    def change(self, engine: Engine, read: Read) -> None:
        """Works with another engine on the same memory, and another decoder; on the worker's thread only."""
        self.engine, self.read = engine, read
        self._tell_budget()

    def remember(
        self, source: str, identity: str, positions: Mapping[str, Position], void: Collection[str] = ()
    ) -> None:
        """Takes over positions that no message taught, lower ones too; on the worker's thread only.

        Args:
            source: Name of the source.
            identity: Which hub it is.
            positions: By partition.
            void: Partitions whose positions mean nothing any more.
        """
        known = self._positions
        lowered = {name for name, each in positions.items() if name in known and each.sequence < known[name].sequence}
        gone = lowered | {name for name in void if name in known}
        if gone:
            self._store.forget_positions(gone, {source: identity})
            for name in gone:
                del known[name]
        self._store.commit(Commit(positions=positions, identities={source: identity}))
        known.update(positions)

    def positions(self) -> dict[str, Position]:
        """How far the store has come; from any thread."""
        return dict(self._positions)

    def _run_errands(self) -> None:
        while self._errands:
            errand, result = self._errands.popleft()
            if not result.set_running_or_notify_cancel():
                continue  # Whoever asked waits no more.
            try:
                result.set_result(errand())
            except (Fenced, StoreCorrupted) as error:
                result.set_exception(error)
                raise
            except BaseException as error:  # noqa: BLE001 -- whoever asked is told
                result.set_exception(error)

    def _work(self, batch: Sequence[Delivery]) -> bool:
        """Judges and commits one batch; false when it was abandoned."""
        fresh = [each for each in batch if self._is_new(each)]
        if len(fresh) < len(batch):
            self._facts.sequence_replayed(len(batch) - len(fresh))
        if not fresh:
            return True
        started = self._monotonic()
        if not self._insist(lambda: self._store.begin_inflight(_ranges(fresh))):
            return False
        before = _copy(self.engine.accounting)
        judged = self._judge(fresh)
        commit = commit_of(
            self.engine.journal.take(),
            positions=judged.positions,
            alerts=[alert for alert, _ in judged.alerts],
            sinks=self._sinks,
            send_after=self._pace.send_after,
            quarantined=judged.quarantined,
            accounting=self.engine.accounting,
        )
        done: list[Committed] = []
        if not self._insist(lambda: done.append(self._store.commit(commit))):
            return False
        self._positions.update(judged.positions)
        self._tell(judged, done[-1], before, started)
        self._committed(judged.positions)
        return True

    def _is_new(self, delivery: Delivery) -> bool:
        known = self._positions.get(delivery.partition)
        return known is None or delivery.position.sequence > known.sequence

    def _judge(self, batch: Sequence[Delivery]) -> _Judged:
        judged = _Judged([], [], {}, {}, [])
        for delivery in batch:
            self._ticked()
            refused = self._suspects.refusal(delivery)
            decoded = self.read(delivery) if refused is None else refused
            engine = self.engine
            applied = engine.accounting.applied
            alerts = engine.process(decoded)
            if self._canary is not None:
                alerts = [*alerts, *self._canary.sighted(decoded.events)]
            partition = delivery.partition
            judged.alerts += ((alert, delivery.enqueued) for alert in alerts)
            judged.positions[partition] = delivery.position
            judged.applied[partition] = judged.applied.get(partition, 0) + engine.accounting.applied - applied
            judged.latencies.append(delivery.enqueued)
            records = len(decoded.events) + len(decoded.quarantined) + decoded.filtered.total()
            self._facts.batch_received(partition, records, len(delivery.body))
            place = f"{partition}:{delivery.position.sequence}"
            for quarantined in decoded.quarantined:
                judged.quarantined.append(msgspec.structs.replace(quarantined, place=quarantined.place or place))
                self._facts.quarantined(quarantined.reason, place)
        return judged

    def _insist(self, write: Callable[[], object]) -> bool:
        """Writes, again and again while the disk refuses; false when it was abandoned instead."""
        wait = self._pace.first_retry
        while True:
            try:
                write()
            except StoreUnavailable:
                self.store_refuses = True
                if self._rest(wait):
                    return False
                wait = min(2 * wait, self._pace.longest_retry)
            else:
                self.store_refuses = False
                return True

    def _rest(self, seconds: float) -> bool:
        """Waits, showing that it lives; whether it was abandoned meanwhile."""
        end = self._monotonic() + seconds
        while (left := end - self._monotonic()) > 0:
            self._ticked()
            if self._abandoned.wait(min(left, 1.0)):
                return True
        return self._abandoned.is_set()

    def _tell(self, judged: _Judged, done: Committed, before: Accounting, started: float) -> None:
        now, engine, facts = self._now(), self.engine, self._facts
        facts.batch_committed(
            seconds=self._monotonic() - started,
            accounting=_since(before, engine.accounting),
            applied=judged.applied,
            watermark=engine.state.admission.watermark,
            agents=sum(len(tenant.identities) for tenant in engine.state.tenants.values()),
            latencies=[max(0.0, now - enqueued) for enqueued in judged.latencies],
        )
        facts.engine_counted(engine.counters)
        self._tell_budget()
        if engine.settings.model is not None:
            facts.model_compared(engine.settings.model.stability())
        new, suppressed = set(done.new), set(done.suppressed)
        for alert, enqueued in judged.alerts:
            if alert.id in new:
                new.discard(alert.id)  # A copy of its record in the same batch raised it again.
                facts.alert_raised(alert.detector, alert.severity, max(0.0, now - enqueued), alert.id)
                facts.alert_classed(environment_of(alert, engine.settings.declarations), alert.severity)
                if self._reckoning.begins(alert):
                    facts.incident_begun()
            elif alert.id in suppressed:
                suppressed.discard(alert.id)
                facts.alert_suppressed("suppression" if alert.held is None else "budget", alert.id)

    def _tell_budget(self) -> None:
        facts, budgeting = self._facts, self.engine.budgeting
        if budgeting is None:
            facts.budget_seen(false_alerts=0.0, limit=0.0, exposure=0.0, days=0)
            return
        facts.budget_seen(**budgeting.standing()._asdict())
        settled = budgeting.take_settled()
        if settled.expected:
            facts.budget_settled(settled.expected, settled.seen)


def _ranges(batch: Sequence[Delivery]) -> dict[str, tuple[int, int]]:
    """First and last sequence number of each partition of a batch."""
    ranges: dict[str, tuple[int, int]] = {}
    for delivery in batch:
        sequence = delivery.position.sequence
        first, last = ranges.get(delivery.partition, (sequence, sequence))
        ranges[delivery.partition] = (min(first, sequence), max(last, sequence))
    return ranges


def _copy(accounting: Accounting) -> Accounting:
    return Accounting(
        accounting.received,
        accounting.applied,
        accounting.duplicate,
        accounting.late,
        accounting.filtered.copy(),
        accounting.quarantined.copy(),
    )


def _since(before: Accounting, after: Accounting) -> Accounting:
    return Accounting(
        after.received - before.received,
        after.applied - before.applied,
        after.duplicate - before.duplicate,
        after.late - before.late,
        after.filtered - before.filtered,
        after.quarantined - before.quarantined,
    )
