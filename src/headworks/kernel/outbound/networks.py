"""Which IP addresses may be called: always, where an operator allows it, or never.

The engine asks the same of every address that it connects to, in `engine/src/upstream/guard.rs`; the tests of both read
one list.
"""

from __future__ import annotations

import ipaddress
from typing import Literal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Kind = Literal["public", "private", "never"]

_NEVER = tuple(
    ipaddress.ip_network(block)
    for block in (
        # RFC 6890: this network, link-local, protocol assignments, documentation, benchmarks, multicast, reserved.
        *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
        *("::/16", "64:ff9b::/32", "100::/16", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fe80::/9"),
        "ff00::/8",
        # Clouds' services for their own machines, metadata among them, that are not link-local.
        *("100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::/32", "fd20:ce::/32"),
    )
)
_PRIVATE = tuple(
    ipaddress.ip_network(block)
    for block in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
    )
)
_EMBEDDING = tuple(
    ipaddress.ip_network(block) for block in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
"""Compatible, mapped, translated (RFC 7915) and NAT64 (RFC 6052) addresses: an IPv4 address is their end."""
_6TO4 = ipaddress.ip_network("2002::/16")


def kind_of_host(host: str) -> Kind:
    """Of an address; `public` for every name, since what it leads to is only known when it is looked up."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "public"
    return kind_of(address)


def kind_of(address: Address) -> Kind:
    """Whether an address may be called."""
    meant = _embedded(address) or address
    if address != ipaddress.IPv6Address("::1") and any(meant in block for block in _NEVER):
        return "never"
    return "private" if any(meant in block for block in _PRIVATE) else "public"


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if address.version == 4 or address in (ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")):  # noqa: PLR2004 - IP's own number
        return None
    if any(address in block for block in _EMBEDDING):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _6TO4:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return None
