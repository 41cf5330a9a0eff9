"""A process that dies between the change and its commit leaves neither the change nor its entry; after it, both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headworks.audit import queries
from headworks.audit.adapters.sql import SqlReader
from headworks.audit.ports import Trails
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import SCHEMA, TRAIL
from headworks.kernel.database import Database, prepare_schema
from headworks.kernel.events import EventBus
from headworks.kernel.pagination import PageRequest

PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from headworks.identity.commands import first_start
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import TRAIL
from headworks.kernel.clock import now
from headworks.kernel.database import Database
from headworks.kernel.events import EventBus

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(path, moment):
    append = TRAIL.append
    async def dying(connection, changes, organization_id=None):
        if moment == "before the entry":
            die()
        await append(connection, changes, organization_id)
        if moment == "before the commit":
            die()
    TRAIL.append = dying
    store = SqlStore(Database.sqlite(Path(path)), EventBus())
    async with store.operate() as unit:
        await first_start.find_founder(unit, now())
    die()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("moment", "kept"), [("before the entry", 0), ("before the commit", 0), ("after the commit", 1)]
)
async def test_a_kill_leaves_both_or_neither(tmp_path: Path, moment: str, kept: int) -> None:
    path = tmp_path / "identity.sqlite3"
    prepare_schema(path, SCHEMA)
    ended = subprocess.run([sys.executable, "-c", PROGRAM, str(path), moment], check=False, timeout=60)  # noqa: S603
    assert ended.returncode == -9
    database = Database.sqlite(path)
    async with SqlStore(database, EventBus()).overlook() as overview:
        found = await overview.organizations.page(PageRequest())
    reader = SqlReader(database, TRAIL)
    entries = await reader.following(0, 10)
    (report,) = await queries.verify(Trails((reader,)))
    await database.close()
    assert len(found.items) == kept
    assert [entry.action for entry in entries] == ["organization.created", "project.created"][: 2 * kept]
    assert report.fault is None
