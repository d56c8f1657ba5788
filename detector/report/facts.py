"""What an incident report says, as plain values: gathered by the runtime, shown by this room.

Every statement carries the ids of the records that it rests on. Times are RFC 3339, UTC, unless they are buckets:
numbers of `Span.seconds` since `Span.start`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from detector.domain.alerts import Alert
from detector.domain.findings import Severity

NodeKind = Literal["actor", "credential", "agent", "resource"]
COLUMNS: tuple[NodeKind, ...] = ("actor", "credential", "agent", "resource")
"""The order of an attack chain, from who acted to what was reached."""


class Statement(msgspec.Struct, frozen=True):
    """One sentence and what it rests on."""

    kind: str
    """`first_event`, `entry_point`, `credential`, `agents`, `resources`, `blast_radius` or `changes`."""
    text: str
    records: tuple[str, ...] = ()
    """Record ids: the earliest and, of many, the latest."""
    time: str | None = None


class Node(msgspec.Struct, frozen=True):
    """One object of an attack chain."""

    kind: NodeKind
    id: str
    name: str | None = None
    asked: bool = False
    """Whether the question, or an alert, names it."""
    note: str = ""


class Edge(msgspec.Struct, frozen=True):
    """One thing that an object of a chain did to the next."""

    source: str
    """`kind:id` of its node."""
    target: str
    label: str
    count: int
    first: str
    last: str
    records: tuple[str, ...]
    new: bool = False
    """Whether it was not there before the time that is asked about."""


class Radius(msgspec.Struct, frozen=True):
    """How far whoever held the credentials could reach: what was reached, and what lay open besides."""

    agents: tuple[str, ...] = ()
    """Ids of agents that got, or asked for, tokens with the credentials of the chain."""
    within_reach: tuple[str, ...] = ()
    """Ids of further agents of the same blueprints: whoever is the blueprint can be each of them."""
    resources: tuple[str, ...] = ()
    users: int = 0
    """Users acted for, as far as counted."""
    requests: int = 0
    not_listed: int = 0
    """Agents and resources beyond what is listed."""


class Chain(msgspec.Struct, frozen=True):
    """Actor, credential, agent, resource: who did what with what to whom."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    not_shown: int = 0
    """Objects left out because there are too many."""
    radius: Radius = Radius()


class Story(msgspec.Struct, frozen=True):
    """One thing that happened: the answer to the question, or alerts of one blueprint that follow each other."""

    id: str
    title: str
    severity: Severity | None
    first: str
    last: str
    statements: tuple[Statement, ...]
    chain: Chain
    alerts: tuple[str, ...] = ()
    """Ids of its alerts, in order of time."""
    incidents: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


class Span(msgspec.Struct, frozen=True):
    """The stretch of time that is plotted, in equal buckets."""

    start: float = 0.0
    """Seconds since the epoch; the start of the first bucket."""
    seconds: int = 3600
    buckets: int = 0


class Lane(msgspec.Struct, frozen=True):
    """When one resource or network was in use."""

    id: str
    name: str | None
    requests: int
    refused: int
    first: str
    last: str
    records: tuple[str, ...]
    runs: tuple[int, ...] = ()
    """Begin and end, begin and end: buckets in which it was in use, the end not included."""
    new: bool = False
    """First used after the first alert of the agent."""


class Deed(msgspec.Struct, frozen=True):
    """One change of an agent or its blueprint."""

    time: str
    activity: str
    succeeded: bool
    actor: str
    address: str | None
    record: str
    pipeline: bool = False
    """Made by a declared pipeline."""


class Panel(msgspec.Struct, frozen=True):
    """What one agent did: the numbers of its plots and the tables below them."""

    id: str
    name: str | None
    kind: str
    tenant: str
    blueprint: str | None
    requests: int
    refused: int
    users: int
    first: str
    last: str
    records: tuple[str, ...]
    counts: tuple[int, ...]
    """Token requests by bucket."""
    failures: tuple[int, ...]
    low: tuple[float, ...]
    """Lower end of what was expected of a bucket in which it is at work; -1 where too little was known."""
    high: tuple[float, ...]
    resources: tuple[Lane, ...] = ()
    networks: tuple[Lane, ...] = ()
    credentials: tuple[Lane, ...] = ()
    addresses: tuple[Lane, ...] = ()
    deeds: tuple[Deed, ...] = ()
    alerts: tuple[str, ...] = ()
    """Ids of alerts about it, in order of time."""
    severity: Severity | None = None
    experience: float = 0.0
    """Active buckets behind the last expectation."""
    not_listed: int = 0


class InputFile(msgspec.Struct, frozen=True):
    """One input, as it lay there."""

    place: str
    size: int | None
    """Bytes; `None` for a pipe."""
    sha256: str | None
    """Of the bytes on the disk; `None` where they cannot be read twice."""


class Gap(msgspec.Struct, frozen=True):
    """A stretch of time without any record, between records."""

    start: str
    end: str
    hours: int


class Reading(msgspec.Struct, frozen=True):
    """What was read, and how much of it could be used."""

    records: int = 0
    accounting: dict[str, int] = {}
    """`applied`, `duplicate`, `filtered`, `late`, `quarantined`; empty when nothing was judged."""
    kinds: dict[str, int] = {}
    """Records by kind of event."""
    first: str | None = None
    last: str | None = None
    gaps: tuple[Gap, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    inputs: tuple[InputFile, ...] = ()


class Dossier(msgspec.Struct, frozen=True):
    """All that a report shows."""

    title: str
    command: str
    """What was asked for, as a sentence."""
    generated: str
    version: str
    configuration: str
    """SHA-256 of the configuration in force."""
    summary: tuple[str, ...]
    """The answer in plain words, a few sentences."""
    stories: tuple[Story, ...]
    more_stories: int
    span: Span
    counts: tuple[int, ...]
    """Token requests of all watched agents by bucket."""
    failures: tuple[int, ...]
    panels: tuple[Panel, ...]
    more_agents: int
    alerts: tuple[Alert, ...]
    """In order of time."""
    more_alerts: int
    reading: Reading
    confidence: tuple[str, ...]
    """What the reader has to know about what is not known: sentences."""
    question: dict[str, str] = {}
