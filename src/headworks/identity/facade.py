"""The door for other contexts and for bootstrap: frozen values in, frozen values out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from headworks.identity.commands import first_start
from headworks.identity.commands.first_start import FirstKeys
from headworks.identity.domain import request_signing
from headworks.identity.domain.directory import USED_AGAIN, is_directory_token
from headworks.identity.queries import directory, keys

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from datetime import datetime

    from headworks.identity.contracts import KeyView, SigningSecret, User
    from headworks.identity.ports import Installation, Store
    from headworks.kernel.clock import Clock
    from headworks.kernel.principal import Principal
    from headworks.kernel.secrets import Sealer

__all__ = ["OPERATOR_EMAIL", "FirstKeys", "Foothold", "IdentityFacade"]

Kind = Literal["organization", "project", "key", "user"]
"""What can be asked for by its id."""

OPERATOR_EMAIL: Final = "operator@localhost"
"""Of the first operator, where nobody said another."""


@dataclass(frozen=True, slots=True)
class Foothold:
    """Where an installation begins."""

    organization_id: str
    keys: FirstKeys | None
    """Where they were just made."""
    operator: User | None = None
    """Where it was just made."""


async def _nothing(_unit: Installation, _operator: User) -> None:
    """The operator comes in by the first management key."""


@dataclass(frozen=True, slots=True)
class IdentityFacade:
    """Identity, as the rest of Headworks sees it."""

    store: Store
    clock: Clock
    sealer: Sealer | None = None
    """Opens what keys sign with; None where nobody asks for that."""

    async def find_key_by_hash(self, key_hash: str) -> KeyView | None:
        """The key with this SHA-256 (hex), whatever its state; None when there is none."""
        async with self.store.prove() as proofs:
            return await proofs.key_by_hash(key_hash)

    async def authenticate(self, token: str, source: str | None = None) -> Principal:
        """Who holds this management key, or speaks for a directory. `source` is the caller's IP address, None where unknown.

        Raises InvalidKey, SignatureMissing, WrongKindOfKey, AddressNotAllowed, Unavailable.
        """
        if is_directory_token(token):
            return await self._directory(token)
        async with self.store.prove() as proofs:
            return await keys.authenticate(proofs, token, source, self.clock())

    async def authenticate_signer(self, signer: str, source: str | None = None) -> Principal:
        """Who signed a request. `signer` is the `signer_hash` of a key whose signature was verified. Raises as `authenticate`."""
        async with self.store.prove() as proofs:
            return await keys.authenticate_signer(proofs, signer, source, self.clock())

    def signing_secrets(self, key: KeyView, at: datetime) -> list[SigningSecret]:
        """With what the key signs at that moment; nothing for one that does not sign. Raises SealError."""
        return [] if self.sealer is None else request_signing.signing_secrets(key, self.sealer, at)

    async def _directory(self, token: str) -> Principal:
        at = self.clock()
        async with self.store.overlook() as overview:
            found = await directory.find_token(overview, token, at)
        if found.last_used_at is None or found.last_used_at + USED_AGAIN <= at:
            async with self.store.operate() as unit:
                await unit.record_directory_use(found.id, at)
        return directory.as_principal(found)

    async def key_names(self, organization_id: str, key_ids: Collection[str]) -> dict[str, str]:
        """The names of those of the organisation's keys that exist, by id."""
        async with self.store.read(organization_id) as reading:
            return await reading.keys.names(key_ids)

    async def has(self, organization_id: str, kind: Kind, thing: str) -> bool:
        """Whether the organisation has such a project, key or member, or is that organisation itself."""
        async with self.store.read(organization_id) as reading:
            if kind == "organization":
                return thing == organization_id and await reading.organization() is not None
            if kind == "project":
                return await reading.projects.get(thing) is not None
            if kind == "key":
                return await reading.keys.get(thing) is not None
            return await reading.members.of_user(thing) is not None

    async def ensure_access(
        self,
        *,
        has_credentials: bool,
        keep: Callable[[FirstKeys], None],
        operator_email: str = OPERATOR_EMAIL,
        welcome: Callable[[Installation, User], Awaitable[None]] = _nothing,
    ) -> Foothold:
        """The installation's first organisation; made here at a first start, with its project, operator and first keys.

        Where the credentials were lost, keys are made too. `keep` stores them before they are committed, so that no kill
        leaves valid keys that nobody has. `welcome` is told of a first operator in the same transaction, to give them a
        way to sign in. Raises Invalid for an email address that is none.
        """
        async with self.store.operate() as unit:
            at = self.clock()
            founder, is_new = await first_start.find_founder(unit, at)
            operator = await first_start.ensure_operator(unit, founder, operator_email, at)
            if operator is not None:
                await welcome(unit, operator)
            if has_credentials and not is_new:
                return Foothold(founder.organization_id, None, operator)
            made = await first_start.issue_first_keys(unit, founder, at)
            keep(made)
            return Foothold(founder.organization_id, made, operator)

    async def record_uses(self, last_uses: Mapping[str, datetime]) -> None:
        """Note when keys, by id, were used last."""
        async with self.store.operate() as unit:
            for key_id, at in last_uses.items():
                await unit.record_use(key_id, at)
