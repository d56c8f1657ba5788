"""What agents do against what the manifest declares of them; without a manifest, nothing.

Most of it is looked up and not remembered: an access or an address is declared or it is not, so the answer is the
same whenever it is asked, and each is asked once. The handshake is waited for: its record may come later than the
sign-in that it allows, so an hour is judged when no record can arrive for it any more.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from detector.domain.events import SignIn
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal, occurrence
from detector.engine.novelties import who
from detector.engine.routing import Route, key_of, subject_of
from detector.features.awaited import Awaited, due, wait_for
from detector.features.environments import known_before
from detector.features.pipelines import provenance
from detector.features.timeline import HOUR, NEVER

if TYPE_CHECKING:
    from detector.domain.events import Change
    from detector.engine.journal import Journal
    from detector.engine.recognising import Recognised
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.declarations import Declarations, Declared, Environment
    from detector.features.memory import TenantMemory

EXCHANGE: Final = "fb60f99c-7a34-4190-8149-302f77469936"
"""Audience of the first step of every agent's token chain: part of the protocol, and nobody declares it."""

_ALWAYS: Final = -1
"""An hour before every other: the access is told in each hour, whatever came first."""


class Declaring:
    """The manifest's part of the engine."""

    def __init__(
        self, settings: EngineSettings, declarations: Declarations, state: State, saying: Saying, journal: Journal
    ) -> None:
        self.settings = settings
        self.declarations = declarations
        self.state = state
        self.saying = saying
        self.journal = journal

    # ------------------------------------------------------------------------------------------------ sign-ins

    def access(self, route: Route, event: SignIn, hour: int) -> int:
        """Looks at a granted token; see `detector.engine.novelties.LookAtAccess`."""
        access, declarations = event.access, self.declarations
        if access.credential_key_id is not None:
            self._key(event, access.credential_key_id)
        declared = declarations.of(access.agent_id, access.blueprint_id, access.service_principal_id)
        environment, until = declared.environment if declared is not None else None, NEVER
        if environment is None and declarations.environment_attribute is not None:
            environment, until = self._shown(access.tenant_id, access.agent_id, access.blueprint_id, hour), _ALWAYS
        resource = access.resource_id
        if resource is not None and resource != EXCHANGE:
            where: dict[str, Fact] = {"environment": environment}
            if declared is not None and declared.resources is not None and resource not in declared.resources:
                self._tell(route, event, declared, "undeclared_resource", f"resource:{resource}", where)
            if environment == "non_production" and resource in declarations.production_resources:
                self._tell(route, event, declared, "production_resource", f"resource:{resource}", where)
        if declared is None or not declared.handshake_required or environment != "production":
            return until
        return until if access.role == "blueprint" else min(until, self._shake(route, event, declared, hour))

    def _shown(self, tenant_id: str, agent_id: str, blueprint_id: str | None, hour: float) -> Environment | None:
        """The environment that attributes showed for sure when an hour began: the agent's own, else its blueprint's."""
        table, limit = self.state.tenants[tenant_id].environments, hour * HOUR - self.settings.lateness
        own = known_before(table.get(agent_id, []), limit)
        return own if own is not None else known_before(table.get(blueprint_id or "", []), limit)

    def _key(self, event: SignIn, key_id: str) -> None:
        """Tells of every production blueprint whose key is at work outside of production as well, by the manifest."""
        tenant_id = event.access.tenant_id
        tenant = self.state.tenants[tenant_id]
        memory = tenant.credentials.get(key_id)
        if memory is None or len(memory.users) < 2:
            return
        declared = [(unit, self.declarations.of(unit)) for unit in sorted(memory.users)]
        within = {unit: entry.environment for unit, entry in declared if entry is not None}
        others = [unit for unit, environment in within.items() if environment == "non_production"]
        for unit in [unit for unit, environment in within.items() if environment == "production" and others]:
            key = Key("blueprint" if unit in tenant.fleets else "agent", unit)
            subject = subject_of(key, tenant_id, tenant.identities.get(unit), tenant.fleets.get(unit))
            facts: dict[str, Fact] = {
                "issue": "key_crosses",
                "key_id": key_id,
                "target_name": subject.name or unit,
                "others": tuple(self._name(tenant, other) for other in others),
                "other_ids": tuple(others),
            }
            self.saying.tell(_told(event, key, f"key:{key_id}", facts), tenant_id, subject)

    def _name(self, tenant: TenantMemory, unit: str) -> str:
        """What people call a blueprint or classic principal."""
        fleet, identity, declared = tenant.fleets.get(unit), tenant.identities.get(unit), self.declarations.of(unit)
        names = (each.name for each in (fleet, identity, declared) if each is not None)
        return next(filter(None, names), unit)

    def place(self, route: Route, event: SignIn, _: int) -> None:
        """Looks at an address that a token was granted to. No address is no violation."""
        access, origin = event.access, event.origin
        if origin.ip is None:
            return
        declared = self.declarations.of(access.agent_id, access.blueprint_id, access.service_principal_id)
        allowed = declared.egress if declared is not None else None
        if allowed is not None and origin.ip in allowed:
            return
        azure = self.declarations.foreign_azure(origin.ip, origin.asn)
        facts: dict[str, Fact] = {"address": origin.ip, "network": origin.prefix, "asn": origin.asn, "azure": azure}
        occasion = f"network:{origin.prefix}"
        if declared is not None and allowed is not None:
            facts["networks_declared"] = len(allowed.networks)
            self._tell(route, event, declared, "undeclared_egress", occasion, facts)
        if azure:
            self._tell(route, event, declared, "foreign_azure_address", occasion, facts)

    def _tell(
        self,
        route: Route,
        event: SignIn,
        declared: Declared | None,
        issue: str,
        occasion: str,
        facts: dict[str, Fact],
    ) -> None:
        access = event.access
        told: dict[str, Fact] = {
            "issue": issue,
            **who(route),
            "resource_id": access.resource_id,
            "resource_name": access.resource_name or access.resource_id,
            "production_resource": access.resource_id in self.declarations.production_resources,
            **facts,
        }
        if declared is not None:
            told |= {
                "environment": told.get("environment") or declared.environment,
                "declared_for": "itself" if declared.id != access.blueprint_id else "its blueprint",
                "resources_declared": None if declared.resources is None else len(declared.resources),
            }
        self.saying.tell_of(route, _told(event, key_of(route.identity), occasion, told))

    # ----------------------------------------------------------------------------------------------- handshake

    def _shake(self, route: Route, event: SignIn, declared: Declared, hour: int) -> int:
        """An agent that must have passed the handshake is at work in production in `hour`."""
        access, tenant = event.access, self.state.tenants[event.access.tenant_id]
        ids = {access.agent_id, declared.id, access.blueprint_id, access.service_principal_id}
        passed = min((tenant.handshakes.get(each, inf) for each in ids if each is not None), default=inf)
        end = float((hour + 1) * HOUR)
        if passed < end:
            settled = passed < hour * HOUR - self.settings.lateness - HOUR
            return NEVER if settled else _ALWAYS
        awaited = Awaited(
            what="handshake",
            due=end,
            time=float(hour * HOUR),
            id=route.identity.id,
            blueprint=route.identity.kind == "blueprint",
            ids=tuple(sorted(each for each in ids if each is not None)),
            occasion="handshake",
        )
        self._wait(access.tenant_id, f"handshake/{route.identity.id}/{hour}", awaited)
        return _ALWAYS

    def _wait(self, tenant_id: str, name: str, awaited: Awaited) -> None:
        kept, gone = wait_for(self.state.tenants[tenant_id].awaited, name, awaited)
        if gone is not None:
            self.state.counters["awaited_dropped"] += 1
            self.journal.forget("awaited", tenant_id, gone)
        if kept:
            self.journal.touch("awaited", tenant_id, name)

    def tick(self, watermark: float) -> None:
        """Tells of agents that worked in production before any handshake, once none can arrive any more."""
        for tenant_id, tenant in self.state.tenants.items():
            for name in due(tenant.awaited, watermark - self.settings.lateness, "handshake"):
                awaited = tenant.awaited.pop(name)
                self.journal.forget("awaited", tenant_id, name)
                if not any(tenant.handshakes.get(each, inf) < awaited.due for each in awaited.ids):
                    self._unshaken(tenant_id, awaited)

    def _unshaken(self, tenant_id: str, awaited: Awaited) -> None:
        tenant = self.state.tenants[tenant_id]
        identity = tenant.identities.get(awaited.id)
        fleet = tenant.fleets.get(identity.blueprint_id or "") if identity is not None else None
        key = Key("blueprint" if awaited.blueprint else "agent", awaited.id)
        subject = subject_of(key, tenant_id, identity, fleet)
        signal = Signal(
            kind="declaration",
            key=key,
            time=awaited.due,
            window=(awaited.time, awaited.due),
            occasion=awaited.occasion,
            value=1,
            usual=0,
            unit="hours of work",
            p_value=1.0,
            seen=0,
            event=None,
            facts={
                "issue": "handshake_missing",
                "agent_id": awaited.id,
                "agent_name": subject.name or awaited.id,
                "handshakes_known": len(tenant.handshakes),
            },
            first_seen=awaited.time,
            last_seen=awaited.due,
        )
        self.saying.tell(signal, tenant_id, subject)

    # ------------------------------------------------------------------------------------------------- changes

    def changed(self, kind: str, change: Change, recognised: Recognised) -> None:
        """Somebody changed an agent or blueprint: had they any business in production?"""
        declarations, actor = self.declarations, change.actor
        if actor.id is None or actor.id not in declarations.non_production_actors or not change.succeeded:
            return
        identifier, blueprint = recognised.key.id, recognised.subject.blueprint
        declared = declarations.of(identifier, blueprint)
        environment = declared.environment if declared is not None else None
        if environment is None and declarations.environment_attribute is not None:
            environment = self._shown(change.tenant_id, identifier, blueprint, change.time / HOUR)
        if environment != "production":
            return
        origin = provenance(self.settings.pipelines, actor, change.time)
        facts: dict[str, Fact] = {
            "issue": "production_changed",
            "kind": kind,
            "activity": change.activity_name,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "address": actor.ip,
            "pipeline": origin.pipeline,
            "target_name": recognised.name,
            "environment": environment,
        }
        occasion = f"{kind}:{change.correlation_id or change.record_id}"
        signal = _told(change, recognised.key, occasion, facts)
        self.saying.tell(signal, change.tenant_id, recognised.subject)


def _told(event: SignIn | Change, key: Key, occasion: str, facts: dict[str, Fact]) -> Signal:
    """What one record shows to be otherwise than declared."""
    return occurrence(
        "declaration",
        key,
        event.time,
        occasion,
        "deviations",
        {name: fact for name, fact in facts.items() if fact is not None},
        event,
    )
