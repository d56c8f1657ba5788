"""An address lies in a set of networks or it does not, however many there are."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.prefixes import Prefixes

NETWORKS = Prefixes(
    tuple(
        map(ip_network, ("203.0.113.0/25", "203.0.113.128/25", "198.51.100.7/32", "203.0.113.64/26", "2001:db8::/48"))
    )
)


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("203.0.113.0", True),
        ("203.0.113.255", True),
        ("203.0.112.255", False),
        ("203.0.114.0", False),
        ("198.51.100.7", True),
        ("198.51.100.6", False),
        ("198.51.100.8", False),
        ("0.0.0.0", False),
        ("255.255.255.255", False),
        ("2001:db8:0:ffff::1", True),
        ("2001:db8:1::", False),
        ("::", False),
        ("", False),
        ("no address", False),
        ("203.0.113.1:80", False),
    ],
)
def test_an_address_is_inside_or_not(address: str, inside: bool) -> None:
    assert (address in NETWORKS) is inside


def test_nothing_lies_in_no_network() -> None:
    assert "203.0.113.1" not in Prefixes(())
    assert "2001:db8::1" not in Prefixes(())


def test_sets_of_the_same_networks_are_equal_and_shown_as_declared() -> None:
    networks = (ip_network("203.0.113.0/24"),)
    assert Prefixes(networks) == Prefixes(networks)
    assert Prefixes(networks) != Prefixes(())
    assert repr(Prefixes(networks)) == "Prefixes(networks=(IPv4Network('203.0.113.0/24'),))"


def networks(version: int) -> st.SearchStrategy[IPv4Network | IPv6Network]:
    bits = 32 if version == 4 else 128
    kind = IPv4Network if version == 4 else IPv6Network
    return st.builds(
        lambda number, prefix: kind((number >> (bits - prefix) << (bits - prefix), prefix)),
        st.integers(0, 2**bits - 1),
        st.integers(0, bits),
    )


@pytest.mark.untraced
@given(
    st.lists(networks(4) | networks(6), max_size=12),
    st.integers(0, 2**32 - 1).map(ip_address) | st.integers(2**32, 2**128 - 1).map(ip_address),
)
def test_it_says_what_looking_at_every_network_says(some: list[IPv4Network | IPv6Network], address: object) -> None:
    edges = [edge for network in some for edge in (network.network_address, network.broadcast_address)]
    found = Prefixes(tuple(some))
    for each in (address, *edges):
        assert (str(each) in found) == any(each in network for network in some)
