"""Bytes of state an agent: 100,000 agents with a week of history."""

from __future__ import annotations

import random
import sys
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import msgspec

from detector.config.build import engine_settings
from detector.config.load import load
from detector.decode.decoded import Decoded
from detector.domain.events import Access, Origin, SignIn
from detector.engine.engine import Engine

START = 1_791_158_400.0
"""2026-10-05T00:00:00Z, a Monday."""


def week(agents: int, siblings: int, seed: int) -> Iterator[list[SignIn]]:
    """A week of sign-ins, hour by hour: each agent works about five hours a day with one to four resources."""
    rng = random.Random(seed)
    accesses, origins = [], []
    for number in range(agents):
        blueprint = number // siblings
        accesses.append(
            [_access(number, blueprint, (blueprint * 3 + k) % 400) for k in range(rng.choice((1, 2, 2, 4)))]
        )
        if number % siblings == 0:
            origins.append([_origin(blueprint, k) for k in range(rng.choice((1, 2, 3)))])
    hours = [rng.sample(range(24), 5) for _ in range(agents)]
    for hour in range(7 * 24):
        events = []
        for number in range(agents):
            if hour % 24 not in hours[number]:
                continue
            for _ in range(rng.choice((1, 1, 2, 3, 8))):
                time = START + hour * 3600 + rng.random() * 3600
                place = rng.choice(origins[number // siblings])
                events.append(SignIn(f"{rng.getrandbits(128):032x}", time, rng.choice(accesses[number]), place))
        events.sort(key=lambda event: event.time)
        yield events


def _access(number: int, blueprint: int, resource: int) -> Access:
    return Access(
        tenant_id="99999999-0000-4000-8000-00000000aaaa",
        kind="service_principal",
        role="agent",
        subject_role="agent",
        agent_id=f"7d540000-2222-4333-8444-{number:012x}",
        agent_name=f"agent-{number:06}",
        service_principal_id=f"7d540000-2222-4333-8444-{number:012x}",
        blueprint_id=sys.intern(f"ad0d0000-1111-4222-8333-{blueprint:012x}"),
        parent_id=None,
        resource_id=sys.intern(f"00000003-0000-0000-c000-{resource:012x}"),
        resource_name=f"API {resource}",
        credential_type="clientAssertion",
        credential_key_id=None,
        client_app=None,
        error_code=0,
        ca_status="success",
    )


def _origin(blueprint: int, number: int) -> Origin:
    text = f"2001:db8:{blueprint % 65_536:x}:{number}::1"
    return Origin(ip=text, prefix=f"2001:db8:{blueprint % 65_536:x}::/48", asn=64_496 + blueprint % 16, country="IE")


def deep_size(root: object) -> int:
    """Bytes of everything reachable from `root`, each object once."""
    seen: set[int] = set()
    stack, total = [root], 0
    while stack:
        thing = stack.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        total += sys.getsizeof(thing)
        if isinstance(thing, msgspec.Struct):
            stack.extend(getattr(thing, name) for name in thing.__struct_fields__)
        elif is_dataclass(thing):
            stack.extend(getattr(thing, field.name) for field in fields(thing))
        elif isinstance(thing, dict):
            stack.extend(thing.keys())
            stack.extend(thing.values())
        elif isinstance(thing, list | tuple | set | frozenset | deque) and not isinstance(thing, array):
            stack.extend(thing)
        elif hasattr(thing, "__slots__"):
            stack.extend(getattr(thing, name, None) for name in thing.__slots__)
    return total


def measure(agents: int = 100_000, siblings: int = 20, seed: int = 5) -> tuple[float, float]:
    """(bytes of memory under keys an agent, bytes of record ids kept for duplicates an agent)."""
    engine = Engine(engine_settings(load()))
    for events in week(agents, siblings, seed):
        for start in range(0, len(events), 1_000):
            engine.process(Decoded(events[start : start + 1_000]))
    state = engine.state
    assert sum(len(tenant.identities) for tenant in state.tenants.values()) == agents
    return deep_size(state.tenants) / agents, deep_size(state.admission) / agents
