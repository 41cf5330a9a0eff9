"""Sessions in either store of identity, which keeps them for others."""

from __future__ import annotations

from headworks.identity.adapters.memory import MemoryStore
from headworks.identity.adapters.sign_in.sql import SqlSignIn
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.contracts import Session
from headworks.identity.ports import Store
from headworks.kernel.clock import now
from headworks.kernel.events import EventBus
from tests.unit.identity.conftest import NOON


async def sign_in(store: Store, user_id: str, organization_id: str, name: str) -> str:
    """A session of that id."""
    session = Session(name, user_id, organization_id, "bearer", NOON, NOON, now(), "192.0.2.1", "test/1")
    if isinstance(store, MemoryStore):
        store._tables.sessions[name] = session
    else:
        assert isinstance(store, SqlStore)
        async with SqlSignIn(store._database, EventBus()).transaction() as unit:
            await unit.add_session(session)
    return name


async def ended(store: Store, name: str) -> str:
    """Why a session ended; empty while it has not."""
    if isinstance(store, MemoryStore):
        return store._tables.sessions[name].end_reason
    assert isinstance(store, SqlStore)
    async with SqlSignIn(store._database, EventBus()).read() as reading:
        found = await reading.session(name)
    assert found is not None
    return found.end_reason
