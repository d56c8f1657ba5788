"""What has changed in the directory since it was looked at: Graph's delta queries.

https://learn.microsoft.com/graph/delta-query-overview. They tell changes of the objects themselves. Owners, sponsors
and permissions are lists of their own, whose changes the audit log tells at once and a full round in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from detector.inventory.kinds import KINDS, Collection, Kind, kind_of
from detector.inventory.problems import RequestFailed
from detector.inventory.shapes import OBJECTS, Seen, read_each

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL

    from detector.inventory.client import Graph
    from detector.inventory.facts import InventoryFacts

COLLECTIONS: Final[tuple[Collection, ...]] = ("servicePrincipals", "applications", "users")
_SELECTED: Final[dict[Collection, dict[str, str]]] = {
    # Of users, changes of everything else would be a flood.
    "users": {"select": "id,displayName,accountEnabled"},
}


@dataclass(slots=True)
class Changes:
    """What one round of delta queries said."""

    changed: dict[str, Kind] = field(default_factory=dict)
    """Objects to be read again, by id."""
    removed: set[str] = field(default_factory=set)
    """Known objects that Graph says are gone."""
    people: dict[str, Seen] = field(default_factory=dict)
    """Owners and sponsors that changed."""
    refused: bool = False
    """Whether Graph no longer knows from where to tell."""


class Marks:
    """From where on changes are told, for each collection."""

    def __init__(self, graph: Graph, facts: InventoryFacts) -> None:
        self._graph: Final = graph
        self._facts: Final = facts
        self._links: Final[dict[Collection, URL]] = {}

    async def set_now(self, wanted: tuple[Collection, ...]) -> None:
        """Changes are told from now on; from where it was for a collection of which Graph does not say where it is."""
        for collection in wanted:
            options = {"deltatoken": "latest", **_SELECTED.get(collection, {})}
            try:
                async for page in self._graph.pages(self._graph.url(f"{collection}/delta", **options)):
                    if page.delta_link is not None:
                        self._links[collection] = self._graph.link(page.delta_link)
            except RequestFailed as failed:
                self._facts.part_failed("changes", failed.reason)

    async def changes(self, known: Mapping[str, Kind], people: Mapping[str, object]) -> Changes:
        """All changes since the marks, which move on. A collection that fails is asked again from where it was.

        Args:
            known: Kinds of objects that were seen before, by id.
            people: Owners and sponsors by id.
        """
        found = Changes()
        for collection, link in list(self._links.items()):
            try:
                await self._read(collection, link, found, known, people)
            except RequestFailed as failed:
                self._facts.part_failed("changes", failed.reason)
                if failed.reason in ("gone", "rejected"):
                    del self._links[collection]
                    found.refused = True
        return found

    async def _read(
        self,
        collection: Collection,
        link: URL,
        found: Changes,
        known: Mapping[str, Kind],
        people: Mapping[str, object],
    ) -> None:
        following: URL | None = None
        async for page in self._graph.pages(link):
            for seen in read_each(page.value, OBJECTS):
                if seen is None:
                    self._facts.object_unreadable("changes")
                else:
                    _sort(collection, seen, found, known, people)
            if page.delta_link is not None:
                following = self._graph.link(page.delta_link)
        if following is None:
            raise RequestFailed("malformed")
        self._links[collection] = following


def _sort(
    collection: Collection, seen: Seen, found: Changes, known: Mapping[str, Kind], people: Mapping[str, object]
) -> None:
    """Decides what an entry of a list of changes is about; most are about objects that are none of ours."""
    kind = known.get(seen.id) or kind_of(seen.odata_type)
    if kind is not None and kind.collection == collection:
        if seen.removed is None:
            found.removed.discard(seen.id)
            found.changed[seen.id] = kind
        else:
            found.changed.pop(seen.id, None)
            if seen.id in known:
                found.removed.add(seen.id)
    elif collection == "users" and seen.id in people:
        found.people[seen.id] = seen


def collections_of(kinds: tuple[Kind, ...] = KINDS, *, people: bool) -> tuple[Collection, ...]:
    """The collections in which kinds of objects, and people, lie."""
    wanted = {kind.collection for kind in kinds} | ({"users"} if people else set())
    return tuple(each for each in COLLECTIONS if each in wanted)
