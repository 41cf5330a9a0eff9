"""How the processes of an installation know each other: TLS with certificates on both ends, or plain text on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from headworks.bootstrap.settings import Settings


def server_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """Lets in whom our authority vouches for; None without certificates. Raises OSError."""
    files = _files(settings)
    if files is None:
        return None
    authority, certificate, key = files
    return grpc.ssl_server_credentials([(key, certificate)], root_certificates=authority, require_client_auth=True)


def channel_credentials(settings: Settings) -> grpc.ChannelCredentials | None:
    """Believes whom our authority vouches for; None without certificates. Raises OSError."""
    files = _files(settings)
    if files is None:
        return None
    authority, certificate, key = files
    return grpc.ssl_channel_credentials(authority, key, certificate)


def _files(settings: Settings) -> tuple[bytes, bytes, bytes] | None:
    if settings.peer_ca is None or settings.peer_cert is None or settings.peer_key is None:
        return None
    return settings.peer_ca.read_bytes(), settings.peer_cert.read_bytes(), settings.peer_key.read_bytes()
