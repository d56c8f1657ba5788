"""Whether the service lives, is ready, has started: what the probes of Kubernetes ask.

Liveness is about this process alone (the loop turns, the worker works) and never about Azure: a restart heals a
deadlock and nothing else. Readiness says what is amiss in reason codes out of a closed set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, Literal, get_args

Reason = Literal[
    "check_failed",
    "configuration_refused",
    "disk_low",
    "draining",
    "hub_recreated",
    "hub_unreachable",
    "loop_stalled",
    "not_started",
    "outbox_full",
    "outbox_old",
    "partition_not_open",
    "partition_stalled",
    "sink_failing",
    "source_failed",
    "state_not_loaded",
    "store_damaged",
    "store_unavailable",
    "worker_stalled",
]
"""Why a probe says no. A check may add a partition: `partition_not_open:3`."""

REASONS: Final = frozenset(get_args(Reason))
MAX_REASONS: Final = 64
_SUFFIX: Final = re.compile(r"[0-9]{1,5}", re.ASCII)

Check = Callable[[], Iterable[str]]
"""Gives the reasons for which the service is not ready; none when it is. Called in the loop: it must not wait."""


class Health:
    """What the probes answer; fed by ticks, asked by the server.

    A loop ticks itself, a worker ticks between two pieces of work; both from their own thread. Attributes that are
    written here are single numbers, so no lock is needed.

    Args:
        monotonic: Seconds that only rise; a frozen one stands for a frozen process in tests.
        loop_limit: Seconds without a tick of the loop after which it counts as stalled.
        worker_limit: The same for the worker; it does not count before its first tick.
        on_check_failed: Told the name of a check that raised, and its error.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        loop_limit: float = 10.0,
        worker_limit: float = 30.0,
        on_check_failed: Callable[[str, Exception], None] = lambda _name, _error: None,
    ) -> None:
        self._monotonic: Final = monotonic
        self._loop_limit: Final = loop_limit
        self._worker_limit: Final = worker_limit
        self._on_check_failed: Final = on_check_failed
        self._loop_at = monotonic()
        self._worker_at: float | None = None
        self._checks: Final[dict[str, Check]] = {}
        self._started = False
        self._draining = False

    def loop_ticked(self) -> None:
        """The event loop turned."""
        self._loop_at = self._monotonic()

    def worker_ticked(self) -> None:
        """The worker is between two pieces of work, or waits for one."""
        self._worker_at = self._monotonic()

    def worker_ended(self) -> None:
        """The worker ended in order: it ticks no more."""
        self._worker_at = None

    def state_loaded(self) -> None:
        """Start-up is over."""
        self._started = True

    def draining(self) -> None:
        """The service was told to stop: alive, but ready no more."""
        self._draining = True

    def register(self, name: str, check: Check) -> None:
        """Adds a readiness check; one of the same name is replaced."""
        self._checks[name] = check

    def dead(self) -> list[str]:
        """Why the process should be restarted; empty while it lives."""
        now = self._monotonic()
        reasons = ["loop_stalled"] if now - self._loop_at >= self._loop_limit else []
        worker_at = self._worker_at
        if worker_at is not None and now - worker_at >= self._worker_limit:
            reasons.append("worker_stalled")
        return reasons

    def not_started(self) -> list[str]:
        """Why start-up is not over; empty when it is."""
        return [] if self._started else ["state_not_loaded"]

    def not_ready(self) -> list[str]:
        """Every reason for which the service does not do its work in full; each once, in order of name."""
        reasons = {*self.dead(), *self.not_started()}
        if self._draining:
            reasons.add("draining")
        for name, check in list(self._checks.items()):
            try:
                reasons.update(_known(str(reason)) for reason in check())
            except Exception as error:  # noqa: BLE001 -- a check that breaks is an answer, not the end of the probe
                reasons.add("check_failed")
                self._on_check_failed(name, error)
        return sorted(reasons)[:MAX_REASONS]


def _known(reason: str) -> str:
    """The reason as far as it is one of the closed set, so that no text of a record gets into an answer."""
    code, mark, partition = reason.partition(":")
    if code not in REASONS:
        return "check_failed"
    return reason if mark and _SUFFIX.fullmatch(partition) else code
