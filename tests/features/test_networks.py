"""Where a key signs in from: what is new is said at the widest level, and what is absent is not new."""

from __future__ import annotations

import pytest

from detector.domain.events import Origin
from detector.features.known import chance_of_new
from detector.features.networks import CAPACITY, Networks, Places, places
from detector.features.timeline import HOUR, NEVER, Horizon

START = 490_000
HOME: Places = ("p192.0.2.0/24", "a64496", "cSE")
FEATURE = Networks(Horizon.of(HOUR, 1200.0))


def settled(*where: Places) -> dict[str, int]:
    """A memory that has known these places for long."""
    memory: dict[str, int] = {}
    for place in where or (HOME,):
        FEATURE.observe(memory, place, START - 100)
    return memory


@pytest.mark.parametrize(
    ("where", "level"),
    [
        (HOME, None),
        (("p198.51.100.0/24", "a64496", "cSE"), "prefix"),
        (("p198.51.100.0/24", "a64500", "cSE"), "asn"),
        (("p198.51.100.0/24", "a64500", "cBR"), "country"),
        (("p198.51.100.0/24", "a64496", "cBR"), "country"),
        (("p198.51.100.0/24", None, None), "prefix"),
        ((None, "a64500", "cSE"), "asn"),
        ((None, "a64496", "cSE"), None),
        ((None, None, "cBR"), "country"),
        ((None, None, None), None),
    ],
)
def test_the_widest_unknown_level_is_said(where: Places, level: str | None) -> None:
    assert FEATURE.observe(settled(), where, START) == level


def test_inside_a_known_prefix_nothing_is_new() -> None:
    memory = settled()
    assert FEATURE.observe(memory, ("p192.0.2.0/24", "a64500", "cBR"), START) is None
    assert "a64500" not in memory


def test_no_address_teaches_nothing() -> None:
    memory: dict[str, int] = {}
    assert FEATURE.observe(memory, (None, None, None), START) is None
    assert memory == {}


def test_a_new_prefix_stays_new_until_its_first_hour_is_final() -> None:
    memory, other = settled(), ("p198.51.100.0/24", "a64496", "cSE")
    assert [FEATURE.observe(memory, other, START + hour) for hour in range(4)] == ["prefix", "prefix", None, None]


def test_places_are_tagged_by_level_and_absent_where_the_record_is_silent() -> None:
    origin = Origin(ip="192.0.2.7", prefix="192.0.2.0/24", asn=64496, country="SE")
    assert places(origin) == HOME
    assert places(Origin(ip=None, prefix=None, asn=None, country=None)) == (None, None, None)
    assert places(Origin(ip=None, prefix=None, asn=0, country=None)) == (None, "a0", None)


def test_the_chance_counts_the_networks_of_its_own_level() -> None:
    memory = settled(HOME, ("p198.51.100.0/24", "a64496", "cSE"), ("p203.0.113.0/24", "a64500", "cSE"))
    FEATURE.observe(memory, ("p2001:db8::/48", "a64501", "cBR"), START)  # not known yet
    for level, kinds in (("prefix", 3), ("asn", 2), ("country", 1)):
        assert FEATURE.chance(memory, level, START, 99.0) == (chance_of_new(kinds, 99.0), kinds)  # type: ignore[arg-type]


def test_networks_seen_again_stay_known() -> None:
    memory = settled()
    FEATURE.observe(memory, HOME, START)
    assert memory["p192.0.2.0/24"] == START
    assert FEATURE.chance(memory, "prefix", START, 9.0)[1] == 1


def test_rotating_proxies_cannot_grow_the_memory() -> None:
    memory = settled()
    for n in range(2000):
        assert FEATURE.observe(memory, (f"p2001:db8:{n:x}::/48", "a64500", "cSE"), START) == "asn"
    assert len(memory) == CAPACITY
    assert FEATURE.observe(memory, HOME, START) is None


def test_a_place_without_a_prefix_is_settled_for_good_and_one_without_room_never() -> None:
    memory, networks = dict[str, int](), FEATURE
    assert networks.meet(memory, (None, "a1", "cSE"), START) == ("country", NEVER)
    memory.update((f"p{number}", START) for number in range(CAPACITY))
    assert networks.meet(memory, ("pnew", "anew", "cnew"), START) == ("country", START)
    assert networks.meet(memory, (None, "anew", None), START) == ("asn", START)
    assert networks.meet(memory, (None, None, "cnew"), START) == ("country", START)
