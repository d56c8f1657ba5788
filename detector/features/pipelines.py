"""Declared deployment pipelines: who may change agents, from where and when.

A pipeline is recognised by the object id of its service principal or user alone. A display name proves nothing:
anyone who may create an application can call it what the pipeline is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal
from zoneinfo import ZoneInfo

from detector.domain.events import Actor

Deviation = Literal["actor", "address", "window"]
"""In what a change departs from every declared pipeline."""


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the week in which a pipeline deploys."""

    days: frozenset[int]
    """0 is Monday."""
    start: int
    """First minute of the day."""
    end: int
    """Minute of the day at which the window closes; smaller than `start` when it runs past midnight."""
    zone: ZoneInfo

    def holds(self, time: float) -> bool:
        """Whether `time` (seconds since the epoch) lies in the window."""
        local = datetime.fromtimestamp(time, self.zone)
        minute = local.hour * 60 + local.minute
        if self.start <= self.end:
            return local.weekday() in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return local.weekday() in self.days
        return minute < self.end and (local.weekday() - 1) % 7 in self.days


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One declared pipeline; empty `addresses` or `windows` restrict nothing."""

    name: str
    object_ids: frozenset[str]
    """Object ids of its service principals or users, lower case."""
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Whether a change came through a pipeline."""

    pipeline: str | None
    """The pipeline whose identity made the change."""
    deviation: Deviation | None
    """`None` when everything fits. `actor` when no pipeline has this identity."""


def provenance(pipelines: tuple[Pipeline, ...], actor: Actor, time: float) -> Provenance:
    """Where a change came from. An actor without an address deviates from any declared address range."""
    best = Provenance(None, "actor")
    for pipeline in pipelines:
        if actor.id is None or actor.id not in pipeline.object_ids:
            continue
        if pipeline.addresses and not _within(actor.ip, pipeline.addresses):
            best = Provenance(pipeline.name, "address")
        elif pipeline.windows and not any(window.holds(time) for window in pipeline.windows):
            best = Provenance(pipeline.name, "window")
        else:
            return Provenance(pipeline.name, None)
    return best


def _within(address: str | None, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    if address is None:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
