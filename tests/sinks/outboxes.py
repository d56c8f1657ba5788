"""An outbox in memory, a listener that remembers, and time that passes when somebody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from detector.domain.alerts import Alert, Subject
from detector.domain.findings import Severity
from detector.sinks.fairness import RANKS
from detector.sinks.outcome import DELIVERED, Fate, LeftOutReason, Outcome, RefusalReason, RetryReason
from detector.sinks.relay import Clock
from detector.sinks.sink import Terms
from tests.sinks.alerts import alert

NOW = 1_791_185_089.0
"""2026-10-05T07:24:49Z."""


class MemoryOutbox:
    """Does what `detector.sinks.outbox.Outbox` says, and can break."""

    def __init__(self, alerts: Sequence[Alert] = ()) -> None:
        self.waiting: dict[str, Alert] = {}
        self.sent: list[str] = []
        self.failed: dict[str, str] = {}
        self.breaks = 0
        self.fetches = 0
        self.add(*alerts)

    def add(self, *alerts: Alert) -> None:
        for each in alerts:
            self.waiting[each.id] = each

    def pending(self, sink: str, limit: int) -> Sequence[Alert]:  # noqa: ARG002 -- one outbox is enough here
        self._perhaps_break()
        self.fetches += 1
        return sorted(self.waiting.values(), key=lambda each: -RANKS[each.severity])[:limit]

    def mark_sent(self, sink: str, ids: Sequence[str]) -> None:  # noqa: ARG002 -- see pending
        self._perhaps_break()
        for each in ids:
            del self.waiting[each]
            self.sent.append(each)

    def mark_failed(
        self,
        sink: str,  # noqa: ARG002 -- see pending
        ids: Sequence[str],
        reason: RefusalReason | LeftOutReason,
    ) -> None:
        self._perhaps_break()
        for each in ids:
            del self.waiting[each]
            self.failed[each] = reason

    def hold_back(self, sink: str, ids: Sequence[str], roll_up: Alert) -> None:
        self.mark_failed(sink, ids, "held_back")
        if roll_up.id not in self.sent:
            self.waiting[roll_up.id] = roll_up

    def _perhaps_break(self) -> None:
        if self.breaks:
            self.breaks -= 1
            raise OSError("no space left on device")


class Heard:
    """Remembers every fact."""

    def __init__(self) -> None:
        self.all: list[tuple[object, ...]] = []

    def of(self, kind: str) -> list[tuple[object, ...]]:
        return [fact[1:] for fact in self.all if fact[0] == kind]

    def delivered(self, sink: str, ids: Sequence[str]) -> None:
        self.all.append(("delivered", sink, tuple(ids)))

    def retried(self, sink: str, ids: Sequence[str], reason: RetryReason, delay: float) -> None:
        self.all.append(("retried", sink, tuple(ids), reason, delay))

    def refused(self, sink: str, ids: Sequence[str], reason: RefusalReason) -> None:
        self.all.append(("refused", sink, tuple(ids), reason))

    def left_out(self, sink: str, ids: Sequence[str], reason: LeftOutReason) -> None:
        self.all.append(("left_out", sink, tuple(ids), reason))

    def rolled_up(self, sink: str, roll_up: str, held_back: int) -> None:
        self.all.append(("rolled_up", sink, roll_up, held_back))

    def breaker_opened(self, sink: str, seconds: float) -> None:
        self.all.append(("breaker_opened", sink, seconds))

    def breaker_closed(self, sink: str) -> None:
        self.all.append(("breaker_closed", sink))

    def outbox_failed(self, sink: str, error: str) -> None:
        self.all.append(("outbox_failed", sink, error))


class Hours:
    """Time that passes when somebody sleeps, and not otherwise."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.slept.append(seconds)
        self.time += seconds

    def clock(self, random: float = 1.0) -> Clock:
        return Clock(monotonic=self.monotonic, sleep=self.sleep, random=lambda: random)


class ScriptedSink:
    """Answers as a script says, then takes everything."""

    def __init__(self, name: str = "scripted", terms: Terms | None = None) -> None:
        self.name = name
        self.terms = terms or Terms()
        self.offered: list[list[Alert]] = []
        self.taken: list[Alert] = []
        self.script: list[Fate | Exception] = []
        self.decide: Callable[[Alert], Fate | None] = lambda _: None
        self.closed = False

    async def deliver(self, batch: Sequence[Alert]) -> Outcome:
        self.offered.append(list(batch))
        answer = self.script.pop(0) if self.script else DELIVERED
        if isinstance(answer, Exception):
            raise answer
        fates = {each.id: self.decide(each) or answer for each in batch}
        self.taken += [each for each in batch if fates[each.id] == DELIVERED]
        return fates

    async def close(self) -> None:
        self.closed = True


def numbered(count: int, agent: str = "noisy", severity: Severity = "medium", time: str | None = None) -> list[Alert]:
    """So many different alerts of one agent."""
    subject = Subject("agent", agent, agent.title(), None, None, "t-1")
    changes: dict[str, object] = {"severity": severity, "subject": subject}
    if time is not None:
        changes["time"] = time
    stamp = time or ""
    return [alert(f"{agent} {severity} {stamp} {number}", **changes) for number in range(count)]
