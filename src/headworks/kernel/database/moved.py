"""Which contexts of a database are being filled by `headworks migrate-store`, or were: a table that is there only where that was done.

Nothing serves from a context whose move has not ended: half of it is not there yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Column, MetaData, String, Table, insert, inspect, select, update

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Connection

MOVES: Final = "headworks_moves"

_moves = Table(
    MOVES,
    MetaData(),
    Column("context", String(32), primary_key=True),
    # The schema that both sides had when it began.
    Column("revision", String(32), nullable=False),
    Column("ended_at_us", BigInteger),
)


def unended(connection: Connection) -> dict[str, str]:
    """The contexts whose move has begun and not ended, and at which revision it began."""
    return _known(connection, _moves.c.ended_at_us.is_(None))


def ended(connection: Connection) -> dict[str, str]:
    """The contexts that were moved here."""
    return _known(connection, _moves.c.ended_at_us.is_not(None))


def begin(connection: Connection, context: str, revision: str) -> None:
    """Note that a move begins; that of one which has begun stays as it is."""
    _moves.create(connection, checkfirst=True)
    if connection.scalar(select(_moves.c.context).where(_moves.c.context == context)) is None:
        connection.execute(insert(_moves).values(context=context, revision=revision))
    connection.commit()


def end(connection: Connection, contexts: Collection[str], at_us: int) -> None:
    """Note that all is there: from now on it may be served."""
    those = update(_moves).where(_moves.c.context.in_(contexts), _moves.c.ended_at_us.is_(None))
    connection.execute(those.values(ended_at_us=at_us))
    connection.commit()


def _known(connection: Connection, condition: ColumnElement[bool]) -> dict[str, str]:
    if not inspect(connection).has_table(MOVES):
        return {}
    rows = connection.execute(select(_moves.c.context, _moves.c.revision).where(condition))
    return {context: revision for context, revision in rows}  # noqa: C416 - rows
