"""A benchmark stream: many sign-ins of many agents, quickly made.

The records have the shape of `records`, which renders one for each kind; the rest are that one with its variable parts
filled in.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate
from random import Random
from typing import Final, Literal, NamedTuple

from detector.runtime.simulation.catalogue import EVERYDAY_RESOURCES, INTERNAL_API_NAMES
from detector.runtime.simulation.chance import guid, guid_of, stream, token_of, zipf_weights
from detector.runtime.simulation.clock import MINUTE, SECOND, envelope_text, property_text, ticks_of
from detector.runtime.simulation.delivery import body_of, draw_lag
from detector.runtime.simulation.networks import CLOUD_ASN, HOME_PLACES, Network, Origin, Place
from detector.runtime.simulation.records import Caller, SignIn
from detector.runtime.simulation.tenant import Policy, Resource

Padding = Literal["lean", "typical", "wide"]

_POLICIES: Final[dict[Padding, int]] = {"lean": 0, "typical": 6, "wide": 30}
"""Evaluated Conditional Access policies: what makes a record about 2, 3.3 or 8.4 KB."""
_START: Final = ticks_of(datetime(2026, 10, 5, 8, tzinfo=UTC))
_AGENTS_A_BLUEPRINT: Final = 20
_FAILURES: Final = 0.01
_COPIES: Final = 0.03
_ERRORS: Final = (90033, 7000215, 501051, 53003)
_RANK_EXPONENT: Final = 1.0

_ID: Final = "11111111-1111-4111-8111-111111111111"
_CORRELATION: Final = "22222222-2222-4222-8222-222222222222"
_TENANT: Final = "99999999-0000-4000-8000-00000000aaaa"


@dataclass(frozen=True, slots=True)
class _Family:
    """What the agents of a blueprint share."""

    app_id: bytes
    place: Place
    addresses: tuple[bytes, ...]
    resources: tuple[tuple[bytes, bytes], ...]
    """Name and application id."""


def sign_in_bodies(
    *,
    records: int,
    agents: int,
    span: float,
    seed: int,
    records_per_body: int = 50,
    padding: Padding = "typical",
) -> list[bytes]:
    """Make Event Hubs bodies of ServicePrincipalSignInLogs, in order of delivery.

    Args:
        records: How many, copies included.
        agents: Over which they spread by Zipf's law; twenty share a blueprint, its one to five resources and its
            two to eight addresses.
        span: Seconds over which the event times spread evenly.
        seed: Equal arguments give equal bytes.
        records_per_body: Records in a body; the last one may hold fewer.
        padding: Size of a record: about 2 KB, 3.3 KB or 8.4 KB.
    """
    rng = stream(seed, "workload")
    population = _Population(rng, agents, padding)
    copies = int(records * _COPIES)
    arrivals = [population.arrival(rng, int(span * SECOND)) for _ in range(records - copies)]
    arrivals += [_again(rng, arrival) for arrival in rng.sample(arrivals, copies)]
    arrivals.sort()
    return [
        body_of(population.render(arrival) for arrival in arrivals[at : at + records_per_body])
        for at in range(0, records, records_per_body)
    ]


class _Arrival(NamedTuple):
    """One record at the consumer; arrivals sort by time."""

    delivered: int
    received: int
    ticks: int
    raw: bytes
    """Chance that the record's identifiers, resource and address are made of."""
    agent: int
    error: int


def _again(rng: Random, arrival: _Arrival) -> _Arrival:
    later = rng.randrange(MINUTE, 15 * MINUTE)
    return arrival._replace(delivered=arrival.delivered + later, received=arrival.received + later)


