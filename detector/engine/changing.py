"""Audit changes: which agent they are about, what was done by whom, and the signals that follow.

Audit records seldom say that their target is an agent. A change whose target nobody has recognised yet is parked
for the allowed lateness: if a record whose event time is at most that much later shows the target to be an agent,
the change is judged then. What is found therefore depends on event times alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from detector.domain.events import Change
from detector.domain.signals import occurrence
from detector.engine.describing import Known, facts_of
from detector.engine.recognising import Recognised, Recognition
from detector.features.changes import ActorMemory, Changes, affected
from detector.features.memory import teach
from detector.features.timeline import STEP, horizons

if TYPE_CHECKING:
    from detector.domain.quarantine import FilterReason
    from detector.engine.journal import Journal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import TenantMemory

_MAX_ACTORS = 50_000


class Changing:
    """The audit side of the engine."""

    def __init__(
        self, settings: EngineSettings, state: State, saying: Saying, journal: Journal, recognition: Recognition
    ) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.journal = journal
        self.recognition = recognition
        self.changes = Changes(settings.activities, horizons(settings.lateness)[1])
        self.on_change: list[Callable[[str, Change], None]] = []
        """Told of every change that is read, with its kind, whoever it is about."""
        self.on_recognised: list[Callable[[str, Change, Recognised], None]] = []
        """Told of every change of an agent or blueprint, with its kind."""
        self.on_unrecognised: list[Callable[[str, Change], None]] = []
        """Told of every change, with its kind, once it is sure that it is about nobody who was known in time."""

    def observe(self, change: Change) -> FilterReason | None:
        """Takes in one change; the reason when it is left out."""
        kind = self.changes.kind_of(change)
        if kind is None:
            return "activity_not_read"
        tenant = self.state.tenant(change.tenant_id)
        if tenant is None:
            return "too_many_tenants"
        audited = self.state.audited
        audited[change.tenant_id] = min(change.time, audited.get(change.tenant_id, change.time))
        if self._learn_aliases(tenant, change):
            self.recognise(change.tenant_id)
        for listener in self.on_change:
            listener(kind, change)
        habit = self._remember_actor(tenant, kind, change)
        if kind == "conditional_access_changed":
            return None  # No agent is what a policy is; `on_change` was told.
        recognised = self._recognise(tenant, kind, change)
        if recognised is None:
            parked = self.state.parked
            if len(parked) >= self.settings.max_parked:
                del parked[0]
                self.state.counters["parked_changes_dropped"] += 1
            parked.append(change)
        else:
            self._tell(kind, change, recognised, habit=habit)
        return None

    def _remember_actor(self, tenant: TenantMemory, kind: str, change: Change) -> bool:
        actor_id = change.actor.id
        if actor_id is None:
            return False
        memory = tenant.actors.get(actor_id)
        if memory is None:
            if len(tenant.actors) >= _MAX_ACTORS:
                oldest = next(iter(tenant.actors))
                del tenant.actors[oldest]
                self.journal.forget("actor", change.tenant_id, oldest)
                self.state.counters["evicted_actors"] += 1
            memory = tenant.actors[actor_id] = ActorMemory()
        self.journal.touch("actor", change.tenant_id, actor_id)
        return self.changes.observe(memory, kind, change)

    def _learn_aliases(self, tenant: TenantMemory, change: Change) -> bool:
        """Remembers which object ids belong to which appId; whether the change has news of any target."""
        told = False
        for target in change.targets:
            if target.id is not None and target.app_id is not None and target.app_id != target.id:
                since, capacity = change.time - change.time % STEP, 2 * self.settings.max_identities
                if teach(tenant.aliases, target.id, target.app_id, since, capacity):
                    self.journal.touch("alias", change.tenant_id, target.id)
                    told = True
        return told

    def recognise(self, tenant_id: str) -> None:
        """An event said who somebody is: judges the parked changes that are about them."""
        if not self.state.parked:
            return
        tenant = self.state.tenants[tenant_id]
        still: list[Change] = []
        for change in self.state.parked:
            kind, recognised = self.changes.kind_of(change), None
            if kind is not None and change.tenant_id == tenant_id:
                recognised = self._recognise(tenant, kind, change)
            if recognised is None or kind is None:
                still.append(change)
            else:
                self._tell(kind, change, recognised, habit=self._remember_actor(tenant, kind, change))
        self.state.parked = still

    def tick(self, watermark: float) -> None:
        """Drops parked changes whose target can no longer be recognised in time, by a late record even."""
        limit = watermark - 2 * self.settings.lateness - STEP
        gone = [change for change in self.state.parked if change.time < limit]
        if not gone:
            return
        self.state.parked = [change for change in self.state.parked if change.time >= limit]
        for change in gone:
            kind = self.changes.kind_of(change)
            if kind is not None:
                for listener in self.on_unrecognised:
                    listener(kind, change)

    def _recognise(self, tenant: TenantMemory, kind: str, change: Change) -> Recognised | None:
        """The agent or blueprint that the change is about, if one is known by now."""
        return self.recognition.first(tenant, change.tenant_id, change.time, affected(change, kind))

    def _tell(self, kind: str, change: Change, recognised: Recognised, *, habit: bool) -> None:
        tenant = self.state.tenants[change.tenant_id]
        known = Known(tenant, recognised, habit, self.state.audited.get(change.tenant_id, change.time))
        signal = occurrence(
            "change",
            recognised.key,
            change.time,
            f"{kind}:{change.correlation_id or change.record_id}",
            "changes",
            facts_of(kind, change, known, self.settings, self.recognition),
            change,
        )
        self.saying.tell(signal, change.tenant_id, recognised.subject)
        for listener in self.on_recognised:
            listener(kind, change, recognised)
