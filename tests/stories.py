"""Events told as stories: "four calm days, then two a second".

A `Tenant` makes events of invented agents; every id follows from a name, so the same story is the same everywhere.
Builders return lists of events, stories are put together with `in_order`, and `alerts_of` tells them to an engine:

    tenant = Tenant()
    agent = tenant.agent("invoices", blueprint="finance")
    story = in_order(
        tenant.calm(agent, hours=96),
        tenant.sign_ins(agent, START + 96 * HOUR, 120, every=0.5),
    )
    assert [alert.detector for alert in alerts_of(story)] == ["token_spike"]

`settings()` has small thresholds, so that a day of calm is enough experience; `defaults()` are those of the product.
Addresses and numbers of networks come from the ranges reserved for documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from ipaddress import ip_network
from itertools import count
from typing import Any, Literal
from uuid import UUID, uuid5

from detector.config.build import engine_settings
from detector.config.load import load
from detector.decode.decoded import Decoded
from detector.detectors.detector import Detector
from detector.domain.alerts import Alert
from detector.domain.events import (
    Access,
    Actor,
    AgentRole,
    Change,
    CredentialKey,
    Deployment,
    Event,
    Identity,
    InventoryObject,
    Origin,
    Person,
    Policy,
    PolicyChange,
    PolicyTerms,
    Risk,
    SignIn,
    SignInKind,
)
from detector.engine.engine import Engine
from detector.engine.settings import EngineSettings
from detector.engine.state import State
from detector.features.apis import ApiSettings
from detector.features.pipelines import Pipeline
from detector.features.token_rate import RateSettings

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0

START = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
"""A Monday, 00:00 UTC; the beginning of an hour, of six hours and of a day."""

EXPIRED, INVALID, THROTTLED, BLOCKED = 7000222, 7000215, 50196, 53003
"""Error codes: an expired credential, a wrong credential (a guess), a transient one, a policy that blocks."""

ACTIVITIES = {
    "application_updated": "update application",
    "service_principal_updated": "update service principal",
    "credential_added": "add service principal credentials",
    "credential_removed": "remove service principal credentials",
    "app_role_granted": "add app role assignment to service principal",
    "delegated_permission_granted": "add delegated permission grant",
    "directory_role_assigned": "add member to role",
    "consent_granted": "consent to application",
    "directory_role_removed": "remove member from role",
    "owner_added": "add owner to service principal",
    "owner_removed": "remove owner from service principal",
    "sponsor_added": "add user sponsor",
    "agent_enabled": "update service principal",
    "agent_disabled": "update service principal",
    "federated_credential_changed": "update application",
    "inheritable_permissions_changed": "update application",
    "sponsor_removed": "remove user sponsor",
    "service_principal_created": "add service principal",
    "user_disabled": "disable account",
    "user_deleted": "delete user",
    "user_enabled": "enable account",
}
"""Kind of change to one activity that is of this kind."""

TIER0_PERMISSION = "RoleManagement.ReadWrite.Directory"
TIER0_ROLE = "62e90394-69f5-4237-9190-012177145e10"
"""Template id of Global Administrator."""

_NAMESPACE = UUID("e57a0000-0000-4000-8000-000000000001")
_V4 = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
_COUNTRIES = ("SE", "DE", "NO", "PT", "JP", "BR")


@lru_cache(maxsize=100_000)
def guid(*names: object) -> str:
    """The invented object id that belongs to these names."""
    return str(uuid5(_NAMESPACE, "/".join(map(str, names))))


@lru_cache(maxsize=100_000)
def network(number: int, *, asn: int | None = None, country: str | None = None, host: int = 7) -> Origin:
    """Network `number`: three documentation /24s, then IPv6 documentation /48s; sixteen autonomous systems."""
    if number < len(_V4):
        prefix = _V4[number]
        address = str(ip_network(prefix)[host])
    else:
        prefix = f"2001:db8:{number:x}::/48"
        address = f"2001:db8:{number:x}::{host:x}"
    return Origin(
        ip=address,
        prefix=prefix,
        asn=64496 + number % 16 if asn is None else asn,
        country=_COUNTRIES[number % len(_COUNTRIES)] if country is None else country,
    )


HOME = network(0)
"""Where agents sign in from unless the story says otherwise."""

NOWHERE = Origin(ip=None, prefix=None, asn=None, country=None)
"""A record without an address, as managed identities have them."""

ADMIN = Actor(kind="user", id=guid("user", "admin"), name="admin@example.com", ip="198.51.100.20")
"""Somebody who changes things by hand."""

RELEASE = Actor(
    kind="app", id=guid("pipeline", "release"), name="release", app_id=guid("app", "release"), ip="203.0.113.9"
)
"""The declared pipeline of `settings()`, from its own network."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One identity of a story: an agent, a blueprint's own principal or (role `none`) a classic principal."""

    tenant: str
    id: str
    """appId."""
    name: str
    object_id: str
    """Object id of its service principal: the appId for agent identities, another for blueprints and classic ones."""
    blueprint: str | None
    """appId of the blueprint."""
    role: AgentRole
    kind: SignInKind = "service_principal"

    @property
    def target(self) -> Identity:
        """As audit records name it: by object id, without a word on agents."""
        return Identity(id=self.object_id, type="ServicePrincipal", name=self.name)


