"""All that is remembered under one key: one part for each feature, in slotted objects that encode to msgpack."""

from __future__ import annotations

from math import inf

import msgspec

from detector.features.apis import ApiMemory
from detector.features.awaited import Awaited
from detector.features.changes import ActorMemory
from detector.features.credentials import CredentialMemory
from detector.features.environments import Seen
from detector.features.failures import FailureMemory
from detector.features.fleet import FleetHours
from detector.features.flow import Flow
from detector.features.hours import BlueprintDay, HourMemory
from detector.features.inventory import ObjectMemory, PersonMemory
from detector.features.ledger import Entry, Ledger
from detector.features.mix import MixMemory
from detector.features.outages import Outage
from detector.features.periods import PeriodMemory
from detector.features.presence import Presence
from detector.features.runs import Run
from detector.features.sprays import SourceMemory
from detector.features.token_rate import RateMemory


class IdentityMemory(msgspec.Struct, gc=False):
    """An agent identity, a blueprint's own principal, or a classic workload identity."""

    kind: str
    """`agent` or `blueprint`."""
    id: str
    name: str | None
    blueprint_id: str | None
    first_seen: float
    """Start of the ten-minute bucket of its earliest record."""
    rates: RateMemory
    apis: ApiMemory
    networks: dict[str, int]
    """See `detector.features.networks`."""
    failures: FailureMemory | None = None
    named: int = -1
    """Hour of the record that `name` is from; see `latest_name`."""
    habits: dict[str, int] | None = None
    """Credential types, key ids and flows it shows; see `detector.features.known`."""
    lent: bool = False
    """Whether it is an ordinary client that only agents' users signed in through: it is no agent for that."""
    watched: float = inf
    """Event time after which a granted token is an entry of its ledger; see `detector.engine.casebook`."""
    periods: PeriodMemory | None = None
    """When it is at work; see `detector.engine.working`."""
    mix: MixMemory | None = None
    """In how many hours it uses which resource; `None` while it has one. See `detector.engine.mixing`."""
    hours: HourMemory | None = None
    """What finished hours taught; `None` while no model asks. See `detector.features.hours`."""


class FleetMemory(msgspec.Struct, gc=False):
    """The agents of one blueprint together."""

    id: str
    name: str | None
    first_seen: float
    """Start of the ten-minute bucket of the earliest record that names it."""
    rates: RateMemory
    hours: FleetHours
    apis: dict[str, int]
    """Resources any agent of the blueprint gets tokens for; see `detector.features.known`."""
    networks: dict[str, int]
    """See `detector.features.networks`."""
    agents: int = 0
    """Agents of the blueprint ever seen."""
    named: int = -1
    """See `IdentityMemory.named`."""
    flows: dict[str, int] | None = None
    """Flows that any agent of the blueprint goes through; see `detector.features.known`."""
    day: BlueprintDay | None = None
    """Like `IdentityMemory.hours`."""


class Alias(msgspec.Struct, gc=False):
    """What an object id stands for."""

    owner: str
    """The id that identities are kept under."""
    since: float
    """Start of the ten-minute bucket of the earliest record that says so."""


class TenantMemory(msgspec.Struct, gc=False):
    """Everything of one tenant, by key; what hangs under different keys never meets."""

    identities: dict[str, IdentityMemory] = msgspec.field(default_factory=dict)
    fleets: dict[str, FleetMemory] = msgspec.field(default_factory=dict)
    actors: dict[str, ActorMemory] = msgspec.field(default_factory=dict)
    aliases: dict[str, Alias] = msgspec.field(default_factory=dict)
    """By object id of an application or service principal."""
    ledgers: dict[str, Ledger] = msgspec.field(default_factory=dict)
    """By id of an agent or blueprint; `""` is the tenant itself."""
    firsts: dict[str, list[Entry]] = msgspec.field(default_factory=dict)
    """What agents and blueprints have shown for the first time of late: an audit record may come after it."""
    objects: dict[str, ObjectMemory] = msgspec.field(default_factory=dict)
    """By object id, as an inventory shows them."""
    people: dict[str, PersonMemory] = msgspec.field(default_factory=dict)
    """By object id: accounts that were ever disabled or deleted."""
    runs: dict[str, Run] = msgspec.field(default_factory=dict)
    """Runs of pipelines; see `detector.features.runs`."""
    evidence: dict[str, float] = msgspec.field(default_factory=dict)
    """Event time of the first record of a run, by name of the declared pipeline; `""` for any pipeline."""
    handshakes: dict[str, float] = msgspec.field(default_factory=dict)
    """Event time of the first passed handshake, by id of the agent or blueprint."""
    deeds: dict[str, set[tuple[int, str]]] = msgspec.field(default_factory=dict)
    """What identities of declared pipelines changed of late: ten-minute buckets and kinds of change."""
    awaited: dict[str, Awaited] = msgspec.field(default_factory=dict)
    """What evidence is waited for."""
    environments: dict[str, Seen] = msgspec.field(default_factory=dict)
    """Which environment the attributes of an agent or blueprint show, by its appId."""
    outages: dict[str, Outage] = msgspec.field(default_factory=dict)
    """Edits of Conditional Access of late and whom they block, by record id."""
    credentials: dict[str, CredentialMemory] = msgspec.field(default_factory=dict)
    """By key id, as sign-ins show them."""
    presences: dict[str, Presence] = msgspec.field(default_factory=dict)
    """By id: identities that came from a new place of late; see `detector.features.presence`."""
    flows: dict[str, Flow] = msgspec.field(default_factory=dict)
    """By log category; `""` is all of them together."""
    sources: dict[str, SourceMemory] = msgspec.field(default_factory=dict)
    """By network (/24 or /48): whose wrong secrets came from there; see `detector.features.sprays`."""


def latest_name(memory: IdentityMemory | FleetMemory, name: str | None, hour: int) -> None:
    """Takes over a name from a record of `hour`: of the latest hour the last in the alphabet, whatever came first."""
    if name is not None and (hour > memory.named or (hour == memory.named and name > (memory.name or ""))):
        memory.name, memory.named = name, hour


def teach(aliases: dict[str, Alias], object_id: str, owner: str, since: float, capacity: int) -> bool:
    """A record of the bucket at `since` says whose object id this is; whether anything was learned.

    Nothing is when it was known, or when there is no room for it. The earliest record is believed, and of several in
    one bucket the one that names the first owner.
    """
    alias = aliases.get(object_id)
    if alias is None:
        if len(aliases) >= capacity:
            return False
        aliases[object_id] = Alias(owner, since)
        return True
    if (since, owner) < (alias.since, alias.owner):
        alias.owner, alias.since = owner, since
        return True
    return False


def watched_since(tenant: TenantMemory, own: str, *ids: str | None) -> float:
    """The event time since which granted tokens of an identity are noted: for its own sake or its blueprint's."""
    since, ledgers = inf, tenant.ledgers
    for identifier in (own, *ids):
        ledger = None if identifier is None else ledgers.get(identifier)
        if ledger is not None and ledger.watches:
            since = min(since, *ledger.watches.values())
    presence = tenant.presences.get(own)
    return since if presence is None else min(since, presence.since - 1e-3)
