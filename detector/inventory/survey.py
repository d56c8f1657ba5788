"""Lists of objects, read in as many passes as they have lists of their own, and put together.

A pass that broke off has shown what it has shown, and no more: what it would have said of the other objects stays
unknown, and none of them is missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from detector.inventory.facts import Part, Reason
from detector.inventory.kinds import MEMBERS, Kind
from detector.inventory.problems import RequestFailed
from detector.inventory.shapes import (
    FEDERATED,
    HOLDERS,
    INHERITABLE,
    OBJECTS,
    ROLE_ASSIGNMENTS,
    Seen,
    fit_for_path,
    read_each,
)

if TYPE_CHECKING:
    from yarl import URL

    from detector.inventory.client import Graph
    from detector.inventory.facts import InventoryFacts

EXPANDED: Final = 20
"""Graph expands no more than this many members of a list, and does not always say so: a full one is read by itself.
https://learn.microsoft.com/graph/query-parameters#expand."""
MOST_LISTS: Final = 5_000
"""Lists of single objects that are read in a round at most; the others stay unknown."""

_DECODERS: Final[dict[Part, Any]] = {
    "owners": HOLDERS,
    "sponsors": HOLDERS,
    "app_roles": ROLE_ASSIGNMENTS,
    "federated_credentials": FEDERATED,
    "inheritable_permissions": INHERITABLE,
}
_FIELDS: Final[dict[Part, str]] = {"owners": "owners", "sponsors": "sponsors", "app_roles": "app_role_assignments"}

T = TypeVar("T")


class Entry:
    """What is known of one object."""

    __slots__ = ("kind", "lists", "seen")

    def __init__(self, kind: Kind, seen: Seen) -> None:
        self.kind: Final = kind
        self.seen = seen
        self.lists: dict[Part, Any] = {}
        """Its lists that are known as a whole."""


class Survey:
    """All objects of one kind, as far as they could be read."""

    def __init__(self, kind: Kind) -> None:
        self.kind: Final = kind
        self.entries: Final[dict[str, Entry]] = {}
        self.complete = False
        """Whether one pass at least has shown them all."""
        self.failures: Final[dict[Part, Reason]] = {}
        """Passes that broke off."""
        self._cut: Final[set[tuple[str, Part]]] = set()

    def take(self, seen: Seen, part: Part | None) -> None:
        """Takes in an object as the pass for `part` showed it; `None` for a pass without a list."""
        entry = self.entries.setdefault(seen.id, Entry(self.kind, seen))
        if part == "attributes":
            entry.lists[part] = seen.custom_security_attributes
            return
        entry.seen = seen
        if part is not None:
            listed = getattr(seen, _FIELDS[part])
            if listed is None:
                return
            if len(listed) >= EXPANDED or getattr(seen, f"{_FIELDS[part]}_next") is not None:
                self._cut.add((seen.id, part))
            else:
                entry.lists[part] = listed

    def finish(self) -> bool:
        """Every pass has ended; whether attributes are shown to us.

        That nobody has any may mean as well that we may not see them.
        """
        shown = any(entry.lists.get("attributes") is not None for entry in self.entries.values())
        for entry in self.entries.values():
            if "attributes" in entry.lists and entry.lists["attributes"] is None:
                if shown:
                    entry.lists["attributes"] = {}
                else:
                    del entry.lists["attributes"]
        return shown

    def wanting(self) -> Iterator[tuple[Entry, Part]]:
        """Lists that have to be asked of single objects."""
        for entry in self.entries.values():
            for part in entry.kind.lists:
                yield entry, part
        for identifier, part in sorted(self._cut):
            yield self.entries[identifier], part
        for part, reason in self.failures.items():
            if reason == "rejected" and part in _FIELDS:
                # Graph does not expand this list here; it may still give it of each object.
                for entry in self.entries.values():
                    if part not in entry.lists and (entry.seen.id, part) not in self._cut:
                        yield entry, part


