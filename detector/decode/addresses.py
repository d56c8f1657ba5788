"""Addresses in every spelling that exporters use."""

from __future__ import annotations

import ipaddress

from detector.decode.texts import text


def address(value: str | None) -> str | None:
    """The canonical text of an IPv4 or IPv6 address, or `None` when the record gives none that can be read.

    Accepts `ip:port`, `[v6]:port` and a zone suffix. An IPv4 address mapped into IPv6 is IPv4. Absent, empty,
    `<null>` and malformed (`::2a02:...` with nine groups was seen) all give `None`: no address is not a new one.
    """
    parsed = _parse(value)
    return None if parsed is None else str(parsed)


def network(value: str | None) -> tuple[str | None, str | None]:
    """The address and its prefix: the /24 of an IPv4 or the /48 of an IPv6 address, in CIDR text."""
    parsed = _parse(value)
    if parsed is None:
        return None, None
    if isinstance(parsed, ipaddress.IPv4Address):
        ip = str(parsed)
        return ip, f"{ip.rpartition('.')[0]}.0/24"
    return str(parsed), f"{_first_three(int(parsed) >> 80)}::/48"


def _first_three(number: int) -> str:
    """Three groups of an IPv6 address that ends in zeros, as RFC 5952 writes them before the `::`."""
    groups = [number >> 32, number >> 16 & 0xFFFF, number & 0xFFFF]
    while groups and not groups[-1]:
        groups.pop()
    return ":".join(f"{group:x}" for group in groups)


def _parse(value: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    kept = text(value)
    if kept is None:
        return None
    if kept.startswith("["):
        kept = kept[1:].partition("]")[0]
    elif kept.count(":") == 1:
        kept = kept.partition(":")[0]
    try:
        bare = kept.partition("%")[0]
        parsed = ipaddress.IPv6Address(bare) if ":" in bare else ipaddress.IPv4Address(bare)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
