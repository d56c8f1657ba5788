"""Who is meant: the agent or blueprint behind an object id, as far as anything in memory or the configuration tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detector.domain.alerts import Subject
from detector.domain.events import Identity
from detector.domain.keys import Key
from detector.engine.namesakes import handles_of
from detector.engine.routing import key_of, subject_of
from detector.features.timeline import STEP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.engine.directory import Directory
    from detector.engine.settings import EngineSettings
    from detector.features.memory import TenantMemory


class Recognised(NamedTuple):
    """An identity of a record that is an agent or a blueprint."""

    key: Key
    subject: Subject
    name: str


class Recognition:
    """Asks memory, the configuration and the record itself who an identity is."""

    def __init__(self, settings: EngineSettings, directory: Directory | None = None) -> None:
        self.settings = settings
        self.directory = directory

    def first(self, tenant: TenantMemory, tenant_id: str, time: float, named: Sequence[Identity]) -> Recognised | None:
        """The first of the identities that a record of `time` names which is an agent or blueprint."""
        for identity in named:
            found = self.known(tenant, tenant_id, time, identity)
            if found is not None:
                return found
        return None

    def known(self, tenant: TenantMemory, tenant_id: str, time: float, identity: Identity) -> Recognised | None:
        """What memory, the configuration or the record itself says of an identity.

        Memory is asked for what was known in time, which is until the lateness after the record. When the others
        recognise the identity anyway, the record does not wait and memory must have been final.
        """
        return self._told(tenant, tenant_id, time, identity, waits=True)

    def settled(self, tenant: TenantMemory, tenant_id: str, time: float, identity: Identity) -> Recognised | None:
        """`known` for a record that never waits: memory must have been final in any case."""
        return self._told(tenant, tenant_id, time, identity, waits=False)

    def _told(
        self, tenant: TenantMemory, tenant_id: str, time: float, identity: Identity, *, waits: bool
    ) -> Recognised | None:
        settings = self.settings
        ids = [each for each in (identity.app_id, identity.id) if each is not None]
        own = [each for each in ids if settings.scope == "workloads" or each in settings.identities]
        if identity.role != "none" and settings.scope != "chosen":
            own += ids[:1]
        limit = self._limit(time, sure=bool(own) or not waits)
        found = self.remembered(tenant, tenant_id, limit, (*ids, *handles_of(identity)), identity.name)
        if found is not None or not own:
            return found
        key = Key("blueprint" if identity.role == "blueprint" else "agent", own[0])
        return Recognised(key, Subject(key.kind, own[0], identity.name, tenant=tenant_id), identity.name or own[0])

    def final(self, tenant: TenantMemory, tenant_id: str, time: float, candidates: Sequence[str]) -> Recognised | None:
        """Who one of these ids was known to be for sure at `time`: nothing that arrives later changes the answer."""
        return self.remembered(tenant, tenant_id, self._limit(time, sure=True), candidates, None)

    def _limit(self, time: float, *, sure: bool) -> float:
        """The latest first sight that counts."""
        lateness = self.settings.lateness
        return time - lateness - STEP if sure else time + lateness

    def remembered(
        self, tenant: TenantMemory, tenant_id: str, limit: float, candidates: Sequence[str], name: str | None
    ) -> Recognised | None:
        """Whom memory knows under one of these ids since `limit`: from sign-ins, else from an inventory."""
        for candidate in candidates:
            alias = tenant.aliases.get(candidate)
            known_as = alias.owner if alias is not None and alias.since <= limit else candidate
            memory, fleet = tenant.identities.get(known_as), tenant.fleets.get(known_as)
            if memory is not None and memory.first_seen <= limit and not memory.lent:
                key = key_of(memory)
                if key.kind == "agent":
                    fleet = tenant.fleets.get(memory.blueprint_id or "")
                subject = subject_of(key, tenant_id, memory, fleet)
                return Recognised(key, subject, memory.name or name or memory.id)
            if fleet is not None and fleet.first_seen <= limit:
                key = Key("blueprint", fleet.id)
                return Recognised(key, subject_of(key, tenant_id, None, fleet), fleet.name or name or fleet.id)
            listed = None if self.directory is None else self.directory.recognised(tenant_id, known_as, limit)
            if listed is not None:
                return listed
        return None
