"""What the poller of the directory has to tell: the facts of `detector.inventory`, as metrics and lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from detector.telemetry.log import Log
from detector.telemetry.metrics import Metrics


class InventoryFacts:
    """Facts of the inventory.

    Args:
        metrics: The metrics.
        log: The log.
        now: Wall clock, seconds since the epoch.
    """

    def __init__(self, metrics: Metrics, log: Log, *, now: Callable[[], float]) -> None:
        self._metrics: Final = metrics
        self._log: Final = log
        self._now: Final = now

    def round_finished(self, kind: str, seconds: float, requests: int, *, told: int, deleted: int) -> None:
        """A round has ended."""
        self._metrics.count("inventory_rounds_total", round=kind, outcome="finished")
        self._metrics.set("inventory_last_round_timestamp_seconds", self._now(), round=kind)
        self._metrics.count("inventory_objects_total", told)
        self._log.say("inventory_read", round=kind, seconds=seconds, requests=requests, objects=told, deleted=deleted)

    def round_failed(self, kind: str, error: str) -> None:
        """A round ended by a fault of the program."""
        self._metrics.count("inventory_rounds_total", round=kind, outcome="failed")
        self._log.say("inventory_failed", round=kind, error=error)

    def part_failed(self, part: str, reason: str) -> None:
        """Something could not be read: what it would have shown is not known."""
        self._metrics.count("inventory_problems_total", reason=reason)
        self._log.say("inventory_incomplete", part=part, reason=reason)

    def object_unreadable(self, part: str) -> None:
        """One object of a page could not be understood."""
        self._metrics.count("inventory_problems_total", reason="unreadable")
        self._log.say("inventory_incomplete", part=part, reason="unreadable")

    def request_retried(self, reason: str, seconds: float) -> None:
        """A request is made again after so many seconds."""
        self._metrics.count("inventory_retries_total")
        self._log.say("inventory_retried", reason=reason, seconds=seconds)

    def delta_refused(self) -> None:
        """Graph no longer knows what was read when; everything is read anew."""
        self._metrics.count("inventory_problems_total", reason="delta_refused")
        self._log.say("inventory_begun_anew")

    def deletions_unconfirmed(self, objects: int) -> None:
        """Objects were missing from a complete list, and yet Graph does not say that they are gone."""
        self._metrics.count("inventory_problems_total", reason="deletions_unconfirmed")
        self._log.say("inventory_doubted", objects=objects)
