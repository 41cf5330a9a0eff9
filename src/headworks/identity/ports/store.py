"""How what is kept is opened: for one organisation, or, by another door, for the whole installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from headworks.identity.contracts import (
        DirectoryToken,
        EndReason,
        Invitation,
        KeyView,
        Organization,
        StoredPassword,
    )
    from headworks.identity.ports.directory import DirectoryStore
    from headworks.identity.ports.nouns import (
        Invitations,
        Keys,
        Members,
        Organizations,
        Projects,
        ServiceAccounts,
        Users,
    )
    from headworks.identity.ports.sso import SignOns, SsoConnections
    from headworks.kernel.audit import Change


class Reading(Protocol):
    """One organisation, and nothing of any other."""

    @property
    def organization_id(self) -> str:
        """The organisation that it was opened for."""

    @property
    def projects(self) -> Projects:
        """Its projects."""

    @property
    def keys(self) -> Keys:
        """Its keys."""

    @property
    def members(self) -> Members:
        """Who belongs to it."""

    @property
    def invitations(self) -> Invitations:
        """Who is asked to join it."""

    @property
    def service_accounts(self) -> ServiceAccounts:
        """Its service accounts."""

    @property
    def sso_connections(self) -> SsoConnections:
        """By which its people sign in with its directory."""

    @property
    def directory(self) -> DirectoryStore:
        """What its directory told of people and groups."""

    async def organization(self) -> Organization | None:
        """The organisation itself; None where it does not exist."""


class Telling(Protocol):
    """What a transaction tells of itself."""

    def publish(self, event: object) -> None:
        """Tell `event` once the transaction is committed."""

    def audit(self, change: Change) -> None:
        """Write down what was changed, in this transaction."""


class Unit(Reading, Telling, Protocol):
    """One transaction in one organisation: all of it happens, or nothing."""

    async def end_sessions(self, user_id: str, reason: EndReason, at: datetime) -> list[str]:
        """End those of a user's sessions that act in this organisation; their ids."""


class Proofs(Protocol):
    """What a secret proves, by its hash: nothing here lists anything, and all of it is found in an index."""

    async def key_by_hash(self, key_hash: str) -> KeyView | None:
        """Of any organisation, as who holds that secret has it: the hash is the proof."""

    async def invitation_by_token(self, token_hash: str) -> Invitation | None:
        """Of any organisation: the hash is the proof."""

    async def directory_token_by_hash(self, token_hash: str) -> DirectoryToken | None:
        """Of any organisation: the hash is the proof."""


class Overview(Proofs, Protocol):
    """The whole installation, for operators and for what a secret proves."""

    @property
    def organizations(self) -> Organizations:
        """All of them."""

    @property
    def users(self) -> Users:
        """All of them."""


class Installation(Overview, Telling, Protocol):
    """One transaction over the whole installation."""

    @property
    def sign_ons(self) -> SignOns:
        """Sign-ins by a directory that are on their way."""

    def within(self, organization_id: str) -> Unit:
        """The same transaction, in one organisation."""

    async def put_password(self, user_id: str, password: StoredPassword) -> None:
        """The password of an account that is made in this transaction."""

    async def end_sessions(self, user_id: str, reason: EndReason, at: datetime) -> list[str]:
        """End all of a user's sessions, wherever they act; the ids of those that had not ended."""

    async def record_directory_use(self, token_id: str, at: datetime) -> None:
        """Move a directory token's `last_used_at` forward, never back."""

    async def record_use(self, key_id: str, at: datetime) -> None:
        """Move `last_used_at` forward, never back."""


class Store(Protocol):
    """Where identity is kept."""

    def read(self, organization_id: str) -> AbstractAsyncContextManager[Reading]:
        """Look-ups in one organisation."""

    def transaction(self, organization_id: str) -> AbstractAsyncContextManager[Unit]:
        """Commits at the end of the block, unless it raises."""

    def prove(self) -> AbstractAsyncContextManager[Proofs]:
        """Who holds a secret: asked for each request, so it keeps nobody waiting."""

    def overlook(self) -> AbstractAsyncContextManager[Overview]:
        """Look-ups in the whole installation."""

    def operate(self) -> AbstractAsyncContextManager[Installation]:
        """A transaction over the whole installation."""
