"""Which blueprints a credential is used by, and when it was last used."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.credentials import CAPACITY, CredentialMemory, sharers, unit_of, use
from detector.features.timeline import Horizon
from tests.stories import Tenant

HOURLY = Horizon.of(3_600, 1_200.0)
TENANT = Tenant()


def test_the_unit_is_who_holds_the_credential() -> None:
    agent, blueprint = TENANT.agent("invoices"), TENANT.agent("crew", role="blueprint")
    assert unit_of(TENANT.access(agent)) == unit_of(TENANT.access(blueprint)) == blueprint.id
    lone = TENANT.agent("payroll", role="none", blueprint=None)
    assert unit_of(TENANT.access(lone)) == lone.id
    assert unit_of(TENANT.access(TENANT.agent("silent", blueprint=None))) is None
    assert unit_of(TENANT.access(blueprint, blueprint_id=lone.id)) == blueprint.id


def test_a_use_is_known_once_its_hour_is_final() -> None:
    memory = CredentialMemory()
    assert use(memory, "a", None, 100, HOURLY) == (False, 105, True)
    assert use(memory, "a", None, 101, HOURLY) == (False, 105, False)
    assert use(memory, "a", None, 102, HOURLY) == (True, 105, False)
    known, until, changed = use(memory, "a", None, 105, HOURLY)
    assert (known, until, changed) == (True, 124, True)
    assert use(memory, "a", None, 130, HOURLY) == (True, 154, True)
    assert memory.last == 130


def test_others_keep_the_last_use_fresh() -> None:
    """A use is asked for again before the last one is a day old, whoever made that."""
    memory = CredentialMemory()
    use(memory, "a", None, 0, HOURLY)
    for hour in (5, 29):
        use(memory, "a", None, hour, HOURLY)
    use(memory, "b", None, 30, HOURLY)
    assert use(memory, "b", None, 40, HOURLY)[1] <= memory.last + 24


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from((None, "clientSecret", "certificate"))), min_size=1)
)
def test_type_and_users_do_not_depend_on_the_order(uses: list[tuple[str, str | None]]) -> None:
    first, second = CredentialMemory(), CredentialMemory()
    for unit, kind in uses:
        use(first, unit, kind, 10, HOURLY)
    for unit, kind in reversed(uses):
        use(second, unit, kind, 10, HOURLY)
    assert (first.users, first.kind) == (second.users, second.kind)
    assert first.kind == min((kind for _, kind in uses if kind is not None), default=None)


def test_an_earlier_name_takes_the_place_of_the_last_one() -> None:
    memory = CredentialMemory(users=dict.fromkeys((f"{number:03}" for number in range(1, CAPACITY + 1)), 10))
    use(memory, "000", None, 10, HOURLY)
    assert sorted(memory.users) == [f"{number:03}" for number in range(CAPACITY)]


@given(st.permutations([f"{number:03}" for number in range(CAPACITY + 5)]))
def test_a_flood_of_users_leaves_the_first_in_the_alphabet(units: list[str]) -> None:
    memory = CredentialMemory()
    for unit in units:
        use(memory, unit, None, 10, HOURLY)
    assert sorted(memory.users) == [f"{number:03}" for number in range(CAPACITY)]


def test_who_finds_no_room_is_asked_for_every_time() -> None:
    memory = CredentialMemory(users=dict.fromkeys((f"{number:03}" for number in range(CAPACITY)), 10))
    assert use(memory, "999", None, 20, HOURLY) == (False, 20, False)


@pytest.mark.parametrize(("users", "shared"), [("", ()), ("a", ()), ("ba", ("b",)), ("cab", ("b", "c"))])
def test_all_but_one_share(users: str, shared: tuple[str, ...]) -> None:
    assert sharers(CredentialMemory(users=dict.fromkeys(users, 1))) == shared


@given(st.permutations("abcd"))
def test_whoever_comes_each_but_the_first_is_told_in_the_end(order: list[str]) -> None:
    memory, told = CredentialMemory(), set[str]()
    for unit in order:
        use(memory, unit, None, 10, HOURLY)
        told |= set(sharers(memory))
    assert told == set("bcd")
    assert all(left < right for left, right in pairwise(sorted(told)))
