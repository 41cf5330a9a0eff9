"""Answers to requests that must not be done twice, kept in the transaction of the change and sealed: some hold a new key."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import Column, Index, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from headworks.kernel.database.columns import Exact, Long, Microseconds
from headworks.kernel.database.failures import is_duplicate
from headworks.kernel.database.walls import EVERYTHING
from headworks.kernel.idempotency import KEPT_FOR, MOST_KEPT, AnswerLost, Asked, InProgress, Kept, Reply, due
from headworks.kernel.secrets import SealError, Secret, key_id_of, seal_context
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.clock import Clock
    from headworks.kernel.database.database import Database
    from headworks.kernel.idempotency import Replies
    from headworks.kernel.secrets import Sealer

_log = logger(__name__)


def replies_table(context: str, metadata: MetaData) -> Table:
    """The table of a context that is changed over HTTP. Contexts may share a database, so it names the context."""
    return Table(
        f"{context}_replies",
        metadata,
        Column("caller", Exact(64), primary_key=True),
        Column("request_key", Exact(64), primary_key=True),
        Column("fingerprint", Exact(64), nullable=False),
        Column("sealed", Long, nullable=False),
        Column("kept_at", Microseconds, nullable=False),
        Index(None, "caller", "kept_at"),
        Index(None, "kept_at"),
    )


class SqlReplies:
    """The port `Replies` on one context's database. Whatever that database commits from now on keeps its answer too."""

    def __init__(self, database: Database, table: Table, sealer: Sealer, clock: Clock, most: int = MOST_KEPT) -> None:
        """`most` answers are kept for one caller."""
        self._database = database
        self._table = table
        self._sealer = sealer
        self._clock = clock
        self._most = most
        database.before_commit(self._keep)

    async def recall(self, asked: Asked) -> Kept | None:
        """See `Replies`. Raises AnswerLost where it does not open any more."""
        table = self._table
        wanted = select(table.c.fingerprint, table.c.sealed).where(
            table.c.caller == asked.caller,
            table.c.request_key == asked.key,
            table.c.kept_at > self._clock() - KEPT_FOR,
        )
        async with self._database.read(EVERYTHING) as connection:
            row = (await connection.execute(wanted)).first()
        if row is None:
            return None
        try:
            document = json.loads(self._sealer.open(row.sealed, _place(asked)).reveal())
        except SealError as error:
            raise AnswerLost(
                "The request was done, and what was answered cannot be read any more. Look at what is there.",
                detail=str(error),
            ) from error
        return Kept(row.fingerprint, Reply(**document))

    async def _keep(self, connection: AsyncConnection) -> None:
        """Called before each commit."""
        what = due()
        if what is None or what.asked is None or what.reply is None:
            return
        at = self._clock()
        await self._make_room(connection, what.asked, at)
        document = {"status": what.reply.status, "body": what.reply.body, "headers": dict(what.reply.headers)}
        row = {
            "caller": what.asked.caller,
            "request_key": what.asked.key,
            "fingerprint": what.asked.fingerprint,
            "sealed": self._sealer.seal(Secret(json.dumps(document)), _place(what.asked)),
            "kept_at": at,
        }
        try:
            await connection.execute(insert(self._table), [row])
        except IntegrityError as error:
            if not is_duplicate(error):
                raise
            # Another process was quicker, and what this one did is undone now.
            raise InProgress("The same request was sent to another server at the same moment; ask again.") from error
        what.kept = True

    async def sealed_by(self) -> Counter[str]:
        """How many answers each key seals, for the rotation of the keyring. Raises DatabaseUnavailable."""
        async with self._database.read(EVERYTHING) as connection:
            rows = await connection.execute(select(self._table.c.sealed))
            return Counter(key_id_of(sealed) for (sealed,) in rows)

    async def reseal(self) -> int:
        """Seal with the newest key what another one sealed; how many. Raises DatabaseUnavailable."""
        table, done = self._table, 0
        async with self._database.read(EVERYTHING) as connection:
            rows = (await connection.execute(select(table))).all()
        for row in rows:
            if key_id_of(row.sealed) == self._sealer.current:
                continue
            asked = Asked(row.caller, row.request_key, row.fingerprint)
            try:
                again = self._sealer.rewrap(row.sealed, _place(asked))
            except SealError as error:
                _log.warning("an answer could not be sealed anew", table=table.name, detail=error.detail)
                continue
            same = (table.c.caller == row.caller, table.c.request_key == row.request_key, table.c.sealed == row.sealed)
            async with self._database.transaction(EVERYTHING) as connection:
                done += (await connection.execute(update(table).where(*same).values(sealed=again))).rowcount
        return done

    async def _make_room(self, connection: AsyncConnection, asked: Asked, at: datetime) -> None:
        table = self._table
        await connection.execute(delete(table).where(table.c.kept_at <= at - KEPT_FOR))
        newest = select(table.c.kept_at).where(table.c.caller == asked.caller).order_by(table.c.kept_at.desc())
        last = await connection.scalar(newest.limit(1).offset(self._most - 1))
        if last is not None:
            await connection.execute(delete(table).where(table.c.caller == asked.caller, table.c.kept_at <= last))


class AllReplies:
    """The port `Replies` over those of every context: a key is looked for in all of them."""

    def __init__(self, each: Sequence[Replies]) -> None:
        self._each = each

    async def recall(self, asked: Asked) -> Kept | None:
        """See `Replies`."""
        for one in self._each:
            if found := await one.recall(asked):
                return found
        return None


def _place(asked: Asked) -> bytes:
    return seal_context("reply", asked.caller, asked.key)
