"""What browsers bring and need: the cookies that carry a session, and proof that a request comes from our own pages.

Cookies are for this host alone (`__Host-`), never for scripts, and never sent along from other sites (`SameSite`). A
request that may change something needs the session's CSRF token besides, and its Origin and Sec-Fetch-Site, where the
browser sends them, must be ours.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from headworks.kernel.errors import Forbidden

if TYPE_CHECKING:
    from fastapi import Request, Response

CSRF_HEADER: Final = "x-csrf-token"
REFRESH_PATH: Final = "/api/v1/auth"
"""The refresh token is sent nowhere else, so its cookie cannot have the prefix `__Host-`, which wants the path `/`."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PORTS: Final = {"http": 80, "https": 443}


class CrossSiteRequest(Forbidden):
    """A browser's request that another site made."""

    code = "cross_site_request"


def may_change(request: Request) -> bool:
    """Whether the method is one that can change something."""
    return request.method not in _SAFE


def is_plain_loopback(request: Request) -> bool:
    """Plain HTTP within one machine: the only place where cookies go without TLS."""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    return (
        request.headers.get("x-forwarded-proto") == "http"
        and from_loopback(request)
        and (host == "localhost" or _is_loopback(host))
    )


def cookie_names(request: Request) -> tuple[str, str, str]:
    """What the cookies of access token, refresh token and CSRF token are called."""
    if is_plain_loopback(request):
        return "headworks-access", "headworks-refresh", "headworks-csrf"
    return "__Host-headworks-access", "__Secure-headworks-refresh", "__Host-headworks-csrf"


def set_cookie(
    response: Response, request: Request, name: str, value: str, seconds: int, *, scripts: bool = False
) -> None:
    """Set one of the three; `scripts` lets our own pages read it. No seconds at all removes it."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=REFRESH_PATH if name == cookie_names(request)[1] else "/",
        secure=not is_plain_loopback(request),
        httponly=not scripts,
        samesite="lax",
    )


def check_same_site(request: Request) -> None:
    """Raises CrossSiteRequest where the browser says that another site made the request."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site not in (None, "same-origin") or (origin is not None and _place(origin) != _own_place(request)):
        raise CrossSiteRequest("The request was made by a page of another site; it was refused, and changed nothing.")


def from_loopback(request: Request) -> bool:
    """By the engine's word, which alone speaks to us. Every hop must be this machine: any other was forwarded."""
    hops = [hop.strip() for value in request.headers.getlist("x-forwarded-for") for hop in value.split(",")]
    return bool(hops) and all(_is_loopback(hop) for hop in hops)


def _own_place(request: Request) -> tuple[str, int | None] | None:
    """The host and port that the request was sent to; the port None where it goes without saying."""
    return _split(f"//{request.headers.get('host', '')}")


def _place(origin: str) -> tuple[str, int | None] | None:
    """Host and port of an Origin; the scheme is left out, since TLS may end before us."""
    scheme = origin.partition("://")[0]
    found = _split(origin) if scheme in _PORTS else None
    return None if found is None else (found[0], None if found[1] == _PORTS[scheme] else found[1])


def _split(text: str) -> tuple[str, int | None] | None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None:
        return None
    return parts.hostname, None if port in _PORTS.values() and "://" not in text else port


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
