"""Audit changes: which agent they are about, what was done by whom, and the signals that follow.

Audit records seldom say that their target is an agent. A change whose target nobody has recognised yet is parked
for the allowed lateness: if a record whose event time is at most that much later shows the target to be an agent,
the change is judged then. What is found therefore depends on event times alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detector.domain.alerts import Subject
from detector.domain.events import Change, Identity
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine.routing import key_of, subject_of
from detector.features.changes import ActorMemory, Changes, affected
from detector.features.memory import teach
from detector.features.pipelines import provenance
from detector.features.timeline import STEP, horizons

if TYPE_CHECKING:
    from detector.domain.quarantine import FilterReason
    from detector.engine.journal import Journal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.memory import TenantMemory

_MAX_ACTORS = 50_000


class Recognised(NamedTuple):
    """An identity of a change that is an agent or a blueprint."""

    key: Key
    subject: Subject
    name: str


class Changing:
    """The audit side of the engine."""

    def __init__(self, settings: EngineSettings, state: State, saying: Saying, journal: Journal) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.journal = journal
        self.changes = Changes(settings.activities, horizons(settings.lateness)[1])

    def observe(self, change: Change) -> FilterReason | None:
        """Takes in one change; the reason when it is left out."""
        kind = self.changes.kind_of(change)
        if kind is None:
            return "activity_not_read"
        tenant = self.state.tenant(change.tenant_id)
        if tenant is None:
            return "too_many_tenants"
        if self._learn_aliases(tenant, change):
            self.recognise(change.tenant_id)
        habit = self._remember_actor(tenant, kind, change)
        recognised = self._recognise(tenant, change)
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
            recognised = None
            if change.tenant_id == tenant_id:
                recognised = self._recognise(tenant, change)
            kind = self.changes.kind_of(change)
            if recognised is None or kind is None:
                still.append(change)
            else:
                self._tell(kind, change, recognised, habit=self._remember_actor(tenant, kind, change))
        self.state.parked = still

    def forget(self, watermark: float) -> None:
        """Drops parked changes whose target can no longer be recognised in time, by a late record even."""
        if self.state.parked:
            limit = watermark - 2 * self.settings.lateness - STEP
            self.state.parked = [change for change in self.state.parked if change.time >= limit]

    def _recognise(self, tenant: TenantMemory, change: Change) -> Recognised | None:
        """The agent or blueprint that the change is about, if one is known by now."""
        for identity in affected(change):
            found = self._known(tenant, change, identity)
            if found is not None:
                return found
        return None

    def _known(self, tenant: TenantMemory, change: Change, identity: Identity) -> Recognised | None:
        """What memory, the configuration or the record itself says of an identity.

        Memory is asked for what was known in time, which is until the lateness after the change. When the others
        recognise the identity anyway, the change does not wait and memory must have been final.
        """
        settings, tenant_id = self.settings, change.tenant_id
        candidates = [candidate for candidate in (identity.app_id, identity.id) if candidate is not None]
        own = [each for each in candidates if settings.scope == "workloads" or each in settings.identities]
        if identity.role != "none" and settings.scope != "chosen":
            own += candidates[:1]
        limit = change.time - settings.lateness - STEP if own else change.time + settings.lateness
        for candidate in candidates:
            alias = tenant.aliases.get(candidate)
            known_as = alias.owner if alias is not None and alias.since <= limit else candidate
            memory, fleet = tenant.identities.get(known_as), tenant.fleets.get(known_as)
            if memory is not None and memory.first_seen <= limit:
                key = key_of(memory)
                if key.kind == "agent":
                    fleet = tenant.fleets.get(memory.blueprint_id or "")
                subject = subject_of(key, tenant_id, memory, fleet)
                return Recognised(key, subject, memory.name or identity.name or memory.id)
            if fleet is not None and fleet.first_seen <= limit:
                key = Key("blueprint", fleet.id)
                return Recognised(key, subject_of(key, tenant_id, None, fleet), fleet.name or identity.name or fleet.id)
        if not own:
            return None
        key = Key("blueprint" if identity.role == "blueprint" else "agent", own[0])
        return Recognised(key, Subject(key.kind, own[0], identity.name, tenant=tenant_id), identity.name or own[0])

    def _tell(self, kind: str, change: Change, recognised: Recognised, *, habit: bool) -> None:
        settings, actor = self.settings, change.actor
        origin = provenance(settings.pipelines, actor, change.time)
        facts: dict[str, Fact] = {
            "kind": kind,
            "activity": change.activity_name,
            "succeeded": change.succeeded,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "address": actor.ip,
            "habit": habit,
            "platform_actor": actor.kind == "app" and (actor.name or "").casefold() in settings.platform_actors,
            "pipelines_declared": bool(settings.pipelines),
            "pipeline": origin.pipeline,
            "deviation": origin.deviation,
            "target_name": recognised.name,
            "key_ids": tuple(key.key_id for key in change.keys_added),
            "key_types": tuple(key.type for key in change.keys_added),
            "permission": change.permission,
            "permission_id": change.permission_id,
            "role": change.directory_role,
            "role_template_id": change.directory_role_template_id,
            "correlation_id": change.correlation_id,
        }
        signal = Signal(
            kind="change",
            key=recognised.key,
            time=change.time,
            window=(change.time, change.time),
            occasion=f"{kind}:{change.correlation_id or change.record_id}",
            value=1,
            usual=0,
            unit="changes",
            p_value=1.0,
            seen=0,
            event=change,
            facts={name: fact for name, fact in facts.items() if fact is not None and fact != ()},
        )
        self.saying.tell(signal, change.tenant_id, recognised.subject)