class Tenant:
    """Makes the events of one invented tenant. Record ids count up, so the order of building names the records."""

    def __init__(self, name: str = "contoso") -> None:
        self.name = name
        self.id = guid("tenant", name)
        self._numbers = count(1)
        self._accesses: dict[tuple[Any, ...], Access] = {}

    def agent(
        self,
        name: str,
        *,
        blueprint: str | None = "crew",
        role: AgentRole = "agent",
        kind: SignInKind = "service_principal",
    ) -> Agent:
        """An identity; with role `blueprint` the blueprint `name` itself, with role `none` a classic principal."""
        own = guid(self.name, "blueprint" if role == "blueprint" else "agent", name)
        parent = (
            guid(self.name, "blueprint", blueprint)
            if blueprint is not None and role in {"agent", "agent_user"}
            else None
        )
        object_id = own if role in {"agent", "agent_user"} else guid(self.name, "object", name)
        return Agent(self.id, own, name, object_id, parent, role, kind)

    def record_id(self) -> str:
        """A record id never used before in this tenant."""
        return f"{self.name}-{next(self._numbers):06d}"

    def access(
        self,
        agent: Agent,
        *,
        resource: str | None = "graph",
        error: int = 0,
        key: str | None = "",
        credential: str | None = "clientSecret",
        **changes: Any,
    ) -> Access:
        """The recurring part of a sign-in; the same object for the same words. `changes` are fields of `Access`.

        A key that is not named is that of the blueprint, for itself and its agents.
        """
        words = (agent, resource, error, key, credential, *sorted(changes.items()))
        access = self._accesses.get(words)
        if access is None:
            fields: dict[str, Any] = {
                "tenant_id": self.id,
                "kind": agent.kind,
                "role": agent.role,
                "subject_role": "none",
                "agent_id": agent.id,
                "agent_name": agent.name,
                "service_principal_id": agent.object_id,
                "blueprint_id": agent.blueprint,
                "parent_id": None,
                "resource_id": guid("resource", resource) if resource is not None else None,
                "resource_name": resource,
                "credential_type": credential,
                "credential_key_id": guid("key", key or agent.blueprint or agent.id) if key is not None else None,
                "client_app": None,
                "error_code": error,
                "ca_status": None,
            }
            access = self._accesses[words] = Access(**(fields | changes))
        return access

    def sign_in(
        self,
        agent: Agent,
        at: float,
        *,
        origin: Origin = HOME,
        user: str | None = None,
        record_id: str | None = None,
        policies: tuple[Policy, ...] = (),
        **words: Any,
    ) -> SignIn:
        """One token request. `words` are those of `access`: resource, error, key, credential, ..."""
        return SignIn(
            record_id=self.record_id() if record_id is None else record_id,
            time=at,
            access=self.access(agent, **words),
            origin=origin,
            user_id=guid("user", user) if user is not None else None,
            policies=policies,
        )

    def sign_ins(self, agent: Agent, at: float, number: int, *, every: float = 60.0, **words: Any) -> list[Event]:
        """`number` token requests from `at` on, one every so many seconds."""
        return [self.sign_in(agent, at + index * every, **words) for index in range(number)]

    def calm(
        self,
        agent: Agent,
        *,
        hours: int,
        at: float = START,
        per_hour: int = 2,
        resources: Sequence[str] = ("graph",),
        **words: Any,
    ) -> list[Event]:
        """`hours` hours of steady requests, `per_hour` in each, that take the `resources` in turn."""
        turn = count()
        return [
            self.sign_in(
                agent,
                at + hour * HOUR + part * HOUR / per_hour,
                resource=resources[next(turn) % len(resources)],
                **words,
            )
            for hour in range(hours)
            for part in range(per_hour)
        ]

    def change(
        self,
        kind: str,
        at: float,
        target: Agent | Identity | None = None,
        *,
        actor: Actor = ADMIN,
        succeeded: bool = True,
        record_id: str | None = None,
        **fields: Any,
    ) -> Change:
        """One audit change of a `kind` of `ACTIVITIES` (or with a folded activity name as it is).

        `fields` are those of `Change`, and override what follows from the kind.
        """
        named = target.target if isinstance(target, Agent) else target
        activity = ACTIVITIES.get(kind, kind)
        told: dict[str, Any] = {"targets": (named,) if named is not None else ()}
        if kind == "credential_added":
            told["keys_added"] = (CredentialKey(guid("key", "new"), "Password"),)
        elif kind == "app_role_granted" and named is not None:
            # The target of a grant is the resource; the grantee stands in modified properties.
            told |= {
                "targets": (Identity(id=guid("object", "graph"), type="ServicePrincipal", name="Microsoft Graph"),),
                "grantee_object_id": named.id,
                "grantee_app_id": named.app_id,
                "grantee_name": named.name,
                "permission": TIER0_PERMISSION,
            }
        elif kind == "directory_role_assigned" and named is not None:
            told |= {
                "targets": (Identity(id=guid("object", "role"), type="Role", name="Global Administrator"), named),
                "directory_role": "Global Administrator",
                "directory_role_template_id": TIER0_ROLE,
            }
        elif kind in {"application_updated", "service_principal_updated"}:
            told["properties_changed"] = ("DisplayName",)
        elif kind in {"agent_enabled", "agent_disabled"}:
            told |= {"properties_changed": ("AccountEnabled",), "enabled": kind == "agent_enabled"}
        elif kind == "federated_credential_changed":
            told |= {"properties_changed": ("FederatedIdentityCredentials",), "federated_credentials_changed": True}
        elif kind == "inheritable_permissions_changed":
            told["properties_changed"] = ("InheritablePermissions",)
        return Change(
            record_id=self.record_id() if record_id is None else record_id,
            time=at,
            received=None,
            tenant_id=self.id,
            category="AuditLogs",
            activity=activity,
            activity_name=activity.capitalize(),
            succeeded=succeeded,
            actor=actor,
            **(told | fields),
        )

    def deployment(
        self,
        at: float,
        *,
        run: str = "1",
        pipeline: str = "release",
        status: str = "succeeded",
        agents: Sequence[Agent] | None = None,
        **fields: Any,
    ) -> Deployment:
        """One record of a run, or (`kind="handshake"`) of a handshake. `fields` are those of `Deployment`."""
        told: dict[str, Any] = {
            "record_id": self.record_id(),
            "time": at,
            "received": None,
            "tenant_id": self.id,
            "kind": "run",
            "pipeline": pipeline,
            "run_id": run,
            "status": status,
            "agents": None if agents is None else tuple(sorted(agent.id for agent in agents)),
        }
        return Deployment(**(told | fields))

    def run(self, at: float, *, lasts: float = 300.0, run: str = "1", **fields: Any) -> list[Event]:
        """The records of a run that begins at a moment and ends well: one as it begins, one as it ends."""
        return [
            self.deployment(at, run=run, status="in_progress", started=at, **fields),
            self.deployment(at + lasts, run=run, started=at, finished=at + lasts, **fields),
        ]

    def inventory(
        self, about: Agent | Identity, at: float, *, record_id: str | None = None, **fields: Any
    ) -> InventoryObject:
        """What an inventory shows of an agent, of the application of a blueprint, or of a user.

        `fields` are those of `InventoryObject`; what is not named is not known, but for the ids and the name.
        """
        told: dict[str, Any] = {"id": about.id, "name": about.name}
        if isinstance(about, Identity):
            told["type"] = "user"
        elif about.role == "blueprint":
            told |= {"type": "blueprint", "id": guid(self.name, "application", about.name), "app_id": about.id}
        elif about.role == "none":
            told |= {"type": "service_principal", "id": about.object_id, "app_id": about.id}
        else:
            told |= {"type": "agent", "app_id": about.id, "blueprint_id": about.blueprint}
        if fields.get("grants") is not None:
            told["grants_told"] = ("app_role", "delegated", "inheritable")
        return InventoryObject(
            record_id=self.record_id() if record_id is None else record_id,
            time=at,
            received=None,
            tenant_id=self.id,
            **(told | fields),
        )

    def policy_edit(
        self,
        name: str,
        at: float,
        before: PolicyTerms | None = None,
        after: PolicyTerms | None = None,
        *,
        deed: Literal["added", "changed", "deleted"] = "changed",
        location: bool = False,
        **fields: Any,
    ) -> Change:
        """An edit of the Conditional Access policy (or named location) `name`; `fields` are those of `change`."""
        thing = "named location" if location else "conditional access policy"
        verb = {"added": "add", "changed": "update", "deleted": "delete"}[deed]
        policy = PolicyChange("location" if location else "policy", deed, guid("policy", name), name, before, after)
        target = Identity(id=policy.id, type="Policy", name=name)
        return self.change(f"{verb} {thing}", at, target, policy=policy, **fields)

    def risk(
        self,
        agent: Agent,
        at: float,
        *,
        level: str | None = "high",
        state: str | None = "atRisk",
        event: str | None = "signInSpike",
        category: str = "AgentRiskEvents",
        record_id: str | None = None,
        **fields: Any,
    ) -> Risk:
        """One risk record about an agent; of the service principal categories it does not say that it is one."""
        role: AgentRole = agent.role if "Agent" in category else "none"
        return Risk(
            record_id=self.record_id() if record_id is None else record_id,
            time=at,
            received=None,
            tenant_id=self.id,
            category=category,
            identity=Identity(id=agent.object_id, type="ServicePrincipal", name=agent.name, role=role),
            level=level,
            state=state,
            detail="none",
            event_type=event,
            **fields,
        )


