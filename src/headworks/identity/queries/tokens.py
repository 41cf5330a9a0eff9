"""Access tokens are proved once: parsing one and checking its signature takes a tenth of a request, and people send theirs again.

Only what cannot change is remembered. That its key is still published, that it is not over, and what its session may do is asked
each time.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from headworks.identity.domain.tokens import key_id_of, proven
from headworks.identity.errors import InvalidToken
from headworks.identity.queries.strangers import pay
from headworks.kernel.strangers import Strangers

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from headworks.identity.domain.tokens import Proven
    from headworks.identity.ports import SignInStore

MOST: Final = 4_096
"""Tokens that are remembered, of about a kilobyte each."""


class PublicKeys:
    """What verifies access tokens: every key that is published."""

    def __init__(self, store: SignInStore, strangers: Strangers | None = None) -> None:
        """`strangers` limits how often a source may name keys that are not ours; None for no limit."""
        self._store = store
        self._strangers = strangers or Strangers()
        self._keys: dict[str, EllipticCurvePublicKey] = {}

    async def get(self, key_id: str, source: str | None = None) -> EllipticCurvePublicKey:
        """Raises InvalidToken for one that is not, or no longer, ours, and TooManyUnknownKeys."""
        if key_id not in self._keys:
            await self._look_again(key_id, source)
        try:
            return self._keys[key_id]
        except KeyError:
            raise InvalidToken(
                "The access token is not valid: no key of this server signed it. Sign in again."
            ) from None

    async def _look_again(self, key_id: str, source: str | None) -> None:
        """Only a key that another process made is new; who makes ids up pays for each look."""
        pay(self._strangers, source)
        try:
            async with self._store.read() as reading:
                # Whole, so that retired ones go.
                self._keys = {key.id: key.public_key() for key in await reading.signing_keys()}
        except BaseException:
            self._strangers.give_back(source)
            raise
        if key_id in self._keys:
            self._strangers.give_back(source)

    async def published(self) -> list[dict[str, str]]:
        """The JWKS (RFC 7517), the newest first."""
        async with self._store.read() as reading:
            return [key.published() for key in await reading.signing_keys()]


class Tokens:
    """What access tokens say that a published key has signed; the ones that were sent last are remembered by their digest."""

    def __init__(self, keys: PublicKeys, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._known: OrderedDict[bytes, tuple[str, EllipticCurvePublicKey, Proven]] = OrderedDict()

    async def proven(self, token: str, source: str | None) -> Proven:
        """Raises InvalidToken, and TooManyUnknownKeys. Whether it is over by now is for the caller to ask."""
        # Not the token itself: who reads our memory is not to find what opens a session.
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        key_id = key_id_of(token) if known is None else known[0]
        key = await self._keys.get(key_id, source)
        if known is not None and known[1] is key:
            self._known.move_to_end(digest)
            return known[2]
        found = proven(token, key, self._issuer)
        self._known[digest] = (key_id, key, found)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return found
