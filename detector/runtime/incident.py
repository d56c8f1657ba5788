"""The incident query: which agents touched something, with what, from where, and what had been changed before (D116).

One pass over an archive. What is asked for is found record by record; who a change was about is only known when all of
it was read, because logs of changes name objects by ids that sign-ins explain. Each statement of the answer carries
record ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from math import inf
from typing import Final

import msgspec

from detector.decode.decoder import Decoder
from detector.domain.events import Change, Event, SignIn
from detector.engine.naming import rfc3339
from detector.report.facts import Chain, Statement
from detector.runtime.dossier.following import Followed, Seeds, follow
from detector.runtime.dossier.gathering import Gathering
from detector.runtime.dossier.stating import statements_of
from detector.runtime.dossier.trail import Trail
from detector.runtime.dossier.uses import Touch, Use
from detector.runtime.replay import PROGRESS_EVERY, decode_chunk
from detector.sources.chunk import Chunk

DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. All that is given has to hold of a sign-in."""

    resource: str | None = None
    """Id of a resource, or its name, in lower case."""
    network: IPv4Network | IPv6Network | None = None
    """Where sign-ins came from."""
    credential: str | None = None
    """Key id, lower case."""
    actor: str | None = None
    """Object id, appId or name of who changed agents, lower case: asks for the agents that were changed."""
    since: float = -inf
    until: float = inf
    before: float = 7 * DAY
    """Seconds before the first touch in which changes are looked for."""

    def matches(self, event: SignIn) -> bool:
        """Whether a sign-in of the window touched what is asked for."""
        access = event.access
        if self.resource is not None and self.resource not in (
            access.resource_id,
            (access.resource_name or "").casefold(),
        ):
            return False
        if self.credential is not None and self.credential != access.credential_key_id:
            return False
        return self.network is None or _within(event.origin.ip, self.network)

    def by_actor(self, change: Change) -> bool:
        """Whether a change was made by the actor that is asked for."""
        made_by = change.actor
        return self.actor in (made_by.id, made_by.app_id, (made_by.name or "").casefold())


@dataclass(slots=True)
class Answer:
    """What was found."""

    question: Question
    agents: list[tuple[Touch, list[Change]]] = field(default_factory=list)
    """By first touch; each with the changes of it, or of its blueprint, in the time before and until its last."""
    records: int = 0
    copies: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    first: float = inf
    last: float = -inf
    dropped_changes: int = 0
    failures: list[str] = field(default_factory=list)
    keys: list[tuple[str, str]] = field(default_factory=list)
    """Tenants and ids of the agents."""
    followed: Followed = field(default_factory=lambda: Followed(Chain()))
    """Actor, credential, agent, resource."""
    statements: tuple[Statement, ...] = ()
    """The answer in sentences, each with the records that it rests on."""

    def document(self) -> dict[str, object]:
        """The answer as plain values; times are RFC 3339, UTC."""
        asked = self.question
        return {
            "question": {
                name: value
                for name, value in (
                    ("resource", asked.resource),
                    ("network", None if asked.network is None else str(asked.network)),
                    ("credential", asked.credential),
                    ("actor", asked.actor),
                    ("since", _moment(asked.since)),
                    ("until", _moment(asked.until)),
                    ("changes_before_seconds", asked.before),
                )
                if value is not None
            },
            "read": {
                "records": self.records,
                "copies": self.copies,
                "quarantined": dict(sorted(self.quarantined.items())),
                "first": _moment(self.first),
                "last": _moment(self.last),
                "changes_not_kept": self.dropped_changes,
                "failures": self.failures,
            },
            "statements": msgspec.to_builtins(self.statements),
            "agents": [_agent(touch, changes) for touch, changes in self.agents],
            "chain": msgspec.to_builtins({"nodes": self.followed.chain.nodes, "edges": self.followed.chain.edges}),
            "blast_radius": msgspec.to_builtins(self.followed.chain.radius),
        }


def ask(
    source: Iterable[Chunk],
    decoder: Decoder,
    question: Question,
    *,
    trusted: Callable[[Change], bool] = lambda _: False,
    on_progress: Callable[[], None] | None = None,
) -> Answer:
    """Reads an archive to its end and answers.

    Args:
        source: Chunks in order of event time.
        decoder: Turns chunks into events.
        question: What is asked.
        trusted: Whether a change was made by a declared pipeline: such changes are told, not followed.
        on_progress: Called now and then, for a progress bar.
    """
    gathering = Gathering(Trail(until=question.until), everybody=True)
    reading = Reading(question, gathering.trail)
    for number, chunk in enumerate(source):
        decoded = decode_chunk(decoder, chunk)
        reading.answer.quarantined.update(each.reason for each in decoded.quarantined)
        for event in decoded.events:
            reading.take(event, copy=not gathering.take(event))
        if on_progress is not None and not number % PROGRESS_EVERY:
            on_progress()
    return reading.answered(trusted)


