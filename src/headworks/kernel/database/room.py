"""How many connections a server takes, and how many it has: for who is about to open some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headworks.kernel.database import server_schema

if TYPE_CHECKING:
    from headworks.kernel.database.address import Address
    from headworks.kernel.database.server import Limits

_MOST: Final = {
    "postgresql": "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int",
    "mysql": "SELECT @@max_connections",
}
_USED: Final = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    "mysql": "SHOW GLOBAL STATUS LIKE 'Threads_connected'",
}


@dataclass(frozen=True, slots=True)
class Room:
    """Of one server, whatever the database."""

    most: int
    used: int
    """By others, and by us; without the one that asked."""


async def room(address: Address, limits: Limits) -> Room:
    """Raises DatabaseUnavailable."""
    async with server_schema.connected(address, limits) as connection:
        asked = [await connection.exec_driver_sql(question[connection.dialect.name]) for question in (_MOST, _USED)]
        most, used = (int(answer.one()[-1]) for answer in asked)
        ourselves = 0 if connection.dialect.name == "postgresql" else 1
    return Room(most, used - ourselves)