class _Population:
    """The agents and what they share."""

    def __init__(self, rng: Random, agents: int, padding: Padding) -> None:
        self._padding = padding
        self._families = [_family(rng, number) for number in range(-(-agents // _AGENTS_A_BLUEPRINT))]
        self._identities = [(guid(rng).encode(), f"agent-{number:06d}".encode()) for number in range(agents)]
        self._cumulated = list(accumulate(zipf_weights(agents, _RANK_EXPONENT)))

    def arrival(self, rng: Random, width: int) -> _Arrival:
        ticks = _START + rng.randrange(width)
        received = ticks + int(draw_lag(rng.random()) * SECOND)
        agent = bisect_right(self._cumulated, rng.random() * self._cumulated[-1], hi=len(self._identities) - 1)
        error = rng.choice(_ERRORS) if rng.random() < _FAILURES else 0
        return _Arrival(received + rng.randrange(3 * SECOND), received, ticks, rng.randbytes(34), agent, error)

    def render(self, arrival: _Arrival) -> bytes:
        raw, family = arrival.raw, self._families[arrival.agent % len(self._families)]
        record_id = guid_of(raw[:16])
        # Powers of a uniform draw: the first resource and address are the favourites.
        resource_name, resource_id = family.resources[int(len(family.resources) * (raw[32] / 256) ** 3)]
        agent_id, agent_name = self._identities[arrival.agent]
        values = {
            b"received": envelope_text(arrival.received).encode(),
            b"created": property_text(arrival.ticks).encode(),
            b"id": record_id.encode(),
            b"correlation": guid_of(raw[16:32]).encode(),
            b"token": token_of(record_id).encode(),
            b"address": family.addresses[int(len(family.addresses) * (raw[33] / 256) ** 2)],
            b"agent_id": agent_id,
            b"agent_name": agent_name,
            b"blueprint": family.app_id,
            b"resource_name": resource_name,
            b"resource_id": resource_id,
        }
        parts = list(_template(family.place, arrival.error, self._padding))
        parts[1::2] = [values[name] for name in parts[1::2]]
        return b"".join(parts)


def _family(rng: Random, number: int) -> _Family:
    networks = [f"2001:db8:{2 * number + index + 1:x}" for index in range(1 + number % 2)]
    addresses = [
        f"{network}:{rng.randrange(1, 9):x}::{rng.randrange(2, 200):x}" for network in networks for _ in range(4)
    ]
    known = list(EVERYDAY_RESOURCES) + [(f"Contoso {name} API", guid(rng)) for name in INTERNAL_API_NAMES[:4]]
    resources = rng.sample(known, 1 + number % 5)
    return _Family(
        guid(rng).encode(),
        HOME_PLACES[number % len(HOME_PLACES)],
        tuple(address.encode() for address in addresses),
        tuple((name.encode(), app_id.encode()) for name, app_id in resources),
    )


@cache
def _template(place: Place, error: int, padding: Padding) -> tuple[bytes, ...]:
    """Render one record and cut it at its variable parts: text, name, text, name, ..., text."""
    kind = {"agentType": "agenticAppInstance", "agentSubjectType": "agenticAppInstance", "parentAppId": "%blueprint%"}
    numbers = range(_POLICIES[padding])
    policies = tuple(Policy(f"22220000-aaaa-4bbb-8ccc-{number:012d}", f"Agents policy {number}") for number in numbers)
    caller = Caller("ServicePrincipalSignInLogs", "%agent_id%", "%agent_name%", "%agent_id%", kind, policies)
    resource = Resource("%resource_name%", "%resource_id%", "18b80000-6666-4777-8888-0000000000e6")
    origin = Origin("%address%", Network("2001:db8::/48", CLOUD_ASN, place, ()))
    text = SignIn(0, _ID, _CORRELATION, 49, caller, resource, origin, error).render(_TENANT, SECOND).decode()
    for value, name in (
        (envelope_text(SECOND), "received"),
        (property_text(0), "created"),
        (token_of(_ID), "token"),
        (_ID, "id"),
        (_CORRELATION, "correlation"),
    ):
        text = text.replace(value, f"%{name}%")
    return tuple(re.split(rb"%(\w+)%", text.encode()))
