"""The sealed secrets of sign-in and of keys, for the rotation of the keyring."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from headworks.identity.adapters.sign_in_tables import refresh_tokens, second_factors, signing_keys
from headworks.identity.adapters.sso_tables import connections
from headworks.identity.adapters.tables import keys
from headworks.identity.domain.sealing import (
    client_secret_context,
    private_key_context,
    refresh_token_context,
    request_signing_context,
    second_factor_context,
)
from headworks.kernel.database import EVERYTHING
from headworks.kernel.secrets import SealError, key_id_of
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sqlalchemy import Column, Row, Table

    from headworks.kernel.database import Database
    from headworks.kernel.secrets import Sealer

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A column of sealed secrets, and the place that a row's secret is sealed for."""

    table: Table
    row_id: Column[str]
    sealed: Column[str]
    context: Callable[[Row[Any]], bytes]


_KINDS: Final = (
    _Kind(signing_keys, signing_keys.c.id, signing_keys.c.sealed_private, lambda row: private_key_context(row.id)),
    _Kind(
        second_factors,
        second_factors.c.user_id,
        second_factors.c.sealed_secret,
        lambda row: second_factor_context(row.user_id),
    ),
    _Kind(
        refresh_tokens,
        refresh_tokens.c.token_hash,
        refresh_tokens.c.successor,
        lambda row: refresh_token_context(row.session_id, row.generation),
    ),
    _Kind(keys, keys.c.id, keys.c.sealed_secret, lambda row: request_signing_context(row.id, row.key_hash)),
    _Kind(
        keys,
        keys.c.id,
        keys.c.previous_sealed_secret,
        lambda row: request_signing_context(row.id, row.previous_hash),
    ),
    _Kind(
        connections,
        connections.c.id,
        connections.c.sealed_secret,
        lambda row: client_secret_context(row.organization_id, row.id),
    ),
)
"""A refresh token without a successor has an empty one, and a connection with a reference none."""


class SealedInIdentity:
    """What `bootstrap.rotation` asks of a place that keeps sealed secrets."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def sealed_by(self) -> Counter[str]:
        """How many secrets each key seals. Raises DatabaseUnavailable."""
        found: Counter[str] = Counter()
        async with self._database.read(EVERYTHING) as connection:
            for kind in _KINDS:
                rows = await connection.execute(select(kind.sealed).where(kind.sealed != ""))
                found.update(key_id_of(sealed) for (sealed,) in rows)
        return found

    async def reseal(self) -> int:
        """Seal with the newest key what another one sealed; how many. Raises DatabaseUnavailable."""
        return sum([await self._reseal(kind) for kind in _KINDS])

    async def _reseal(self, kind: _Kind) -> int:
        async with self._database.read(EVERYTHING) as connection:
            rows = (await connection.execute(select(kind.table).where(kind.sealed != ""))).all()
        done = 0
        for row in rows:
            sealed = row._mapping[kind.sealed]  # noqa: SLF001 - SQLAlchemy's own name for it
            if key_id_of(sealed) == self._sealer.current:
                continue
            try:
                again = self._sealer.rewrap(sealed, kind.context(row))
            except SealError as error:
                _log.warning("a secret could not be sealed anew", table=kind.table.name, detail=error.detail)
                continue
            async with self._database.transaction(EVERYTHING) as connection:
                # Only what was read: who changed it meanwhile has sealed it with the newest key.
                change = update(kind.table).where(kind.row_id == row._mapping[kind.row_id], kind.sealed == sealed)  # noqa: SLF001
                done += (await connection.execute(change.values({kind.sealed: again}))).rowcount
        return done
