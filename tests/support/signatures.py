"""A client that signs with a library which knows RFC 9421 and nothing of Headworks."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

COVERED = ("@method", "@target-uri")


@dataclass
class Signed(httpx.Auth):
    """Signs each request as it is sent."""

    key_id: str
    secret: str
    covered: tuple[str, ...] = COVERED
    """Besides the body and the headers that have to be."""
    created: datetime | None = None
    nonce: str | None = None
    """None for another one each time."""
    also: list[str] = field(default_factory=list)
    """More headers to cover."""

    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """As httpx asks for it."""
        names = [name for name in ("content-type", *self.also) if name in request.headers]
        secret = self.secret.encode()
        signer = HTTPMessageSigner(
            signature_algorithm=algorithms.HMAC_SHA256,
            key_resolver=MappingKeyResolver(public_keys={}, private_keys={self.key_id: secret}),
        )
        signer.sign(
            request,
            key_id=self.key_id,
            created=self.created,
            nonce=self.nonce or secrets.token_urlsafe(24),
            covered_component_ids=(*self.covered, *names),
            body=request.content or None,
        )
        yield request


def signing_client(url: str, key_id: str, secret: str) -> httpx.Client:
    """A client that signs whatever it sends."""
    return httpx.Client(base_url=url, auth=Signed(key_id, secret), trust_env=False, timeout=30)
