"""All that is remembered under one key: one part for each feature, in slotted objects that encode to msgpack."""

from __future__ import annotations

import msgspec

from detector.features.apis import ApiMemory
from detector.features.changes import ActorMemory
from detector.features.failures import FailureMemory
from detector.features.fleet import FleetHours
from detector.features.networks import NetworkMemory
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
    networks: NetworkMemory
    failures: FailureMemory | None = None
    named: int = -1
    """Hour of the record that `name` is from; see `latest_name`."""


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
    networks: NetworkMemory
    agents: int = 0
    """Agents of the blueprint ever seen."""
    named: int = -1
    """See `IdentityMemory.named`."""


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
