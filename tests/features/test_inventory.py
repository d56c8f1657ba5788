"""What is known of an object: the word of the last writer, member by member; not known is not false."""

from __future__ import annotations

from itertools import permutations
from math import inf
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from detector.domain.events import Credential, Grant, InventoryObject
from detector.features.inventory import ObjectMemory, PersonMemory, mark_of, new_object, observe
from detector.features.listing import LOOK, horizon_of
from tests.stories import DAY, HOUR, START, Tenant, guid, person

HORIZON = horizon_of(1200.0)
TENANT = Tenant()
AGENT = TENANT.agent("invoices")


def shown(at: float = START, **fields: Any) -> InventoryObject:
    return TENANT.inventory(AGENT, at, **fields)


def known(*events: InventoryObject) -> ObjectMemory:
    memory = new_object(events[0])
    for event in events:
        observe(memory, event, HORIZON)
    return memory


def test_an_object_is_known_by_what_was_shown() -> None:
    grant = Grant("app_role", guid("graph"), "User.Read.All")
    memory = known(
        shown(START + 700, enabled=True, created=START, owners=(person("jane"),), grants=(grant,), name="invoices")
    )
    assert (memory.id, memory.type, memory.app_id, memory.name) == (AGENT.id, "agent", AGENT.id, "invoices")
    assert (memory.enabled, memory.deleted, memory.created) == (True, False, START)
    assert memory.first_seen == START + 600
    assert memory.grants == (grant,)
    assert memory.owners is not None
    assert memory.sponsors is None
    assert memory.key_id == AGENT.id


def test_not_known_never_takes_the_place_of_what_was() -> None:
    memory = known(shown(enabled=False, blueprint_id="b"), shown(START + 1, blueprint_id=None, name=None))
    assert (memory.enabled, memory.blueprint_id, memory.name) == (False, "b", "invoices")


def test_the_last_writer_decides_whatever_came_last() -> None:
    events = (
        shown(START, name="one", enabled=True),
        shown(START + 60, name="two", enabled=None),
        shown(START + 120, name=None, enabled=False),
    )
    for order in permutations(events):
        memory = known(*order)
        assert (memory.name, memory.enabled) == ("two", False)


def test_of_one_instant_the_same_record_decides_in_any_order() -> None:
    events = [shown(name=name, record_id=name) for name in ("one", "two", "three")]
    assert len({known(*order).name for order in permutations(events)}) == 1


def stamp_of(event: InventoryObject) -> tuple[float, int]:
    return event.time, xxh3_64_intdigest(event.record_id.encode())


member = st.none() | st.sampled_from(["x", "y", "z"])
observations = st.lists(st.tuples(st.integers(0, 5), member, member, st.booleans()), min_size=1, max_size=6)


@pytest.mark.untraced
@given(observations, st.randoms(use_true_random=False))
def test_every_order_gives_the_same_members(drawn: list[tuple[int, Any, Any, bool]], dice: Any) -> None:
    events = [
        shown(START + at * 60, name=name, parent_id=parent, deleted=deleted, record_id=f"r{number}")
        for number, (at, name, parent, deleted) in enumerate(drawn)
    ]
    one = known(*events)
    dice.shuffle(events)
    other = known(*events)
    assert (one.name, one.parent_id, one.deleted) == (other.name, other.parent_id, other.deleted)
    assert (one.first_seen, one.seen) == (other.first_seen, other.seen)
    last = {
        field: max(
            ((*stamp_of(each), getattr(each, field)) for each in events if getattr(each, field) is not None),
            default=(0, 0, None),
        )[2]
        for field in ("name", "parent_id", "deleted")
    }
    assert {"name": one.name, "parent_id": one.parent_id, "deleted": one.deleted} == last


def test_what_is_deleted_holds_nothing() -> None:
    secret = Credential("k", "secret", end=START + DAY)
    memory = known(shown(owners=(person("jane"),), credentials=(secret,)), shown(START + DAY, deleted=True))
    assert memory.deleted
    for listed, value in ((memory.owners, person("jane").id), (memory.keys, "k")):
        assert listed is not None
        assert not listed.holds(value, int(START + DAY + HOUR) // LOOK, HORIZON)


def test_credentials_that_are_long_gone_are_forgotten() -> None:
    secret = Credential("k", "secret", end=START + DAY)
    memory = known(shown(credentials=(secret,)), *(shown(START + day * DAY, credentials=()) for day in (1, 2)))
    assert memory.credentials is None


def test_only_credentials_that_can_end_or_be_shared_are_kept() -> None:
    secret = Credential("s", "secret", name="ci", start=START, end=START + DAY)
    certificate = Credential("c", "certificate", thumbprint="ab")
    trusted = Credential("f", "federated", issuer="https://example.com", subject="main")
    nameless = Credential("g", "federated", issuer="https://example.com")
    memory = known(shown(credentials=(secret, certificate, trusted, nameless)))
    assert memory.credentials == {
        "s": Credential("s", "secret", name="ci", end=START + DAY),
        "c": certificate,
        "f": trusted,
    }
    assert mark_of(trusted) == "https://example.com main"
    assert (mark_of(certificate), mark_of(secret), mark_of(nameless)) == ("ab", None, None)
    assert memory.keys is not None
    assert set(memory.keys.values) == {"s", "c", "f", "g"}


def test_it_survives_being_written_down() -> None:
    memory = known(
        shown(sponsors=(), owners=(person("jane"),), credentials=(Credential("s", "secret", end=START),)),
        shown(START + HOUR, name=None),
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(memory), type=ObjectMemory) == memory


# --------------------------------------------------------------------------------------------------- people


@pytest.mark.parametrize(
    ("told", "lost", "out"),
    [
        ({}, False, False),
        ({"lost": START}, True, True),
        ({"lost": START, "back": START - 1}, True, True),
        ({"lost": START, "back": START + DAY - HOUR}, False, False),
        ({"lost": START, "back": START + DAY - 60}, True, True),
        ({"shown_out": START}, False, True),
        ({"shown_out": START, "shown_in": START + 1}, False, False),
    ],
)
def test_an_account_is_lost_until_its_return_is_final(told: dict[str, float], lost: bool, out: bool) -> None:
    memory = PersonMemory(**told)  # type: ignore[arg-type]
    assert memory.is_lost(START + DAY, HORIZON) is lost
    assert memory.is_out(START + DAY, HORIZON) is out
    assert memory.latest == max(told.values(), default=-inf)
