"""Where sign-ins come from, in documentation address ranges only (RFC 5737, RFC 3849, RFC 9637).

There are just three IPv4 /24 of that kind, so most networks are a /48 of 2001:db8::/32, or of 3fff::/20 in large
tenants. The operator (ASN) and the country are fields of a record, not facts of an address: any network may claim any.
Operators other than the tenant's cloud bear documentation ASNs (RFC 5398).
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

CLOUD_ASN: Final = 8075
"""Microsoft's: where agents hosted in Azure come from."""

_IN_ROOM: Final = 255
"""/48 prefixes of a room in 2001:db8::/32."""
_IPV4: Final = ("203.0.113", "198.51.100", "192.0.2")


@dataclass(frozen=True, slots=True)
class Place:
    """Coarse geography as sign-in records state it."""

    city: str
    state: str
    country: str
    latitude: float
    longitude: float


HOME_PLACES: Final = (
    Place("Dublin", "Dublin", "IE", 53.35, -6.24),
    Place("Amsterdam", "Noord-Holland", "NL", 52.37, 4.9),
    Place("Frankfurt am Main", "Hessen", "DE", 50.11, 8.68),
    Place("Gavle", "Gavleborgs Lan", "SE", 60.67, 17.14),
)
FOREIGN_PLACES: Final = (
    Place("Curitiba", "Parana", "BR", -25.43, -49.27),
    Place("Cebu City", "Cebu", "PH", 10.32, 123.89),
    Place("Durban", "KwaZulu-Natal", "ZA", -29.86, 31.02),
    Place("Medellin", "Antioquia", "CO", 6.25, -75.56),
    Place("Izmir", "Izmir", "TR", 38.42, 27.14),
)


@dataclass(frozen=True, slots=True)
class Network:
    """One address prefix of one operator in one country."""

    cidr: str
    """The /24 or /48."""
    asn: int
    place: Place
    addresses: tuple[str, ...]
    """The addresses in regular use; autoscaling brings more from the same prefix."""

    def address(self, number: int) -> str:
        """Give the address of a host number: one in regular use where there is one, else another of the prefix."""
        if number < len(self.addresses):
            return self.addresses[number]
        return _host(self.cidr, 100 + number)


@dataclass(frozen=True, slots=True)
class Origin:
    """The address and network of one sign-in."""

    address: str
    network: Network


def _host(cidr: str, number: int) -> str:
    base = cidr.partition("/")[0]
    if base.endswith("::"):
        return f"{base[:-2]}:{number // 16 + 1:x}::{number % 16 + 4:x}"
    return f"{base.rpartition('.')[0]}.{number % 250 + 2}"


class Registry:
    """Hands out prefixes, each one once: three IPv4 prefixes first, then /48 prefixes.

    Every `room` (the tenant, each attack) has its own block of prefixes, so what one draws moves nothing elsewhere.
    """

    def __init__(self, room: int, *, ipv4: bool = False, half: int = 0) -> None:
        """Open the block of a room, 0 to 255: 255 prefixes, and more elsewhere when they are used up.

        Each `half` (0 or 1) of a block may serve one guest.
        """
        self._room = room
        self._ipv4 = list(_IPV4) if ipv4 else []
        self._next = 128 * half

    def network(self, rng: Random, *, asn: int, place: Place, hosts: int) -> Network:
        """Allot a fresh prefix with `hosts` addresses in use."""
        if self._ipv4:
            cidr = f"{self._ipv4.pop(0)}.0/24"
        else:
            cidr = self._block(self._next)
            self._next += 1
        numbers = sorted(rng.sample(range(8, 96), hosts))
        return Network(cidr, asn, place, tuple(_host(cidr, number) for number in numbers))

    def _block(self, number: int) -> str:
        """Give the /48 of a number; a room that is full goes on in 3fff::/20."""
        if number < _IN_ROOM:
            return f"2001:db8:{(self._room << 8) + number + 1:x}::/48"
        beyond = number - _IN_ROOM
        return f"3fff:{(self._room << 4) + (beyond >> 16):x}:{beyond & 0xFFFF:x}::/48"
