"""Names and object ids: the latest and the earliest record are believed, whatever came first."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.apis import ApiMemory
from detector.features.memory import Alias, IdentityMemory, latest_name, teach
from detector.features.token_rate import RateMemory


def identity() -> IdentityMemory:
    return IdentityMemory(
        kind="agent",
        id="a",
        name=None,
        blueprint_id=None,
        first_seen=0.0,
        rates=RateMemory(),
        apis=ApiMemory(),
        networks={},
    )


named = st.lists(st.tuples(st.sampled_from(["invoices", "orders", "mails"]), st.integers(0, 3)), min_size=1)
owned = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from([0.0, 600.0, 1200.0])), min_size=1)


@given(named, st.randoms(use_true_random=False))
def test_the_name_is_the_one_of_the_latest_hour_in_any_order(
    records: list[tuple[str, int]], chance: random.Random
) -> None:
    shuffled = records[:]
    chance.shuffle(shuffled)
    one, other = identity(), identity()
    for name, hour in records:
        latest_name(one, name, hour)
    for name, hour in shuffled:
        latest_name(other, name, hour)
    assert (one.name, one.named) == (other.name, other.named)
    assert one.named == max(hour for _, hour in records)


def test_a_record_without_a_name_takes_none_away() -> None:
    memory = identity()
    latest_name(memory, "invoices", 5)
    latest_name(memory, None, 9)
    assert (memory.name, memory.named) == ("invoices", 5)


@pytest.mark.untraced
@given(owned, st.randoms(use_true_random=False))
def test_the_earliest_record_says_whose_an_object_id_is_in_any_order(
    records: list[tuple[str, float]], chance: random.Random
) -> None:
    shuffled = records[:]
    chance.shuffle(shuffled)
    one: dict[str, Alias] = {}
    other: dict[str, Alias] = {}
    for owner, since in records:
        teach(one, "object", owner, since, 10)
    for owner, since in shuffled:
        teach(other, "object", owner, since, 10)
    assert one == other
    since, owner = min((since, owner) for owner, since in records)
    assert (one["object"].owner, one["object"].since) == (owner, since)


def test_what_is_known_already_is_no_news() -> None:
    aliases: dict[str, Alias] = {}
    assert teach(aliases, "object", "b", 600.0, 10)
    assert not teach(aliases, "object", "b", 600.0, 10)
    assert not teach(aliases, "object", "a", 1200.0, 10)
    assert teach(aliases, "object", "a", 600.0, 10)


def test_a_flood_of_object_ids_cannot_grow_the_memory() -> None:
    aliases: dict[str, Alias] = {}
    for n in range(1000):
        assert teach(aliases, f"object {n}", "owner", 0.0, 10) == (n < 10)
    assert len(aliases) == 10
    assert teach(aliases, "object 3", "earlier", -600.0, 10)
