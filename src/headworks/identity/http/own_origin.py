"""How browsers reach this server: what the installation says, or what the request says where nothing can be between."""

from __future__ import annotations

import re
from typing import Final

from fastapi import Request

from headworks.identity.errors import PublicUrlNeeded
from headworks.identity.settings import SsoSettings
from headworks.kernel.web import is_plain_loopback

CALLBACK: Final = "/api/v1/auth/sso/callback"
_HOST = re.compile(r"[a-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-f:.]{2,45}\](:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)


def own_origin(request: Request, settings: SsoSettings) -> str:
    """Scheme, host and port. Raises PublicUrlNeeded."""
    if settings.public_url:
        return settings.public_url
    host = request.headers.get("host", "")
    is_tls = request.headers.get("x-forwarded-proto") == "https"
    if not _HOST.fullmatch(host) or not (is_tls or is_plain_loopback(request)):
        raise PublicUrlNeeded(
            "This server does not know how browsers reach it: its operator has to set HEADWORKS_PUBLIC_URL, such as "
            "https://gateway.example.com."
        )
    return f"{'https' if is_tls else 'http'}://{host}"


def redirect_uri(request: Request, settings: SsoSettings) -> str:
    """Where directories send people back to; it is registered there. Raises PublicUrlNeeded."""
    return own_origin(request, settings) + CALLBACK


def is_elsewhere(request: Request, settings: SsoSettings) -> bool:
    """Whether the request came by another host than browsers come back to, so that they would not bring their cookie."""
    return bool(settings.public_url) and settings.public_url.partition("://")[2] != request.headers.get("host", "")
