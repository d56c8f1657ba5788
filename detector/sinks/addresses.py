"""Which addresses a sink may talk to.

The URLs of sinks come from the configuration alone, yet a name in them is resolved by others: whoever answers for it
could point it at a metadata service or into the cluster. So only addresses of the public Internet are allowed, unless
the configuration lists their network. Sources: the IANA special-purpose address registries (RFC 6890, RFC 8190),
RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo); the metadata addresses are those the clouds document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_SPECIAL: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "::/96",  # unspecified, loopback, IPv4-compatible
        "64:ff9b:1::/48",  # local-use NAT64
        "100::/64",  # discard
        "2001::/23",  # protocol assignments, Teredo, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)
_METADATA: Final[frozenset[Address]] = frozenset(
    ip_address(text)
    for text in (
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure platform
        "169.254.169.254",  # Azure, AWS, Google Cloud and others
        "169.254.170.2",  # AWS container credentials
        "192.0.0.192",  # Oracle Cloud
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google Cloud
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NUMERIC: Final = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")


class AddressRefusedError(OSError):
    """A sink was about to be reached at an address that is not allowed; the message names no address."""


def refused(address: Address, allowed: Iterable[Network] = ()) -> bool:
    """Whether an address must not be talked to.

    An IPv4 address inside an IPv6 one (mapped, NAT64) is judged as that IPv4 address. A metadata service is allowed
    only by an entry for its address alone, never by a wider network.
    """
    inner = _inner(address)
    if inner in _METADATA:
        return not any(inner in network and network.prefixlen == network.max_prefixlen for network in allowed)
    if any(inner in network for network in allowed):
        return False
    return any(inner in network for network in _SPECIAL)


def literal(host: str) -> Address | None:
    """The address that a host of a URL spells out, `None` when it is a name.

    Raises:
        AddressRefusedError: It spells an IPv4 address in another way than `a.b.c.d` in decimal: the resolver of the
            system would understand octal, hexadecimal, short and plain-number forms, and no honest URL has them.
    """
    bare = host.rstrip(".").partition("%")[0]
    try:
        return ip_address(bare)
    except ValueError:
        pass
    if _NUMERIC.fullmatch(bare.rpartition(".")[2]) or ":" in bare:
        raise AddressRefusedError("The host of the URL is an address in an unusual form.")
    return None


def _inner(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    # Without the zone, which networks know nothing of.
    return IPv6Address(int(address))
