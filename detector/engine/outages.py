"""Outages that an edit of Conditional Access makes: how many agents it blocks that were not blocked before."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Final

from detector.domain.alerts import Entity
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal
from detector.engine.policies import EDITS, tenant_of
from detector.features.outages import BEFORE, LASTS, Outage
from detector.features.pipelines import provenance

if TYPE_CHECKING:
    from detector.domain.events import Change
    from detector.engine.journal import Journal
    from detector.engine.policies import Policies
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.ledger import Entry
    from detector.features.memory import IdentityMemory, TenantMemory

_MAX_OUTAGES: Final = 64
"""Edits of a tenant that are followed at a time: the latest."""

_MAX_SHOWN: Final = 5
"""Agents named in an alert."""


class Outages:
    """Edits of late, and whom they block."""

    def __init__(
        self, settings: EngineSettings, state: State, saying: Saying, journal: Journal, policies: Policies
    ) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.journal = journal
        self.policies = policies
        policies.on_blocked.append(self.blocked)
        policies.on_edited.append(self.edited)

    def edited(self, tenant_id: str, edit: Entry, change: Change) -> None:
        """An edit that succeeded (see `Policies.on_edited`); refusals that it explains may have come before it."""
        tenant = self.state.tenants[tenant_id]
        origin = provenance(self.settings.pipelines, change.actor, change.time)
        outage = Outage(
            time=edit.time,
            record_id=edit.record_id,
            policy_id=edit.about,
            policy_name=edit.detail,
            location=edit.kind == EDITS[1],
            who=edit.who,
            name=edit.name,
            address=edit.address,
            activity=change.activity_name,
            pipeline=(origin.pipeline if origin.deviation is None else None) or "",
        )
        tenant.outages[edit.record_id] = outage
        if len(tenant.outages) > _MAX_OUTAGES:
            oldest = min(tenant.outages.values(), key=lambda each: (each.time, each.record_id))
            self._forget(tenant_id, tenant, oldest)
            self.state.counters["outages_dropped"] += 1
        self.journal.touch("outage", tenant_id, edit.record_id)
        for identity, block in self.policies.blocks(tenant, edit.time, edit.time + LASTS + 1.0):
            self._count(tenant_id, tenant, outage, identity, block)

    def blocked(self, tenant_id: str, identity: IdentityMemory, block: Entry) -> None:
        """A refusal (see `Policies.on_blocked`)."""
        tenant = self.state.tenants[tenant_id]
        for outage in list(tenant.outages.values()):
            self._count(tenant_id, tenant, outage, identity, block)

    def tick(self, watermark: float) -> None:
        """Forgets edits for which no refusal can arrive any more."""
        limit = watermark - self.settings.lateness - LASTS
        for tenant_id, tenant in self.state.tenants.items():
            for outage in [each for each in tenant.outages.values() if each.time < limit]:
                self._forget(tenant_id, tenant, outage)

    def _forget(self, tenant_id: str, tenant: TenantMemory, outage: Outage) -> None:
        del tenant.outages[outage.record_id]
        self.journal.forget("outage", tenant_id, outage.record_id)

    def _count(
        self, tenant_id: str, tenant: TenantMemory, outage: Outage, identity: IdentityMemory, block: Entry
    ) -> None:
        """Counts an agent, if the edit explains that it is refused, and tells how many there are."""
        if not outage.holds(block.time) or self._blocked_before(tenant, outage, identity):
            return
        if not outage.explains(block.who):
            return
        further = outage.count(identity.id, block.time)
        self.journal.touch("outage", tenant_id, outage.record_id)
        if further:
            self._tell(tenant_id, tenant, outage)

    def _blocked_before(self, tenant: TenantMemory, outage: Outage, identity: IdentityMemory) -> bool:
        final = outage.time - self.settings.lateness
        blocks = tenant.ledgers[identity.id].of("blocked")
        return any(outage.time - BEFORE <= each.time <= final for each in blocks)

    def _tell(self, tenant_id: str, tenant: TenantMemory, outage: Outage) -> None:
        shown = [(each, _name(tenant, each)) for each in nsmallest(_MAX_SHOWN, outage.agents)]
        first, last = min(outage.agents.values()), max(outage.agents.values())
        facts: dict[str, Fact] = {
            "policy_id": outage.policy_id or None,
            "policy_name": outage.policy_name or outage.policy_id or None,
            "location": outage.location,
            "actor_id": outage.who or None,
            "actor_name": outage.name or None,
            "address": outage.address or None,
            "activity": outage.activity,
            "pipeline": outage.pipeline or None,
            "agents": tuple(name for _, name in shown),
            "after": first - outage.time,
        }
        signal = Signal(
            kind="policy_outage",
            key=Key("tenant", tenant_id),
            time=last,
            window=(outage.time, outage.time + LASTS),
            occasion=f"edit:{outage.record_id}",
            value=len(outage.agents),
            usual=0,
            unit="agents",
            p_value=1.0,
            seen=0,
            event=None,
            facts={name: fact for name, fact in facts.items() if fact is not None},
            record_ids=(outage.record_id,),
            first_seen=outage.time,
            last_seen=last,
        )
        related = tuple(Entity("agent", identifier, name) for identifier, name in shown)
        self.saying.tell(signal, tenant_id, tenant_of(tenant_id), related)


def _name(tenant: TenantMemory, agent: str) -> str:
    """The name of an agent; one that memory has forgotten meanwhile goes by its id."""
    identity = tenant.identities.get(agent)
    return (identity.name if identity is not None else None) or agent
