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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a CI system, by what it says of itself; `None` where it does not say."""

    provider: str
    repository: str | None = None
    workflows: tuple[str, ...] = ()
    """What the workflow or definition is called: its name, its path, its id."""
    branch: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRule:
    """Which runs are runs of a pipeline; `None` restricts nothing. Only a branch has case that matters."""

    provider: str
    repository: str | None = None
    workflow: str | None = None
    branch: str | None = None
    """A star at its end stands for anything."""
    environment: str | None = None

    def fits(self, run: Run) -> bool:
        """Whether this is one of them. What a run does not say fits no restriction."""
        return (
            self.provider == run.provider
            and _same(self.repository, run.repository)
            and (self.workflow is None or any(_same(self.workflow, each) for each in run.workflows))
            and _on_branch(self.branch, run.branch)
            and _same(self.environment, run.environment)
        )


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One declared pipeline; empty `addresses` or `windows` restrict nothing."""

    name: str
    object_ids: frozenset[str]
    """Object ids of its service principals or users, lower case."""
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    windows: tuple[Window, ...] = ()
    runs: tuple[RunRule, ...] = ()
    """Which runs are its runs; empty when no webhook tells of them."""
    evidence_required: bool = False
    """Whether a change without a run is wrong even before the first evidence of a run has come."""


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


def pipeline_of(pipelines: tuple[Pipeline, ...], run: Run) -> Pipeline | None:
    """The first declared pipeline that a run belongs to."""
    return next((each for each in pipelines if any(rule.fits(run) for rule in each.runs)), None)


def _same(wanted: str | None, said: str | None) -> bool:
    return wanted is None or (said is not None and wanted.casefold() == said.casefold())


def _on_branch(wanted: str | None, branch: str | None) -> bool:
    if wanted is None or branch is None:
        return wanted is None
    return branch.startswith(wanted[:-1]) if wanted.endswith("*") else branch == wanted


def _within(address: str | None, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    if address is None:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