def person(name: str, *, enabled: bool | None = True) -> Person:
    """An owner or sponsor, as an inventory shows them."""
    return Person(id=guid("user", name), kind="user", enabled=enabled)


def user(name: str) -> Identity:
    """A user, as audit records name them."""
    return Identity(id=guid("user", name), type="User", name=f"{name}@example.com")


def refused_by(*names: str, result: str = "failure") -> tuple[Policy, ...]:
    """The Conditional Access policies of these names, as a refused sign-in has them."""
    return tuple(Policy(guid("policy", name), name, result) for name in names)


def in_order(*stories: Iterable[Event] | Event) -> list[Event]:
    """All events of the stories in order of event time."""
    events: list[Event] = []
    for story in stories:
        if isinstance(story, Iterable):
            events.extend(story)
        else:
            events.append(story)
    return sorted(events, key=lambda event: event.time)


# Engines


@cache
def defaults() -> EngineSettings:
    """The settings of the product, told every alert: what a budget holds back depends on more than a detector."""
    return replace(engine_settings(load()), budget=None, retells=False)


@cache
def _small() -> EngineSettings:
    product = defaults()
    return replace(
        product,
        agent_rates=RateSettings(floors=(6, 10, 20), p_value=1e-4, ratio=2.0, min_seen=4.0),
        blueprint_rates=RateSettings(floors=(10, 16, 30), p_value=1e-4, ratio=2.0, min_seen=6.0),
        failures=replace(product.failures, burst_floor=5, ratio_floor=3, run=4),
        apis=ApiSettings(capacity=32, spread_floor=3),
        pipelines=(
            Pipeline("release", frozenset({RELEASE.id or ""}), (ip_network("203.0.113.0/24"),)),  # type: ignore[arg-type]
        ),
        detectors=_with(
            product.detectors,
            {
                "token_spike": {"p_value": 1e-4},
                "fleet_spike": {"p_value": 1e-4},
                "busy_stretch": {"p_value": 1e-2, "floor": 3, "min_days": 1.0},
                "off_schedule": {"p_value": 1e-2, "floor": 3, "min_days": 1.0},
                "busy_day": {"p_value": 1e-2, "floor": 4, "min_days": 1.0},
                "agent_silent": {"p_value": 1e-2, "min_days": 4.0},
                "collective_surge": {"p_value": 0.05, "min_agents": 2, "min_days": 1.0},
                "slow_drift": {"p_value": 0.5, "floor": 1, "min_days": 2},
                "api_spread": {"p_value": 1e-2, "min_seen": 4.0},
                "api_novelty": {"p_value": 0.2, "p_value_sensitive": 0.3, "p_value_alone": 0.2, "min_seen": 4.0},
                "resource_shift": {"p_value": 0.05, "floor": 2, "min_seen": 4.0},
                "newborn_deviates": {"p_value": 0.5, "young_days": 0.25, "min_siblings": 1},
                "network_novelty": {
                    "p_value": 0.2,
                    "p_value_siblings_know": 0.3,
                    "p_value_alone": 0.2,
                    "min_seen": 4.0,
                },
                "failure_burst": {"p_value": 1e-2},
                "failure_ratio": {"p_value": 1e-2, "share": 0.2},
                "credential_retry": {"expired": 2, "invalid": 3},
                "secret_spray": {"p_value": 1e-2, "floor": 3, "floor_regulars": 3},
                "policy_outage": {"min_agents": 2},
                "credential_type_changed": {"p_value": 0.2, "min_seen": 4.0},
                "credential_first_used": {"p_value": 0.2, "min_seen": 4.0},
                "credential_fan_out": {"p_value": 0.05, "floor": 4, "ratio": 1.5, "min_seen": 4.0},
                "flow_changed": {"p_value": 0.2, "min_seen": 4.0},
                "concurrent_use": {"p_value": 0.2, "min_seen": 4.0},
            },
        ),
    )