class Surveyor:
    """Reads surveys.

    Args:
        graph: Where to.
        facts: Told what could not be read.
        page_size: Objects of a page.
        parts: What is wanted at all.
        concurrency: How much is asked at once.
    """

    def __init__(
        self, graph: Graph, facts: InventoryFacts, *, page_size: int, parts: Collection[Part], concurrency: int
    ) -> None:
        self._graph: Final = graph
        self._facts: Final = facts
        self._page_size: Final = page_size
        self._parts: Final = frozenset(parts)
        self._concurrency: Final = concurrency
        self._attributes_shown = False

    async def all_of(self, kind: Kind) -> Survey:
        """Everything of one kind, all passes at once."""
        survey = Survey(kind)
        relations = [part for part in kind.relations if part in self._parts]
        bases = [part for part in relations if part != "attributes"]
        passes: list[Part | None] = [*relations] if bases else [None, *relations]
        async with asyncio.TaskGroup() as tasks:
            for part in passes:
                tasks.create_task(self._pass(survey, part))
        shown = survey.finish()
        if "attributes" in relations:
            self._attributes_shown = shown
        await self.details([survey])
        return survey

    async def single(self, kind: Kind, identifier: str) -> Entry:
        """One object, with its lists.

        Raises:
            RequestFailed: Nothing of it could be read; `not_found` when there is none of this kind.
        """
        survey = Survey(kind)
        url = self._graph.url(kind.object_path(identifier), **kind.options)
        survey.take(await self._graph.read(url, OBJECTS), None)
        entry = survey.entries.get(identifier)
        if entry is None:
            raise RequestFailed("malformed")
        wanted = [part for part in (*kind.relations, *kind.lists) if part in self._parts and part != "attributes"]
        for part in wanted:
            await self._list(entry, part)
        if "attributes" in self._parts and "attributes" in kind.relations:
            await self._attributes(entry)
        return entry

    async def details(self, surveys: Iterable[Survey]) -> None:
        """Reads the lists that have to be asked of single objects."""
        wanting = [each for survey in surveys for each in survey.wanting() if each[1] in self._parts]
        await self.each(wanting[:MOST_LISTS], lambda each: self._list(*each))

    async def each(self, items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
        """Does something with each of many, a few at a time."""
        waiting = iter(items)

        async def worker() -> None:
            for item in waiting:
                await work(item)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._concurrency):
                tasks.create_task(worker())

    async def _pass(self, survey: Survey, part: Part | None) -> None:
        kind = survey.kind
        complete = False
        try:
            complete = await self._shown(survey, self._url(kind, part), part)
        except RequestFailed as failed:
            self._failed(survey, part, failed.reason)
        survey.complete = survey.complete or complete

    async def _shown(self, survey: Survey, url: URL, part: Part | None) -> bool:
        """Reads one pass to its end; whether every object in it could be understood."""
        whole = True
        async for page in self._graph.pages(url):
            for seen in read_each(page.value, OBJECTS):
                if seen is None:
                    whole = False
                    self._facts.object_unreadable(part or survey.kind.part)
                else:
                    survey.take(seen, part)
        return whole

    def _url(self, kind: Kind, part: Part | None) -> URL:
        options: dict[str, object] = dict(kind.options)
        if part == "attributes":
            options = {"select": f"id,{MEMBERS[part]}"}
        elif part is not None:
            options["expand"] = MEMBERS[part]
        return self._graph.url(kind.path, **options, top=self._page_size)

    def _failed(self, survey: Survey, part: Part | None, reason: Reason) -> None:
        told = part or survey.kind.part
        survey.failures[told] = reason
        self._facts.part_failed(told, reason)

    async def _list(self, entry: Entry, part: Part) -> None:
        """A list of one object, whole or not at all."""
        if not fit_for_path(entry.seen.id):
            return
        found: list[Any] = []
        try:
            url = self._graph.url(entry.kind.list_path(entry.seen.id, part))
            async for page in self._graph.pages(url):
                for each in read_each(page.value, _DECODERS[part]):
                    if each is None:
                        raise RequestFailed("malformed")
                    found.append(each)
        except RequestFailed as failed:
            self._facts.part_failed(part, failed.reason)
            return
        entry.lists[part] = found

    async def _attributes(self, entry: Entry) -> None:
        url = self._graph.url(entry.kind.object_path(entry.seen.id), select=f"id,{MEMBERS['attributes']}")
        try:
            seen = await self._graph.read(url, OBJECTS)
        except RequestFailed as failed:
            self._facts.part_failed("attributes", failed.reason)
            return
        found = seen.custom_security_attributes
        if found is not None or self._attributes_shown:
            entry.lists["attributes"] = found or {}
