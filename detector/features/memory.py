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
    """Earliest event time."""
    rates: RateMemory
    apis: ApiMemory
    networks: NetworkMemory
    failures: FailureMemory | None = None


class FleetMemory(msgspec.Struct, gc=False):
    """The agents of one blueprint together."""

    id: str
    name: str | None
    rates: RateMemory
    hours: FleetHours
    apis: dict[str, int]
    """Resources any agent of the blueprint gets tokens for; see `detector.features.known`."""
    networks: NetworkMemory
    agents: int = 0
    """Agents of the blueprint ever seen."""


class TenantMemory(msgspec.Struct, gc=False):
    """Everything of one tenant, by key; what hangs under different keys never meets."""

    identities: dict[str, IdentityMemory] = msgspec.field(default_factory=dict)
    fleets: dict[str, FleetMemory] = msgspec.field(default_factory=dict)
    actors: dict[str, ActorMemory] = msgspec.field(default_factory=dict)
    aliases: dict[str, str] = msgspec.field(default_factory=dict)
    """Object ids of applications and service principals, to the id that identities are kept under."""