class Reading:
    """The pass over the archive, for the question.

    Args:
        question: What is asked.
        trail: Told every event by somebody else, before it is told here.
    """

    def __init__(self, question: Question, trail: Trail) -> None:
        self.question: Final = question
        self.answer: Final = Answer(question)
        self.touches: Final[dict[tuple[str, str], Touch]] = {}
        """By tenant and agent: whom the question is about, or (with an actor) everybody."""
        self.trail: Final = trail

    def take(self, event: Event, *, copy: bool) -> None:
        """Takes in one event, or a copy of one."""
        answer, question = self.answer, self.question
        answer.records += 1
        if copy:
            answer.copies += 1
            return
        answer.first, answer.last = min(answer.first, event.time), max(answer.last, event.time)
        if not isinstance(event, SignIn) or not question.since <= event.time < question.until:
            return
        if question.matches(event):
            key = event.access.tenant_id, event.access.agent_id
            touch = self.touches.get(key)
            if touch is None:
                touch = self.touches[key] = Touch.of(event)
            touch.add(event)

    def answered(self, trusted: Callable[[Change], bool]) -> Answer:
        """Ties changes to agents, and follows the chain."""
        answer, about = self.answer, self.trail.about()
        for (tenant, agent), touch in self.touches.items():
            begin, end = touch.use.first - self.question.before, touch.use.last
            near = [*about.get((tenant, agent), ()), *about.get((tenant, touch.blueprint or ""), ())]
            known = {change.record_id: change for change in near if change.time < self.question.until}
            before = sorted(known.values(), key=lambda each: each.time)
            told = [change for change in before if begin <= change.time <= end]
            if self.question.actor is None or self._changed_by_actor(before):
                answer.agents.append((touch, told))
                answer.keys.append((tenant, agent))
        answer.agents.sort(key=lambda each: (each[0].use.first, each[0].use.id))
        answer.dropped_changes = self.trail.dropped_changes
        answer.followed = follow(self.trail, self._seeds(trusted))
        answer.statements = statements_of(answer.followed, [touch for touch, _ in answer.agents], trusted)
        return answer

    def _seeds(self, trusted: Callable[[Change], bool]) -> Seeds:
        """Where the chain starts: at the agents of the answer, and at what the question names."""
        question, answer = self.question, self.answer
        resources = frozenset(
            identifier
            for touch, _ in answer.agents
            for identifier, use in touch.resources.items()
            if question.resource in (identifier, (use.name or "").casefold())
        )
        return Seeds(
            agents=frozenset(answer.keys),
            credentials=frozenset() if question.credential is None else frozenset((question.credential,)),
            resources=resources,
            actors=frozenset() if question.actor is None else frozenset((question.actor,)),
            since=min((touch.use.first for touch, _ in answer.agents), default=question.since),
            until=question.until,
            before=question.before,
            trusted=trusted,
        )

    def _changed_by_actor(self, changes: Iterable[Change]) -> bool:
        question = self.question
        return any(question.by_actor(change) and change.time >= question.since for change in changes)


def _within(address: str | None, network: IPv4Network | IPv6Network) -> bool:
    if address is None:
        return False
    parsed = ip_address(address)
    return parsed.version == network.version and parsed in network


def _moment(time: float) -> str | None:
    return None if time in (inf, -inf) else rfc3339(time)


def _agent(touch: Touch, changes: list[Change]) -> dict[str, object]:
    return {
        "id": touch.use.id,
        "name": touch.use.name,
        "kind": touch.kind,
        "blueprint": touch.blueprint,
        "requests": touch.use.requests,
        "refused": touch.use.refused,
        "first": _moment(touch.use.first),
        "last": _moment(touch.use.last),
        "records": touch.use.records,
        "users": sorted(touch.users),
        "resources": _uses(touch.resources),
        "credentials": _uses(touch.credentials),
        "addresses": _uses(touch.networks),
        "not_listed": touch.unlisted,
        "changes": [
            {
                "time": rfc3339(change.time),
                "activity": change.activity_name,
                "succeeded": change.succeeded,
                "actor": change.actor.id,
                "actor_name": change.actor.name,
                "address": change.actor.ip,
                "keys_added": [key.key_id for key in change.keys_added],
                "record": change.record_id,
            }
            for change in changes
        ],
    }


def _uses(table: dict[str, Use]) -> list[dict[str, object]]:
    most = sorted(table.values(), key=lambda use: (-use.requests, use.id))
    return [
        {
            "id": use.id,
            "name": use.name,
            "requests": use.requests,
            "refused": use.refused,
            "first": _moment(use.first),
            "last": _moment(use.last),
            "records": use.records,
        }
        for use in most
    ]
