"""Answers to requests that must not be done twice, kept in the transaction of the change and sealed: some hold a new key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import Column, Index, String, Table, Text, delete, insert, select
from sqlalchemy.exc import IntegrityError

from headworks.kernel.database.columns import Microseconds
from headworks.kernel.idempotency import KEPT_FOR, MOST_KEPT, AnswerLost, InProgress, Kept, Reply, due
from headworks.kernel.secrets import Secret, seal_context
from headworks.kernel.secrets.sealer import SealError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.kernel.clock import Clock
    from headworks.kernel.database.database import Database
    from headworks.kernel.idempotency import Asked, Replies
    from headworks.kernel.secrets import Sealer


def replies_table(metadata: MetaData) -> Table:
    """The table, one in each context that is changed over HTTP."""
    return Table(
        "replies",
        metadata,
        Column("caller", String(64), primary_key=True),
        Column("request_key", String(64), primary_key=True),
        Column("fingerprint", String(64), nullable=False),
        Column("sealed", Text, nullable=False),
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
        async with self._database.read() as connection:
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
            # Another process was quicker, and what this one did is undone now.
            raise InProgress("The same request was sent to another server at the same moment; ask again.") from error
        what.kept = True

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
