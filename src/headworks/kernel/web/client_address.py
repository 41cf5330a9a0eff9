"""Where a request comes from."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.datastructures import Headers


def client_address(headers: Headers) -> str | None:
    """By the engine's word, which alone speaks to us and knows which proxies are believed; None where it says nothing."""
    try:
        return str(ipaddress.ip_address(headers.get("x-headworks-client-address", "")))
    except ValueError:
        return None
