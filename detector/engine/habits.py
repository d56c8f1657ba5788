"""Habits: granted tokens whose credential or flow is not what the identity was known for.

Told of the first granted token of an access in an hour, and not again while what it shows is long known. What is fresh
is judged in every hour until it is known, and an alert is named by what is new, so it is said once.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Final

from detector.detectors.credential_first_used import CredentialFirstUsed
from detector.detectors.credential_type_changed import CredentialTypeChanged
from detector.detectors.flow_changed import FlowChanged
from detector.domain.alerts import Entity
from detector.domain.keys import Key
from detector.domain.signals import Fact, Signal, SignalKind
from detector.engine.first_uses import FirstUses, first_use
from detector.engine.novelties import who, with_siblings
from detector.engine.routing import Route, key_of, subject_of
from detector.features import credentials, habits
from detector.features.apis import Apis, is_newborn
from detector.features.credentials import CredentialMemory
from detector.features.environments import known_before
from detector.features.habits import SECRET, flow_of, flow_tag, type_tag
from detector.features.known import chance_of_new, known_by, meet, settled_until
from detector.features.timeline import HOUR, NEVER, horizons

if TYPE_CHECKING:
    from detector.domain.events import SignIn
    from detector.engine.casebook import Casebook
    from detector.engine.journal import Journal
    from detector.engine.saying import Saying
    from detector.engine.settings import EngineSettings
    from detector.engine.state import State
    from detector.features.declarations import Environment
    from detector.features.memory import IdentityMemory, TenantMemory

ALWAYS: Final = -1
"""The hour before which an access need not be told of again, when it must be told of in every hour."""

_LISTENERS: Final = (CredentialTypeChanged, CredentialFirstUsed, FlowChanged)


class Habits:
    """Types and ids of credentials, flows, and who shares a credential."""

    def __init__(
        self, settings: EngineSettings, state: State, saying: Saying, journal: Journal, casebook: Casebook
    ) -> None:
        self.settings = settings
        self.state = state
        self.saying = saying
        self.journal = journal
        self.casebook = casebook
        self.first_uses = FirstUses(settings, state, saying)
        self.horizon = horizons(settings.lateness)[1]
        self.apis = Apis(settings.apis, self.horizon)
        asked = [each.min_seen for each in settings.detectors if isinstance(each, _LISTENERS)]
        self.least_seen = min(asked, default=0.0)
        """Active hours below which nobody listens."""

    def look(self, route: Route, event: SignIn, hour: int) -> int:
        """A granted token; the hour before which the same access need not be looked at again."""
        identity, access = route.identity, event.access
        values = identity.habits
        if values is None:
            values = identity.habits = {}
        # A newborn is not heard while what it shows now is fresh: it is judged by hours that were final by then, the
        # latest of which is the one before.
        newborn = hour == identity.apis.hour and is_newborn(identity.apis, self.least_seen)
        until = NEVER
        if access.credential_type is not None:
            until = self._type(route, event, hour, values, newborn=newborn)
            if access.credential_type == SECRET:
                until = min(until, self._secret(route, event, hour))
        if access.credential_key_id is not None:
            until = min(until, self._key(route, event, hour, values, access.credential_key_id))
        flow = flow_of(access)
        if flow is not None:
            until = min(until, self._flow(route, event, hour, values, flow, newborn=newborn))
        return until

    def _meet(self, values: dict[str, int], value: str, hour: int, *, newborn: bool) -> tuple[bool, int]:
        """Remembers a value: whether nothing is to be said of it, and until when it need not be met again."""
        state = meet(values, value, hour, self.horizon, habits.CAPACITY)
        if state > 0 or (state < 0 and (newborn or hour + state >= self.horizon.lag)):
            return True, settled_until(state, hour, self.horizon)
        return False, ALWAYS

    def _seen(self, route: Route, hour: int) -> float:
        """Active hours behind what is known."""
        return self.apis.experience(route.identity.apis, hour)[0]

    # ----------------------------------------------------------------------------------------- type of credential

    def _type(self, route: Route, event: SignIn, hour: int, values: dict[str, int], *, newborn: bool) -> int:
        name = event.access.credential_type or ""
        was_known, until = self._meet(values, type_tag(name), hour, newborn=newborn)
        if not was_known:
            before = habits.known(values, "T", hour, self.horizon)
            seen = self._seen(route, hour)
            if before and seen >= self.least_seen:
                facts: dict[str, Fact] = {
                    "issue": "type_changed",
                    "credential_type": name,
                    "known_types": before,
                    "turn": habits.turn(name, before),
                }
                self._tell(route, event, "credential_use", f"type:{name}", len(before), seen, facts)
        return until

    def _secret(self, route: Route, event: SignIn, hour: int) -> int:
        """A secret; it is told of again while its owner may yet become known to belong to production."""
        environment = self._environment(route.identity, event, hour)
        key_id = event.access.credential_key_id
        facts: dict[str, Fact] = {"issue": "secret", "environment": environment, "key_id": key_id}
        self._tell(route, event, "credential_use", f"secret:{key_id or ''}", 0, 0.0, facts)
        declarations = self.settings.declarations
        if environment == "production" or declarations is None or declarations.environment_attribute is None:
            return NEVER
        return ALWAYS

    def _environment(self, identity: IdentityMemory, event: SignIn, hour: int) -> Environment | None:
        """Which environment the owner of a credential belongs to: as declared, else as attributes showed for sure."""
        declarations, access = self.settings.declarations, event.access
        if declarations is None:
            return None
        declared = declarations.of(identity.id, access.blueprint_id, access.service_principal_id)
        if declared is not None and declared.environment is not None:
            return declared.environment
        table, limit = self.state.tenants[access.tenant_id].environments, hour * HOUR - self.settings.lateness
        own = known_before(table.get(identity.id, []), limit)
        return own if own is not None else known_before(table.get(access.blueprint_id or "", []), limit)

    # ------------------------------------------------------------------------------------------- id of credential

    def _key(self, route: Route, event: SignIn, hour: int, values: dict[str, int], key_id: str) -> int:
        state = meet(values, key_id, hour, self.horizon, habits.CAPACITY)
        was_known = known_by(state, hour, self.horizon)
        until = settled_until(state, hour, self.horizon) if was_known else ALWAYS
        in_use, unit_until = self._use(event, hour, key_id)
        if not was_known:
            self.casebook.first(route, "key_used", key_id, hour, event, fleet=not in_use)
            if not in_use:
                self._first_use(route, event, hour, values, key_id)
        return min(until, unit_until)

    def _use(self, event: SignIn, hour: int, key_id: str) -> tuple[bool, int]:
        """Remembers whose credential it is: whether that was known, and until when it need not be asked again."""
        unit, tenant_id = credentials.unit_of(event.access), event.access.tenant_id
        if unit is None:
            return False, NEVER
        memory = self._credential(tenant_id, key_id)
        in_use, until, changed = credentials.use(memory, unit, event.access.credential_type, hour, self.horizon)
        if changed:
            self.journal.touch("credential", tenant_id, key_id)
        if len(memory.users) > 1:
            self._shared(event, key_id, memory)
        return in_use, until

    def _credential(self, tenant_id: str, key_id: str) -> CredentialMemory:
        kept = self.state.tenants[tenant_id].credentials
        memory = kept.get(key_id)
        if memory is None:
            if len(kept) >= self.settings.max_identities:
                number = len(kept) // 20 + 1
                for old in nsmallest(number, kept, key=lambda each: (kept[each].last, each)):
                    del kept[old]
                    self.journal.forget("credential", tenant_id, old)
                self.state.counters["evicted_credentials"] += number
            memory = kept[key_id] = CredentialMemory()
        return memory

    def _first_use(self, route: Route, event: SignIn, hour: int, values: dict[str, int], key_id: str) -> None:
        seen = self._seen(route, hour)
        if seen < self.least_seen:
            return
        access, kinds = event.access, habits.keys_known(values, hour, self.horizon)
        facts: dict[str, Fact] = {
            **who(route),
            "issue": "first_use",
            "kinds": kinds,
            "key_id": key_id,
            "credential_type": access.credential_type,
            "resource_name": access.resource_name,
            "address": event.origin.ip,
        }
        key = key_of(route.identity) if access.blueprint_id is None else Key("blueprint", access.blueprint_id)
        p_value = chance_of_new(kinds, seen)
        self.first_uses.observe(first_use(event, key, route.identity.id, seen=seen, p_value=p_value, facts=facts))

    def _shared(self, event: SignIn, key_id: str, memory: CredentialMemory) -> None:
        """Tells of every unit that shares the credential but the first: the same ones whoever came last."""
        tenant_id = event.access.tenant_id
        tenant = self.state.tenants[tenant_id]
        for unit in credentials.sharers(memory):
            others = tuple(_named(tenant, other) for other in sorted(memory.users) if other != unit)
            key = Key("blueprint" if unit in tenant.fleets else "agent", unit)
            signal = Signal(
                kind="credential_use",
                key=key,
                time=event.time,
                window=(event.time, event.time),
                occasion=f"shared:{key_id}",
                value=len(memory.users),
                usual=1,
                unit="blueprints",
                p_value=1.0,
                seen=0,
                event=event,
                facts={
                    "issue": "shared",
                    "key_id": key_id,
                    "credential_type": memory.kind,
                    "unit_name": _named(tenant, unit),
                    "others": others,
                    "units": tuple(sorted(memory.users)),
                    "address": event.origin.ip,
                },
            )
            related = tuple(
                Entity("blueprint" if other in tenant.fleets else "agent", other, _named(tenant, other))
                for other in sorted(memory.users)
            )
            subject = subject_of(key, tenant_id, tenant.identities.get(unit), tenant.fleets.get(unit))
            self.saying.tell(signal, tenant_id, subject, related)

    # ------------------------------------------------------------------------------------------------------- flow

    def _flow(
        self, route: Route, event: SignIn, hour: int, values: dict[str, int], flow: habits.Flow, *, newborn: bool
    ) -> int:
        was_known, until = self._meet(values, flow_tag(flow), hour, newborn=newborn)
        siblings_know, until = self._flow_of_siblings(route, hour, flow, until)
        access = event.access
        declarations = self.settings.declarations
        declared = None
        if declarations is not None:
            entry = declarations.of(route.identity.id, access.blueprint_id, access.service_principal_id)
            declared = entry.flow if entry is not None else None
        before = habits.known(values, "F", hour, self.horizon) if not was_known else ()
        seen = self._seen(route, hour) if before else 0.0
        facts: dict[str, Fact] = {"flow": flow, "known_flows": before, "declared": declared}
        if declared is not None or (before and seen >= self.least_seen):
            self._tell(route, event, "flow", f"flow:{flow}", len(before), seen, facts)
        elif not was_known and not siblings_know:
            fleet, fleet_seen = with_siblings(route, hour, self.horizon)
            shared = habits.known((fleet and fleet.flows) or {}, "F", hour, self.horizon)
            if shared and fleet_seen >= self.least_seen:
                facts |= {"known_flows": shared, "siblings": True}
                self._tell(route, event, "flow", f"flow:{flow}", len(shared), fleet_seen, facts)
        return until

    def _flow_of_siblings(self, route: Route, hour: int, flow: habits.Flow, until: int) -> tuple[bool, int]:
        """Remembers the flow of a blueprint: whether it was known, and until when the agent need not be looked at."""
        fleet = route.fleet
        if fleet is None:
            return False, until
        if fleet.flows is None:
            fleet.flows = {}
        state = meet(fleet.flows, flow_tag(flow), hour, self.horizon, habits.CAPACITY)
        return known_by(state, hour, self.horizon), min(until, settled_until(state, hour, self.horizon))

    # ---------------------------------------------------------------------------------------------------- telling

    def _tell(
        self,
        route: Route,
        event: SignIn,
        kind: SignalKind,
        occasion: str,
        kinds: int,
        seen: float,
        facts: dict[str, Fact],
    ) -> None:
        told: dict[str, Fact] = {**who(route), "kinds": kinds, "resource_name": event.access.resource_name, **facts}
        self.saying.tell_of(
            route,
            Signal(
                kind=kind,
                key=key_of(route.identity),
                time=event.time,
                window=(event.time, event.time),
                occasion=occasion,
                value=1,
                usual=0,
                unit="new habits",
                p_value=chance_of_new(kinds, seen),
                seen=seen,
                event=event,
                facts={name: fact for name, fact in told.items() if fact is not None and fact != ()},
            ),
        )


def _named(tenant: TenantMemory, unit: str) -> str:
    """The name of a blueprint or lone identity, else its id."""
    fleet, identity = tenant.fleets.get(unit), tenant.identities.get(unit)
    return (fleet and fleet.name) or (identity and identity.name) or unit
