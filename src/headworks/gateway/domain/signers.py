"""What the engine needs to know who signed a request. What the signer may do, it asks afterwards, as for every key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.dataplane.flow import Flow, Signing, SigningSecret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.gateway.domain.flows import Lifetime
    from headworks.identity import contracts as identity
    from headworks.identity.contracts import KeyView


def flow(key: KeyView, secrets: Sequence[identity.SigningSecret], lasts: Lifetime) -> Flow:
    """Also of a key that was revoked or has expired: only who holds it is told so."""
    return Flow(
        organization_id=key.organization_id,
        project_id=key.project_id,
        key_id=key.id,
        model="",
        fresh_ms=lasts.fresh_ms,
        hard_ms=lasts.hard_ms,
        signing=Signing(tuple(_plain(secret) for secret in secrets)),
    )


def _plain(secret: identity.SigningSecret) -> SigningSecret:
    return SigningSecret(secret.secret.reveal(), None if secret.until is None else int(secret.until.timestamp()))
