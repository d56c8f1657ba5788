"""The poller: everything now and then, what has changed more often, as records.

A page that fails never empties the inventory. What it would have shown is not known, which is not the same as "none";
and an object is told as deleted only when Graph says so: in its list of changes, or by not finding it after a complete
list did not show it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any, Final

from detector.inventory.around import Around
from detector.inventory.changes import Marks, collections_of
from detector.inventory.facts import Noting
from detector.inventory.kinds import AGENT_USER, KINDS, Kind
from detector.inventory.problems import PASSING, RequestFailed
from detector.inventory.records import Stamp, Surroundings, properties_of
from detector.inventory.shapes import OBJECTS, fit_for_path
from detector.inventory.survey import Entry, Survey, Surveyor

if TYPE_CHECKING:
    from detector.config.inventory import InventorySettings
    from detector.inventory.client import Graph
    from detector.inventory.facts import InventoryFacts, Part, Round
    from detector.inventory.pace import World
    from detector.inventory.shapes import DelegatedGrant, Seen

MOST_CHANGES: Final = 1_000
"""Changed objects that are read one by one; beyond, everything is read."""
MOST_CONFIRMED: Final = 500
"""Missing objects that are looked for by themselves in a round; the others wait for the next."""
CHUNK: Final = 256 * 2**10
"""Bytes of lines after which they are handed over."""

Tell = Callable[[bytes], Awaitable[None]]
"""Takes JSON lines over."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of an object that was seen, to say later that it is gone."""

    kind: Kind
    app_id: str | None
    name: str | None
    blueprint_id: str | None
    parent_id: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a round went."""

    told: dict[str, int]
    """Objects that were told, by type."""
    deleted: int
    """Those of them that were told as deleted."""
    failures: int
    """Parts that could not be read, or not to their end."""
    passing: bool
    """Whether another try soon may do better."""


class Poller:
    """Reads one tenant's directory; belongs to the event loop.

    Args:
        settings: What is read and how often.
        graph: Where to.
        facts: Told what happens.
        world: Clocks and chance.
    """

    def __init__(self, settings: InventorySettings, graph: Graph, facts: InventoryFacts, world: World) -> None:
        self._settings: Final = settings
        self._facts: Final = Noting(facts)
        self._world: Final = world
        self._graph: Final = graph
        read = settings.read
        self._kinds: Final = tuple(kind for kind in KINDS if kind is not AGENT_USER or read.agent_users)
        self._surveyor: Final = Surveyor(
            graph,
            self._facts,
            page_size=settings.page_size,
            parts=_parts(settings),
            concurrency=settings.concurrency,
        )
        self._around: Final = Around(graph, self._surveyor, self._facts, settings.page_size)
        self._marks: Final = Marks(graph, self._facts)
        self._known: Final[dict[str, Known]] = {}
        self._pending: Final[dict[str, Kind]] = {}
        """Changed objects that could not be read yet."""

    async def run(self, tell: Tell) -> None:
        """Reads everything, then what changes, until cancelled."""
        clock, settings = self._world.monotonic, self._settings
        full_at, failures = -inf, 0
        while True:
            started = clock()
            kind: Round = "full" if started >= full_at else "delta"
            try:
                outcome = await (self.full(tell) if kind == "full" else self.delta(tell))
            except Exception as error:  # noqa: BLE001 -- what Graph sends must not end the watch over the logs
                self._facts.round_failed(kind, type(error).__name__)
                outcome = Outcome({}, 0, 1, passing=True)
            if outcome is None:
                full_at = -inf
                continue
            if kind == "full":
                failures = failures + 1 if outcome.passing else 0
                soon = settings.every * 2.0 ** min(failures - 1, 30)
                full_at = started + (min(soon, settings.full_every) if failures else settings.full_every)
            await self._world.sleep(max(0.0, min(full_at, started + settings.every) - clock()))

    async def full(self, tell: Tell) -> Outcome:
        """Reads and tells everything."""
        started = self._start()
        self._around.forget()
        self._pending.clear()
        await self._marks.set_now(collections_of(self._kinds, people=self._settings.read.people))
        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(self._surveyor.all_of(kind)) for kind in self._kinds]
            granting = tasks.create_task(self._grants())
        surveys, grants = [task.result() for task in reading], granting.result()
        entries = [entry for survey in surveys for entry in survey.entries.values()]
        await self._look_around(entries, grants)
        gone = await self._gone(surveys)
        return await self._tell("full", started, tell, entries=entries, grants=grants, gone=gone)

    async def delta(self, tell: Tell) -> Outcome | None:
        """Reads and tells what has changed; `None` when everything has to be read instead."""
        started = self._start()
        kinds = {identifier: known.kind for identifier, known in self._known.items()}
        changes = await self._marks.changes(kinds, self._around.people)
        self._pending.update(changes.changed)
        for identifier in changes.removed:
            self._pending.pop(identifier, None)
        if changes.refused:
            self._facts.delta_refused()
        if changes.refused or len(self._pending) > MOST_CHANGES:
            return None
        entries: list[Entry] = []
        grants: dict[str, list[DelegatedGrant]] = {}
        unknown: set[str] = set()

        async def again(identifier: str) -> None:
            entry = await self._again(identifier)
            if entry is None:
                return
            entries.append(entry)
            if entry.kind.granted and self._settings.read.grants:
                found = await self._around.grants_of(identifier)
                if found is None:
                    unknown.add(identifier)
                else:
                    grants.update(found)

        await self._surveyor.each(sorted(self._pending), again)
        await self._look_around(entries, grants)
        return await self._tell(
            "delta",
            started,
            tell,
            entries=entries,
            grants=grants if self._settings.read.grants else None,
            gone=sorted(changes.removed),
            unknown=unknown,
            people=changes.people,
        )

    def _start(self) -> _Started:
        self._facts.start()
        now = self._world.now()
        moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        return _Started(f"{moment}-{self._world.token()}", now, self._world.monotonic(), self._graph.requests)

    async def _grants(self) -> dict[str, list[DelegatedGrant]] | None:
        return await self._around.all_grants() if self._settings.read.grants else None

    async def _look_around(self, entries: list[Entry], grants: dict[str, list[DelegatedGrant]] | None) -> None:
        await self._around.look(entries, grants)
        if self._settings.read.people:
            await self._around.ask_for_people(entries)

    async def _again(self, identifier: str) -> Entry | None:
        """Reads a changed object; what cannot be read now is read with the next round."""
        kind = self._pending[identifier]
        if not fit_for_path(identifier):
            del self._pending[identifier]
            return None
        try:
            entry = await self._surveyor.single(kind, identifier)
        except RequestFailed as failed:
            if failed.reason != "not_found":
                self._facts.part_failed(kind.part, failed.reason)
            if failed.reason in PASSING:
                return None
            # It is not there yet, or not any more: a later list of changes or a full round will tell.
            entry = None
        del self._pending[identifier]
        return entry

    async def _gone(self, surveys: Iterable[Survey]) -> list[str]:
        """Known objects that a complete list did not show, and that are not found by themselves either."""
        shown = {identifier for survey in surveys for identifier in survey.entries}
        complete = {survey.kind for survey in surveys if survey.complete}
        missing = [
            identifier
            for identifier, known in sorted(self._known.items())
            if known.kind in complete and identifier not in shown and fit_for_path(identifier)
        ][:MOST_CONFIRMED]
        gone: list[str] = []

        async def confirm(identifier: str) -> None:
            kind = self._known[identifier].kind
            try:
                await self._graph.read(self._graph.url(kind.object_path(identifier)), OBJECTS)
            except RequestFailed as failed:
                if failed.reason == "not_found":
                    gone.append(identifier)
                else:
                    self._facts.part_failed("deletions", failed.reason)

        await self._surveyor.each(missing, confirm)
        if len(gone) < len(missing):
            self._facts.deletions_unconfirmed(len(missing) - len(gone))
        return sorted(gone)

    async def _tell(
        self,
        kind: Round,
        started: _Started,
        tell: Tell,
        *,
        entries: list[Entry],
        grants: dict[str, list[DelegatedGrant]] | None,
        gone: list[str],
        unknown: Collection[str] = (),
        people: Mapping[str, Seen] | None = None,
    ) -> Outcome:
        stamp = Stamp(
            round=started.name,
            tenant_id=self._settings.tenant_id,
            observed=started.at,
            written=self._world.now(),
        )
        around = Surroundings(
            grants=grants,
            grants_unknown=frozenset(unknown),
            app_ids=self._around.app_ids,
            roles=self._around.roles,
            people=self._around.people,
        )
        told: Counter[str] = Counter()
        waiting: list[bytes] = []
        size = 0
        for properties in self._properties(entries, around, gone, people or {}):
            told[properties["objectType"]] += 1
            waiting.append(stamp.record(properties["objectId"], properties))
            size += len(waiting[-1])
            if size >= CHUNK:
                await tell(b"".join(waiting))
                waiting, size = [], 0
        if waiting:
            await tell(b"".join(waiting))
        self._facts.round_finished(
            kind,
            self._world.monotonic() - started.clock,
            self._graph.requests - started.requests,
            told=told.total(),
            deleted=len(gone),
        )
        return Outcome(dict(told), len(gone), self._facts.failures, self._facts.passing)

    def _properties(
        self, entries: list[Entry], around: Surroundings, gone: list[str], people: Mapping[str, Seen]
    ) -> Iterator[dict[str, Any]]:
        """What is told of each object, and of each that is gone."""
        for entry in entries:
            properties = properties_of(entry, around)
            self._known[entry.seen.id] = Known(
                entry.kind,
                properties["appId"],
                entry.seen.display_name,
                entry.seen.agent_identity_blueprint_id,
                entry.seen.identity_parent_id,
            )
            yield properties
        for identifier in gone:
            yield _deleted(identifier, self._known.pop(identifier))
        for identifier, seen in people.items():
            if seen.account_enabled is not None:
                self._around.people[identifier] = seen.account_enabled
            yield {
                "objectType": "user",
                "objectId": identifier,
                "displayName": seen.display_name,
                "accountEnabled": self._around.people[identifier],
                "deleted": seen.removed is not None,
            }


@dataclass(frozen=True, slots=True)
class _Started:
    """A round that is under way."""

    name: str
    at: float
    clock: float
    requests: int


def _deleted(identifier: str, known: Known) -> dict[str, Any]:
    return {
        "objectType": known.kind.type,
        "objectId": identifier,
        "appId": known.app_id,
        "displayName": known.name,
        "agentIdentityBlueprintId": known.blueprint_id,
        "identityParentId": known.parent_id,
        "deleted": True,
    }


def _parts(settings: InventorySettings) -> frozenset[Part]:
    """Lists that are wanted."""
    read = settings.read
    parts: set[Part] = {"owners", "sponsors", "federated_credentials"}
    if read.grants:
        parts |= {"app_roles", "inheritable_permissions"}
    if read.attributes:
        parts.add("attributes")
    return frozenset(parts)
