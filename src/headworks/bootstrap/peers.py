"""How the processes of an installation know each other: TLS with certificates on both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from headworks.bootstrap.settings import Settings


def server_credentials(settings: Settings) -> grpc.ServerCredentials:
    """Lets in whom our authority vouches for. Raises OSError."""
    authority, certificate, key = _files(settings)
    return grpc.ssl_server_credentials([(key, certificate)], root_certificates=authority, require_client_auth=True)


def channel_credentials(settings: Settings) -> grpc.ChannelCredentials:
    """Believes whom our authority vouches for. Raises OSError."""
    authority, certificate, key = _files(settings)
    return grpc.ssl_channel_credentials(authority, key, certificate)


def _files(settings: Settings) -> tuple[bytes, bytes, bytes]:
    if settings.peer_ca is None or settings.peer_cert is None or settings.peer_key is None:
        raise ValueError("HEADWORKS_PEER_CA, HEADWORKS_PEER_CERT and HEADWORKS_PEER_KEY are needed")
    return settings.peer_ca.read_bytes(), settings.peer_cert.read_bytes(), settings.peer_key.read_bytes()
