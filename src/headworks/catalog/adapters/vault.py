"""The port `Vault` on the kernel's sealer, and on the server's environment and files for references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.catalog.domain.credentials import check_api_key
from headworks.catalog.errors import CredentialUnreadable
from headworks.kernel.errors import HeadworksError
from headworks.kernel.secrets import resolve_reference, seal_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.catalog.contracts import Provider, StoredCredential
    from headworks.kernel.secrets import Sealer, Secret


class SealedVault:
    """Seals for one organisation, provider and version: a row that is copied elsewhere does not open there."""

    def __init__(self, sealer: Sealer, environment: Mapping[str, str]) -> None:
        """`environment` is where `env:` references look."""
        self._sealer = sealer
        self._environment = environment

    def seal(self, secret: Secret, provider: Provider, version: int) -> str:
        """The ciphertext to store."""
        return self._sealer.seal(secret, _place(provider, version))

    @property
    def key_id(self) -> str:
        """Of the key that seals now."""
        return self._sealer.current

    def reseal(self, provider: Provider) -> str | None:
        """Raises CredentialUnreadable, saying how to mend it."""
        credential = provider.credential
        if credential is None or credential.sealed is None:
            return None
        try:
            again = self._sealer.rewrap(credential.sealed, _place(provider, credential.version))
        except HeadworksError as error:
            raise _unreadable(provider, error) from error
        return None if again == credential.sealed else again

    def open(self, provider: Provider) -> Secret | None:
        """Raises CredentialUnreadable, saying how to mend it."""
        if provider.credential is None:
            return None
        try:
            secret = self._read(provider, provider.credential)
            check_api_key(secret, "credential")
        except HeadworksError as error:
            raise _unreadable(provider, error) from error
        return secret

    def _read(self, provider: Provider, credential: StoredCredential) -> Secret:
        if credential.reference is not None:
            return resolve_reference(credential.reference, self._environment)
        return self._sealer.open(credential.sealed or "", _place(provider, credential.version))


def _unreadable(provider: Provider, error: HeadworksError) -> CredentialUnreadable:
    return CredentialUnreadable(
        f"The credential of the provider {provider.name!r} cannot be used: {error.message}", detail=error.detail
    )


def _place(provider: Provider, version: int) -> bytes:
    return seal_context(provider.organization_id, provider.id, str(version))
