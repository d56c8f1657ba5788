"""What lies around the objects: who owns and sponsors them, and what they have permissions for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from detector.inventory.client import BATCH
from detector.inventory.problems import RequestFailed
from detector.inventory.records import type_of
from detector.inventory.shapes import ACCOUNTS, DELEGATED, RESOURCES, DelegatedGrant, Holder, fit_for_path, read_each

if TYPE_CHECKING:
    from yarl import URL

    from detector.inventory.client import Graph
    from detector.inventory.facts import InventoryFacts, Part
    from detector.inventory.survey import Entry, Surveyor

MOST_PEOPLE: Final = 20_000
"""Users whose state is asked for in a round at most; of the others it stays unknown."""
MOST_RESOURCES: Final = 2_000
"""Resources whose app roles are read at most; of the others only ids are told."""


class Around:
    """Reads and remembers what lies around the objects.

    Args:
        graph: Where to.
        surveyor: Does many things a few at a time.
        facts: Told what could not be read.
        page_size: Objects of a page.
    """

    def __init__(self, graph: Graph, surveyor: Surveyor, facts: InventoryFacts, page_size: int) -> None:
        self._graph: Final = graph
        self._surveyor: Final = surveyor
        self._facts: Final = facts
        self._page_size: Final = page_size
        self.app_ids: Final[dict[str, str | None]] = {}
        """appIds of resources, by object id."""
        self.roles: Final[dict[tuple[str, str], str | None]] = {}
        """Values of app roles, by object id of the resource and id of the role."""
        self.people: Final[dict[str, bool | None]] = {}
        """Whether owners and sponsors are enabled, by object id."""

    def forget(self) -> None:
        """Reads everything anew from now on."""
        self.app_ids.clear()
        self.roles.clear()
        self.people.clear()

    async def all_grants(self) -> dict[str, list[DelegatedGrant]] | None:
        """All delegated permissions by client; `None` when not all of them can be read."""
        url = self._graph.url("oauth2PermissionGrants", top=self._page_size)
        return await self._grants(url)

    async def grants_of(self, identifier: str) -> dict[str, list[DelegatedGrant]] | None:
        """Those of one service principal, whose id is fit for an address."""
        return await self._grants(self._graph.url(f"servicePrincipals/{identifier}/oauth2PermissionGrants"))

    async def look(self, entries: Collection[Entry], grants: dict[str, list[DelegatedGrant]] | None) -> None:
        """Reads the resources that objects have permissions for."""
        wanted = dict.fromkeys(
            assignment.resource_id for entry in entries for assignment in entry.lists.get("app_roles", ())
        )
        mine = {entry.seen.id for entry in entries}
        for client, listed in (grants or {}).items():
            if client in mine:
                wanted.update(dict.fromkeys(grant.resource_id for grant in listed))
        room = MOST_RESOURCES - len(self.app_ids)
        new = (each for each in wanted if each not in self.app_ids and fit_for_path(each))
        await self._surveyor.each(islice(new, max(0, room)), self._resource)

    async def ask_for_people(self, entries: Iterable[Entry]) -> None:
        """Asks whether owners and sponsors are enabled."""
        asked: list[str] = []
        for holder in _holders(entries):
            if holder.id in self.people:
                continue
            self.people[holder.id] = holder.account_enabled
            if holder.account_enabled is None and _may_be_user(holder) and len(asked) < MOST_PEOPLE:
                asked.append(holder.id)
        slices = [asked[start : start + BATCH] for start in range(0, len(asked), BATCH)]
        await self._surveyor.each(slices, self._accounts)

    async def _grants(self, url: URL) -> dict[str, list[DelegatedGrant]] | None:
        found: dict[str, list[DelegatedGrant]] = {}
        try:
            async for page in self._graph.pages(url):
                for grant in read_each(page.value, DELEGATED):
                    if grant is None:
                        raise RequestFailed("malformed")
                    found.setdefault(grant.client_id, []).append(grant)
        except RequestFailed as failed:
            self._facts.part_failed("delegated_grants", failed.reason)
            return None
        return found

    async def _resource(self, identifier: str) -> None:
        url = self._graph.url(f"servicePrincipals/{identifier}", select="id,appId,appRoles")
        try:
            resource = await self._graph.read(url, RESOURCES)
        except RequestFailed as failed:
            self._facts.part_failed("resources", failed.reason)
            return
        self.app_ids[identifier] = resource.app_id
        for role in resource.app_roles or ():
            self.roles[identifier, role.id] = role.value

    async def _accounts(self, identifiers: list[str]) -> None:
        paths = {f"users/{each}?$select=id,accountEnabled": each for each in identifiers}
        part: Part = "people"
        try:
            answers = await self._graph.batch(list(paths))
        except RequestFailed as failed:
            self._facts.part_failed(part, failed.reason)
            return
        for path, identifier in paths.items():
            answer = answers.get(path)
            if answer is None:
                self._facts.part_failed(part, "unavailable")
            elif answer.status == 200:
                try:
                    self.people[identifier] = ACCOUNTS.decode(answer.body).account_enabled
                except msgspec.MsgspecError:
                    self._facts.object_unreadable(part)
            elif answer.status != 404:
                # Of somebody who is no user, or no more, nothing is known: 404.
                self._facts.part_failed(part, "forbidden" if answer.status == 403 else "rejected")


def _holders(entries: Iterable[Entry]) -> Iterator[Holder]:
    for entry in entries:
        yield from entry.lists.get("owners", ())
        yield from entry.lists.get("sponsors", ())


def _may_be_user(holder: Holder) -> bool:
    return type_of(holder) in (None, "user") and fit_for_path(holder.id)
