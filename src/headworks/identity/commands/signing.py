"""Signs access tokens with the newest key, and makes a newer one when it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.domain.signing import is_due, new_signing_key, open_private, retired
from headworks.identity.domain.tokens import Claims, sign
from headworks.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from headworks.identity.contracts import Session
    from headworks.identity.domain.signing import StoredSigningKey
    from headworks.identity.ports import SignInStore
    from headworks.identity.settings import SignInSettings
    from headworks.kernel.secrets import Sealer, Secret


class Signer:
    """Holds the opened private key for as long as it signs."""

    def __init__(self, store: SignInStore, sealer: Sealer, settings: SignInSettings) -> None:
        self._store = store
        self._sealer = sealer
        self._settings = settings
        self._stored: Sequence[StoredSigningKey] = ()
        self._private: EllipticCurvePrivateKey | None = None

    async def access_token(self, session: Session, at: datetime) -> tuple[Secret, datetime]:
        """A token for `session` that begins now, and when it ends. It never outlives its session."""
        key, private = await self._current(at)
        expires_at = min(at + self._settings.access_life, session.expires_at)
        claims = Claims(session.user_id, session.organization_id, session.id, new_id("tok"), at, expires_at)
        return sign(claims, key.id, private, self._settings.issuer), expires_at

    async def _current(self, at: datetime) -> tuple[StoredSigningKey, EllipticCurvePrivateKey]:
        life = self._settings.signing_key_life
        if self._private is None or is_due(self._stored, life, at):
            self._stored = await self._load(life, at)
            self._private = open_private(self._stored[0], self._sealer)
        return self._stored[0], self._private

    async def _load(self, life: timedelta, at: datetime) -> Sequence[StoredSigningKey]:
        """What is stored, and a new key where that is due: another process may have made it already."""
        async with self._store.transaction() as unit:
            stored = await unit.signing_keys()
            if is_due(stored, life, at):
                made = new_signing_key(self._sealer, at)
                await unit.add_signing_key(made)
                stored = [made, *stored]
            over = retired(stored, self._settings.access_life, at)
            await unit.remove_signing_keys(over)
            return [key for key in stored if key.id not in over]
