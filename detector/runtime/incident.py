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
from detector.engine.fingerprints import fingerprint
from detector.engine.naming import rfc3339
from detector.features.changes import affected
from detector.runtime.replay import PROGRESS_EVERY, decode_chunk
from detector.sources.chunk import Chunk

_EVIDENCE: Final = 5
"""Record ids kept of the earliest and of the latest records behind a statement."""
_LISTED: Final = 200
"""Resources, credentials or networks listed for one agent; the rest are counted together."""
_MAX_CHANGES: Final = 200_000
_MAX_IDS: Final = 4_000_000
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


class Use(msgspec.Struct, omit_defaults=True):
    """How often one thing was used, and when."""

    id: str
    name: str | None = None
    requests: int = 0
    refused: int = 0
    first: float = inf
    last: float = -inf
    records: list[str] = []
    """Ids of the earliest and of the latest records."""

    def add(self, event: SignIn) -> None:
        """Counts one sign-in; they come in order of event time."""
        self.requests += 1
        self.refused += event.access.error_code != 0
        self.first, self.last = min(self.first, event.time), max(self.last, event.time)
        if len(self.records) >= 2 * _EVIDENCE:
            del self.records[_EVIDENCE]
        self.records.append(event.record_id)


class Touch(msgspec.Struct):
    """What one agent did."""

    use: Use
    kind: str
    blueprint: str | None
    resources: dict[str, Use] = {}
    credentials: dict[str, Use] = {}
    networks: dict[str, Use] = {}
    users: set[str] = set()
    unlisted: int = 0
    """Things beyond the bound, which are not listed."""

    def add(self, event: SignIn) -> None:
        """Takes in one sign-in."""
        access, origin = event.access, event.origin
        self.use.add(event)
        if event.user_id is not None and len(self.users) < _LISTED:
            self.users.add(event.user_id)
        network = f"AS{origin.asn}" if origin.asn is not None else None
        for table, key, name in (
            (self.resources, access.resource_id, access.resource_name),
            (self.credentials, access.credential_key_id, access.credential_type),
            (self.networks, origin.ip, network),
        ):
            if key is None:
                continue
            if key not in table:
                if len(table) >= _LISTED:
                    self.unlisted += 1
                    continue
                table[key] = Use(key, name)
            table[key].add(event)


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
            "agents": [_agent(touch, changes) for touch, changes in self.agents],
        }


def ask(
    source: Iterable[Chunk], decoder: Decoder, question: Question, *, on_progress: Callable[[], None] | None = None
) -> Answer:
    """Reads an archive to its end and answers.

    Args:
        source: Chunks in order of event time.
        decoder: Turns chunks into events.
        question: What is asked.
        on_progress: Called now and then, for a progress bar.
    """
    reading = _Reading(question)
    for number, chunk in enumerate(source):
        decoded = decode_chunk(decoder, chunk)
        reading.answer.quarantined.update(each.reason for each in decoded.quarantined)
        for event in decoded.events:
            reading.take(event)
        if on_progress is not None and not number % PROGRESS_EVERY:
            on_progress()
    return reading.answered()


class _Reading:
    """The pass over the archive."""

    def __init__(self, question: Question) -> None:
        self.question: Final = question
        self.answer: Final = Answer(question)
        self.touches: Final[dict[tuple[str, str], Touch]] = {}
        """By tenant and agent: whom the question is about, or (with an actor) everybody."""
        self.changes: Final[list[Change]] = []
        self.owners: Final[dict[str, str]] = {}
        """Object id to the id that sign-ins go by."""
        self._seen: Final[set[int]] = set()

    def take(self, event: Event) -> None:
        """Takes in one event."""
        answer = self.answer
        answer.records += 1
        digest = fingerprint(event)
        if digest in self._seen:
            answer.copies += 1
            return
        if len(self._seen) < _MAX_IDS:
            self._seen.add(digest)
        answer.first, answer.last = min(answer.first, event.time), max(answer.last, event.time)
        if isinstance(event, SignIn):
            self._sign_in(event)
        elif isinstance(event, Change):
            self._change(event)

    def _sign_in(self, event: SignIn) -> None:
        access, question = event.access, self.question
        if access.service_principal_id is not None:
            self.owners[access.service_principal_id] = access.agent_id
        if not question.since <= event.time < question.until or not question.matches(event):
            return
        key = access.tenant_id, access.agent_id
        touch = self.touches.get(key)
        if touch is None:
            kind = access.role if access.role != "none" else "service_principal"
            touch = self.touches[key] = Touch(Use(access.agent_id, access.agent_name), kind, access.blueprint_id)
        touch.blueprint = touch.blueprint or access.blueprint_id
        touch.add(event)

    def _change(self, event: Change) -> None:
        for target in event.targets:
            if target.id is not None and target.app_id is not None:
                self.owners[target.id] = target.app_id
        if event.time < self.question.until:
            if len(self.changes) < _MAX_CHANGES:
                self.changes.append(event)
            else:
                self.answer.dropped_changes += 1

    def answered(self) -> Answer:
        """Ties changes to agents."""
        about: dict[tuple[str, str], list[Change]] = {}
        for change in self.changes:
            for name in self._named(change):
                about.setdefault((change.tenant_id, name), []).append(change)
        for (tenant, agent), touch in self.touches.items():
            begin, end = touch.use.first - self.question.before, touch.use.last
            near = [*about.get((tenant, agent), ()), *about.get((tenant, touch.blueprint or ""), ())]
            before = sorted({change.record_id: change for change in near}.values(), key=lambda each: each.time)
            told = [change for change in before if begin <= change.time <= end]
            if self.question.actor is None or self._changed_by_actor(before):
                self.answer.agents.append((touch, told))
        self.answer.agents.sort(key=lambda each: (each[0].use.first, each[0].use.id))
        return self.answer

    def _named(self, change: Change) -> set[str]:
        """Who a change is about, by every id that is known of them."""
        ids = {each for target in affected(change) for each in (target.id, target.app_id) if each is not None}
        return ids | {self.owners[each] for each in ids if each in self.owners}

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
