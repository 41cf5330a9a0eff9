"""What a key can be held to: models, endpoints, networks."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from headworks.dataplane.flow import ENDPOINTS
from headworks.kernel.errors import Invalid
from headworks.kernel.text import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_MODELS = 256
_MODEL_BYTES = 256
_MOST_NETWORKS = 128


def check_models(models: Iterable[str] | None) -> tuple[str, ...] | None:
    """Names without repetition, in their order. Raises Invalid."""
    if models is None:
        return None
    names = tuple(dict.fromkeys(models))
    if not names:
        raise Invalid.field("allowed_models", "empty", "must name a model; use null to allow every model")
    if len(names) > _MOST_MODELS:
        raise Invalid.field("allowed_models", "too_many", f"must not name more than {_MOST_MODELS} models")
    for number, name in enumerate(names):
        if not name or len(name.encode(errors="replace")) > _MODEL_BYTES or not name.isprintable():
            raise Invalid.field(
                f"allowed_models.{number}", "malformed", f"must be 1 to {_MODEL_BYTES} bytes that can be printed"
            )
    return names


def check_endpoints(endpoints: Iterable[str] | None) -> tuple[str, ...] | None:
    """Inference endpoints without repetition, in their order. Raises Invalid."""
    if endpoints is None:
        return None
    names = tuple(dict.fromkeys(endpoints))
    if not names:
        raise Invalid.field("allowed_endpoints", "empty", "must name an endpoint; use null to allow every one")
    for number, name in enumerate(names):
        if name not in ENDPOINTS:
            near = nearest(name[:_MODEL_BYTES], ENDPOINTS) or ENDPOINTS
            raise Invalid.field(
                f"allowed_endpoints.{number}", "unknown_endpoint", f"is no endpoint; there is {', '.join(near)}"
            )
    return names


def check_networks(networks: Iterable[str] | None) -> tuple[str, ...] | None:
    """Networks in CIDR notation, written in one way, without repetition. Raises Invalid."""
    if networks is None:
        return None
    names = tuple(dict.fromkeys(_network(number, text) for number, text in enumerate(networks)))
    if not names:
        raise Invalid.field("allowed_addresses", "empty", "must name a network; use null to allow every address")
    if len(names) > _MOST_NETWORKS:
        raise Invalid.field("allowed_addresses", "too_many", f"must not name more than {_MOST_NETWORKS} networks")
    return names


def is_within(address: str | None, networks: Iterable[str]) -> bool:
    """Whether an address is in one of the networks. One that is not known, or cannot be read, is in none."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    # Who listens on both protocols sees IPv4 callers under a mapped address.
    plain = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped else found
    return any(plain in ipaddress.ip_network(network) for network in networks)


def _network(number: int, text: str) -> str:
    field = f"allowed_addresses.{number}"
    try:
        network = ipaddress.ip_network(text, strict=False)
        is_exact = "/" not in text or ipaddress.ip_interface(text).ip == network.network_address
    except ValueError:
        raise Invalid.field(
            field, "malformed", "must be an address or a network, such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32"
        ) from None
    if not is_exact:
        raise Invalid.field(field, "has_host_bits", f"has bits beyond its prefix; did you mean {network}?")
    if isinstance(network, ipaddress.IPv6Network) and (
        network.network_address.ipv4_mapped or network.network_address.scope_id
    ):
        raise Invalid.field(field, "malformed", "must be written as IPv4, or without a zone")
    return str(network)
