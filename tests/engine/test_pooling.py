"""Memory that is read back is what it was, and as small as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from sys import getsizeof

import msgspec
import pytest

from detector.engine.engine import Engine
from detector.engine.journal import rebuild
from detector.engine.pooling import Pool
from detector.engine.state import State, encoder
from detector.features.token_rate import RateMemory
from tests.stories import HOUR, NOWHERE, START, Tenant, network, settings, tell

TENANT = Tenant("contoso")


@pytest.fixture(scope="module")
def engine() -> Engine:
    """Three days of siblings, their blueprint, a principal of its own and agents that were hardly seen."""
    engine = Engine(settings())
    crew = [TENANT.agent(f"agent-{number}") for number in range(40)]
    others = [TENANT.agent("crew", role="blueprint"), TENANT.agent("lone", blueprint=None, role="none")]
    for hour in range(72):
        at = START + hour * HOUR
        events = [
            TENANT.sign_in(
                agent,
                at + 60.0 * place + 5.0 * number,
                resource=("graph", "mail", "sites")[(number + hour + place) % 3],
                origin=network((number + place) % 2),
                key=None,
                credential="clientAssertion",
            )
            for place in range(3)
            for number, agent in enumerate([*crew, *others])
        ]
        tell(engine, events)
    newborns = [TENANT.agent("newborn"), TENANT.agent("newborn", blueprint="new")]
    tell(engine, [TENANT.sign_in(each, START + 73 * HOUR, error=7_000_215, origin=NOWHERE) for each in newborns])
    return engine


def parts(thing: object) -> Iterator[object]:
    """What an object of memory holds."""
    if isinstance(thing, msgspec.Struct):
        yield from (getattr(thing, name) for name in thing.__struct_fields__)
    elif isinstance(thing, RateMemory):
        yield from (getattr(thing, field.name) for field in fields(thing))
    elif isinstance(thing, dict):
        yield from (*thing, *thing.values())
    elif isinstance(thing, list | tuple | set):
        yield from thing


def size(state: State) -> int:
    """Bytes of memory under keys, each object once."""
    seen: dict[int, object] = {}
    waiting: list[object] = list(state.tenants.values())
    while waiting:
        thing = waiting.pop()
        if id(thing) not in seen:
            seen[id(thing)] = thing
            waiting += parts(thing)
    return sum(map(getsizeof, seen.values()))


def by_rows(engine: Engine) -> State:
    """The state that its rows describe."""
    engine.journal.listen()
    changed = engine.journal.take()
    rows = [(*row[:3], row.payload) for row in changed.rows if row.payload is not None]
    return rebuild(changed.core, rows, {}).state


def test_what_is_read_back_is_no_larger(engine: Engine) -> None:
    for state in (State.load(engine.snapshot()), by_rows(engine)):
        assert state.tenants == engine.state.tenants
        assert size(state) < 1.03 * size(engine.state)


def test_siblings_hold_the_same_objects(engine: Engine) -> None:
    (tenant,) = State.load(engine.snapshot()).tenants.values()
    first, second = (tenant.identities[TENANT.agent(f"agent-{number}").id] for number in (1, 4))
    for ours, theirs in ((first.apis.values, second.apis.values), (first.networks, second.networks)):
        assert len(ours) > 1
        assert {id(key) for key in ours} == {id(key) for key in theirs}
    assert first.blueprint_id is second.blueprint_id is tenant.fleets[first.blueprint_id or ""].id
    assert first.mix is not None
    assert second.mix is not None
    assert first.mix.names is second.mix.names
    assert first.rates.bucket is second.rates.bucket
    assert first.id is next(key for key in tenant.identities if key == first.id)


@pytest.mark.parametrize("value", [3.5, "text", [1]])
def test_other_memory_is_left_as_it_is(value: object) -> None:
    assert Pool().pooled(value) is value


def test_what_was_read_back_is_written_the_same(engine: Engine) -> None:
    state = State.load(engine.snapshot())
    assert encoder().encode(state.tenants) == encoder().encode(engine.state.tenants)
