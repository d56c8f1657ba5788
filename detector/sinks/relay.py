"""The relay of one sink: takes what waits in its outbox, in fair order, until the sink has it.

The pattern is the message relay of a transactional outbox, as described at
https://microservices.io/patterns/data/transactional-outbox.html. Each sink has a relay and a task of its own, so a slow
or dead one delays no other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from math import inf
from random import SystemRandom

import msgspec

from detector.domain.alerts import Alert
from detector.sinks.allowance import HELD_BACK, Allowance, Span
from detector.sinks.backoff import Backoff
from detector.sinks.breaker import Breaker
from detector.sinks.facts import Facts
from detector.sinks.fairness import RANKS, Turns
from detector.sinks.outbox import Outbox
from detector.sinks.outcome import (
    Delivered,
    Fate,
    Outcome,
    RefusalReason,
    Refused,
    Retry,
    RetryReason,
    all_of,
)
from detector.sinks.sink import Sink


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How a relay goes about its work; times in seconds."""

    window: int = 500
    """Alerts looked at at once; the order is fair among these."""
    alert_base: float = 2.0
    alert_longest: float = 300.0
    """Waits of one alert that was not taken: the longest after the first failure, and ever."""
    sink_base: float = 1.0
    sink_longest: float = 30.0
    """Waits of a sink that took nothing, before its breaker opens."""
    threshold: int = 5
    """Failures in a row that open the breaker."""
    rest: float = 30.0
    longest_rest: float = 300.0
    """How long the breaker stays open: first, and at most."""
    patience: float = 60.0
    """Longest time that a sink may think about one batch."""


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """Time and chance, which runtime has and tests make."""

    monotonic: Callable[[], float]
    """Seconds of a clock that never jumps."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = SystemRandom().random
    """Numbers from 0 to 1."""


class _Waiting(msgspec.Struct):
    """An alert that was not taken."""

    failures: int
    until: float


class Relay:
    """Brings the alerts of an outbox to one sink.

    An alert is told to the sink at least once: when the process dies after the sink took it and before the outbox
    knows, it is told again, with the same id. What a sink did not take is tried again for ever; alerts that wait for
    another attempt let the others pass.

    Args:
        sink: Where to; closed by whoever made it.
        outbox: Where from.
        facts: Told what happens.
        clock: Time and chance.
        pace: How to go about it.
    """

    def __init__(self, sink: Sink, outbox: Outbox, facts: Facts, clock: Clock, pace: Pace | None = None) -> None:
        pace = pace or Pace()
        self.sink = sink
        self._outbox = outbox
        self._facts = facts
        self._clock = clock
        self._pace = pace
        self._turns = Turns()
        self._allowance = Allowance(sink.terms.per_hour, sink.terms.per_day, sink.terms.per_detector)
        self._breaker = Breaker(pace.threshold, pace.rest, pace.longest_rest)
        self._alert_backoff = Backoff(pace.alert_base, pace.alert_longest, clock.random)
        self._sink_backoff = Backoff(pace.sink_base, pace.sink_longest, clock.random)
        self._waiting: dict[str, _Waiting] = {}
        self._blocked_until = -inf
        self._outbox_failures = 0
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._deadline = inf

    def notify(self) -> None:
        """Says that something was committed; to be called in the event loop. Costs nothing when told often."""
        self._news.set()

    def finish(self, seconds: float) -> None:
        """Lets `run` end as soon as nothing more can be delivered within so many seconds."""
        self._deadline = self._clock.monotonic() + seconds
        self._stopping.set()

    async def run(self) -> None:
        """Works until `finish` or cancellation; nothing that a sink or the outbox does ends it."""
        while True:
            self._news.clear()
            try:
                wait = await self._round()
                self._outbox_failures = 0
            except Exception as error:  # noqa: BLE001 -- the store may raise anything, and this task must outlive it
                self._facts.outbox_failed(self.sink.name, type(error).__name__)
                self._outbox_failures += 1
                wait = self._sink_backoff.after(self._outbox_failures)
                self._blocked_until = self._clock.monotonic() + wait
            if self._stopping.is_set() and self._clock.monotonic() + wait >= self._deadline:
                return
            if wait > 0:
                await self._pause(wait)

    async def _round(self) -> float:
        """Delivers what can be delivered now; returns for how long there is nothing to do."""
        now = self._clock.monotonic()
        blocked = max(self._breaker.remaining(now), self._blocked_until - now)
        if blocked > 0:
            return blocked
        window = await self._window()
        self._forget_all_but(window)
        ready = [alert for alert in window if alert.id not in self._waiting or self._waiting[alert.id].until <= now]
        if not ready:
            return min((self._waiting[alert.id].until - now for alert in window), default=inf)
        probing = self._breaker.state(now) == "half_open"
        for batch in _batches(self._turns.order(ready), 1 if probing else self.sink.terms.batch):
            goes_on = await self._send(batch)
            if probing or not goes_on or self._news.is_set() or self._clock.monotonic() >= self._deadline:
                break
        return 0.0

    async def _pause(self, seconds: float) -> None:
        """Waits until the time is over, or news come that could change anything, or the end is near."""
        blocked = max(self._breaker.remaining(self._clock.monotonic()), self._blocked_until - self._clock.monotonic())
        signals = [self._news] if blocked <= 0 else []
        if not self._stopping.is_set():
            signals.append(self._stopping)
        waits: list[Awaitable[object]] = [signal.wait() for signal in signals]
        if seconds < inf:
            waits.append(self._clock.sleep(seconds))
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # -------------------------------------------------------------------------------------- what to send

    async def _window(self) -> Sequence[Alert]:
        """The alerts to look at, after those that are not for this sink have been put aside.

        Goes on until a window holds no more of them: however many a noisy subject has before it, an alert of another
        one is seen before anything is sent.
        """
        limit = min(self._pace.window + len(self._waiting), 10 * self._pace.window)
        aside: set[str] = set()
        while True:
            window = await asyncio.to_thread(self._outbox.pending, self.sink.name, limit)
            below, held = self._sift(window)
            if not below and not held:
                return window
            told = {*below, *(alert.id for alerts in held.values() for alert in alerts)}
            if told <= aside:
                raise RuntimeError("The outbox still offers alerts that were put aside.")
            aside |= told
            await self._put_aside(below, held)

    def _sift(self, window: Iterable[Alert]) -> tuple[list[str], dict[Span, list[Alert]]]:
        floor = RANKS[self.sink.terms.floor]
        below: list[str] = []
        held: dict[Span, list[Alert]] = defaultdict(list)
        for alert in window:
            if alert.detector == HELD_BACK:
                self._allowance.resume(alert)
            elif RANKS[alert.severity] < floor:
                below.append(alert.id)
            elif (span := self._allowance.holds(alert)) is not None:
                held[span].append(alert)
        return below, held

    async def _put_aside(self, below: list[str], held: dict[Span, list[Alert]]) -> None:
        name = self.sink.name
        if below:
            await asyncio.to_thread(self._outbox.mark_failed, name, below, "below_severity")
            self._facts.left_out(name, below, "below_severity")
        for span, alerts in held.items():
            roll_up = self._allowance.roll_up(alerts, span)
            ids = [alert.id for alert in alerts]
            await asyncio.to_thread(self._outbox.hold_back, name, ids, roll_up)
            self._allowance.count(alerts, span)
            self._facts.left_out(name, ids, "held_back")
            self._facts.rolled_up(name, roll_up.id, int(roll_up.evidence.observed))

    def _forget_all_but(self, window: Iterable[Alert]) -> None:
        """Drops what is remembered of alerts that are no longer pending."""
        if self._waiting:
            pending = {alert.id for alert in window}
            self._waiting = {each: waiting for each, waiting in self._waiting.items() if each in pending}

    # ------------------------------------------------------------------------------------------ sending

    async def _send(self, batch: Sequence[Alert]) -> bool:
        """Offers one batch; returns whether the sink is fit for the next."""
        outcome = await self._offer(batch)
        fates = {alert.id: outcome.get(alert.id, Retry("fault")) for alert in batch}
        retries = {each: fate for each, fate in fates.items() if isinstance(fate, Retry)}
        for alert in batch:
            if alert.id not in retries:
                self._turns.served(alert)
                self._waiting.pop(alert.id, None)
        self._judge(retries.values(), alive=len(retries) < len(batch))
        self._postpone(retries)
        await self._record(fates)
        return not retries

    async def _offer(self, batch: Sequence[Alert]) -> Outcome:
        ids = [alert.id for alert in batch]
        try:
            async with asyncio.timeout(self._pace.patience):
                return await self.sink.deliver(batch)
        except TimeoutError:
            return all_of(ids, Retry("timed_out"))
        except Exception:  # noqa: BLE001 -- a fault in one sink must not end its relay; it is told as `fault`
            return all_of(ids, Retry("fault"))

    def _judge(self, retries: Iterable[Retry], *, alive: bool) -> None:
        """Learns about the sink: whether it answers sensibly at all, and how long it wants to be left alone."""
        now = self._clock.monotonic()
        name = self.sink.name
        asked = max((retry.after or 0.0 for retry in retries), default=0.0)
        if alive:
            if self._breaker.succeeded():
                # It is back, so nobody needs to wait out a time that was meant for an outage.
                self._waiting.clear()
                self._facts.breaker_closed(name)
            self._blocked_until = now + asked
            return
        rest = self._breaker.failed(now)
        self._blocked_until = now + max(asked, self._sink_backoff.after(self._breaker.failures))
        if rest:
            self._facts.breaker_opened(name, rest)

    def _postpone(self, retries: dict[str, Retry]) -> None:
        now = self._clock.monotonic()
        delays: dict[RetryReason, float] = {}
        ids: dict[RetryReason, list[str]] = defaultdict(list)
        for each, retry in retries.items():
            waiting = self._waiting.setdefault(each, _Waiting(0, now))
            waiting.failures += 1
            delay = max(retry.after or 0.0, self._alert_backoff.after(waiting.failures))
            waiting.until = now + delay
            ids[retry.reason].append(each)
            delays[retry.reason] = max(delay, delays.get(retry.reason, 0.0))
        for reason, which in ids.items():
            self._facts.retried(self.sink.name, which, reason, delays[reason])

    async def _record(self, fates: dict[str, Fate]) -> None:
        """Tells the outbox, then the listener, what is settled."""
        name = self.sink.name
        delivered = [each for each, fate in fates.items() if isinstance(fate, Delivered)]
        refused: dict[RefusalReason, list[str]] = defaultdict(list)
        for each, fate in fates.items():
            if isinstance(fate, Refused):
                refused[fate.reason].append(each)
        if delivered:
            await asyncio.to_thread(self._outbox.mark_sent, name, delivered)
            self._facts.delivered(name, delivered)
        for reason, ids in refused.items():
            await asyncio.to_thread(self._outbox.mark_failed, name, ids, reason)
            self._facts.refused(name, ids, reason)


def _batches(alerts: Iterator[Alert], size: int) -> Iterator[list[Alert]]:
    batch: list[Alert] = []
    for alert in alerts:
        batch.append(alert)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