def _with(detectors: Iterable[Detector], thresholds: Mapping[str, Mapping[str, Any]]) -> tuple[Detector, ...]:
    return tuple(replace(detector, **thresholds.get(detector.name, {})) for detector in detectors)  # type: ignore[type-var]


def settings(*, thresholds: Mapping[str, Mapping[str, Any]] | None = None, **overrides: Any) -> EngineSettings:
    """Settings with small thresholds: twelve calm hours are experience, six requests in ten minutes may be a spike.

    Args:
        thresholds: Fields of detectors to change, by the detector's name.
        overrides: Fields of `EngineSettings` to change.
    """
    changed = replace(_small(), **overrides)
    return replace(changed, detectors=_with(changed.detectors, thresholds)) if thresholds else changed


def batches(events: Sequence[Event], size: int | None = None) -> Iterable[Decoded]:
    """The events as bodies of `size` records; one body when no size is given."""
    step = size or max(1, len(events))
    for start in range(0, len(events), step):
        yield Decoded(list(events[start : start + step]))


def tell(engine: Engine, events: Sequence[Event], *, size: int | None = None) -> list[Alert]:
    """Tells the engine the events in the order given; the alerts so far."""
    return [alert for body in batches(events, size) for alert in engine.process(body)]


def engine_of(chosen: EngineSettings | None = None, state: State | None = None) -> Engine:
    """An engine with `settings()` unless told otherwise."""
    return Engine(settings() if chosen is None else chosen, state)


def alerts_of(events: Sequence[Event], chosen: EngineSettings | None = None, *, size: int | None = None) -> list[Alert]:
    """All alerts of a whole story, those of its end included."""
    engine = engine_of(chosen)
    return tell(engine, events, size=size) + engine.finish()


def ids(alerts: Iterable[Alert]) -> set[str]:
    """The ids of alerts."""
    return {alert.id for alert in alerts}


def detectors(alerts: Iterable[Alert]) -> list[str]:
    """Who said them, in order."""
    return [alert.detector for alert in alerts]
