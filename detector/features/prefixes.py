"""A set of networks that an address is looked up in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address
from typing import Final

Network = IPv4Network | IPv6Network

_VERSIONS: Final = (4, 6)


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Networks, IPv4 and IPv6. Looking an address up costs one binary search, however many there are."""

    networks: tuple[Network, ...]
    """As declared."""
    _starts: dict[int, list[int]] = field(init=False, repr=False, compare=False)
    """By version, first addresses of networks that do not overlap, rising."""
    _ends: dict[int, list[int]] = field(init=False, repr=False, compare=False)
    """Their last addresses."""

    def __post_init__(self) -> None:
        starts: dict[int, list[int]] = {}
        ends: dict[int, list[int]] = {}
        for version in _VERSIONS:
            merged = _merged(self.networks, version)
            starts[version] = [int(network.network_address) for network in merged]
            ends[version] = [int(network.broadcast_address) for network in merged]
        object.__setattr__(self, "_starts", starts)
        object.__setattr__(self, "_ends", ends)

    def __contains__(self, address: str) -> bool:
        """Whether an address, in its canonical text, lies in one of the networks; text that is no address does not."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        number = int(parsed)
        place = bisect_right(self._starts[parsed.version], number) - 1
        return place >= 0 and number <= self._ends[parsed.version][place]


def _merged(networks: Iterable[Network], version: int) -> list[Network]:
    """The networks of one version without those that others hold, rising."""
    of_version: list[IPv4Network] | list[IPv6Network]
    if version == 4:
        of_version = [network for network in networks if isinstance(network, IPv4Network)]
        return list(collapse_addresses(of_version))
    of_version = [network for network in networks if isinstance(network, IPv6Network)]
    return list(collapse_addresses(of_version))
