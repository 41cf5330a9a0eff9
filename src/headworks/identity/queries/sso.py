"""Which connections to directories there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.errors import SsoConnectionNotFound

if TYPE_CHECKING:
    from headworks.identity.contracts import SsoConnection
    from headworks.identity.ports import Reading


async def show_connection(reading: Reading, connection_id: str) -> SsoConnection:
    """Raises SsoConnectionNotFound."""
    found = await reading.sso_connections.get(connection_id)
    if found is None:
        raise SsoConnectionNotFound(f"There is no connection {connection_id!r} in your organisation.")
    return found
