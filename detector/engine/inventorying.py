"""Inventory: what observations of directory objects teach, and who looks at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from detector.engine.accountability import Accountability
from detector.engine.departures import Departures
from detector.engine.expiring import Expiring
from detector.engine.issues import Issues
from detector.engine.outsiders import Outsiders
from detector.engine.removals import Removals
from detector.engine.sharing import Sharing

if TYPE_CHECKING:
    from detector.domain.events import InventoryObject
    from detector.domain.quarantine import FilterReason
    from detector.engine.changing import Changing
    from detector.engine.directory import Directory
    from detector.engine.journal import Journal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.inventory import ObjectMemory


class Inventorying:
    """The inventory side of the engine."""

    def __init__(
        self,
        settings: EngineSettings,
        state: State,
        saying: Saying,
        journal: Journal,
        directory: Directory,
        changing: Changing,
    ) -> None:
        self.state = state
        self.directory = directory
        self.changing = changing
        issues = Issues(directory, saying)
        self.departures = Departures(settings, state, directory, saying)
        self.accountability = Accountability(state, journal, issues, self.departures)
        self.removals = Removals(settings, state, directory, saying)
        self.expiring = Expiring(settings, state, issues)
        self.outsiders = Outsiders(settings, issues)
        self.on_object: list[Callable[[InventoryObject, ObjectMemory], None]] = [
            self.accountability.observe,
            self.expiring.observe,
            Sharing(directory, saying).observe,
            self.outsiders.observe,
        ]
        """Told of every observation of an object that is watched and not deleted, with what memory knows of it now."""
        changing.on_change.append(self.accountability.changed)
        changing.on_recognised += [self.removals.changed, self.outsiders.changed]

    def observe(self, event: InventoryObject) -> FilterReason | None:
        """Takes in one observation; the reason when it is left out."""
        tenant = self.state.tenant(event.tenant_id)
        if tenant is None:
            return "too_many_tenants"
        if event.type == "user":
            self.accountability.account(event)
            return None
        memory, news = self.directory.take_in(tenant, event)
        if news:
            self.changing.recognise(event.tenant_id)
        if event.deleted:
            return None
        if event.type == "service_principal" and self.directory.settings.scope != "chosen":
            self.outsiders.classic(event, memory)
        if self.directory.watched(memory):
            for look in self.on_object:
                look(event, memory)
        return None

    def tick(self, watermark: float) -> None:
        """Time passes: judges departures and removals, and credentials once a day."""
        self.departures.tick(watermark)
        self.removals.tick(watermark)
        self.expiring.tick(watermark)
