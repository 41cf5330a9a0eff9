"""The secret that a directory knows us by: sealed for its connection, or a reference to where the operator keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.identity.domain.sealing import client_secret_context
from headworks.identity.domain.sso.connections import check_client_secret
from headworks.identity.errors import SsoProviderFailed
from headworks.kernel.errors import HeadworksError
from headworks.kernel.secrets import resolve_reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.identity.contracts import SsoConnection
    from headworks.kernel.secrets import Sealer, Secret


@dataclass(frozen=True, slots=True)
class ClientSecrets:
    """Seals them, and opens them when a code is redeemed."""

    sealer: Sealer
    environment: Mapping[str, str]
    """Where `env:` references look."""

    def seal(self, secret: Secret, organization_id: str, connection_id: str) -> str:
        """The ciphertext to store. Raises Invalid."""
        check_client_secret(secret)
        return self.sealer.seal(secret, client_secret_context(organization_id, connection_id))

    def open(self, connection: SsoConnection) -> Secret:
        """Raises SsoProviderFailed; the reason is for the log."""
        try:
            if connection.secret_reference is not None:
                secret = resolve_reference(connection.secret_reference, self.environment)
            else:
                place = client_secret_context(connection.organization_id, connection.id)
                secret = self.sealer.open(connection.sealed_secret or "", place)
            check_client_secret(secret)
        except HeadworksError as error:
            raise SsoProviderFailed(
                "The client secret of this connection cannot be read; an admin has to enter it again.",
                detail=f"{connection.id}: {error}",
            ) from error
        return secret
