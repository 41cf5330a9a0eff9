"""Seal the stored credentials of one organisation anew, after a key was added to the keyring. Safe to repeat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.catalog.errors import CredentialUnreadable
from headworks.kernel.audit import Change
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from headworks.catalog.ports import CatalogStore, Vault

_log = logger(__name__)


async def reseal_credentials(store: CatalogStore, vault: Vault) -> int:
    """How many there were to do. One that cannot be read is left as it is, and logged: its provider does not work anyway."""
    done: list[str] = []
    for provider in await store.providers():
        try:
            sealed = vault.reseal(provider)
        except CredentialUnreadable as error:
            _log.warning("credential not sealed anew", provider=provider.id, reason=error.message, detail=error.detail)
            continue
        if sealed is None or provider.credential is None:
            continue
        anew = replace(provider.credential, sealed=sealed)
        await store.change_provider(replace(provider, credential=anew, version=provider.version + 1))
        done.append(provider.id)
    if done:
        store.audit(Change("credentials.resealed", "keyring", vault.key_id, None, {"providers": done}))
    return len(done)
