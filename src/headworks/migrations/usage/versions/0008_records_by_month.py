"""On PostgreSQL records lie in partitions, by the month of their ids. Other databases keep their table as it is.

What is there becomes the partition of all that is older than next month: nothing is copied. Two passes over the table prove that it
belongs there, with the table locked: one to five seconds for a million records, in which usage waits in the spool.
"""

from __future__ import annotations

from datetime import UTC, date, timedelta

import sqlalchemy as sa
from alembic import op

from headworks.kernel.clock import now
from headworks.kernel.moments import first_second_of

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_EVENTS = "usage_events"
_REST = "usage_events_rest"
_UNIQUE = "source_id, event_id"
_INDEXED = ("occurred_at_us", "transaction_id")


def upgrade() -> None:
    """Apply this step."""
    if not _is_postgresql():
        return
    month = _next_month()
    before = f"{_EVENTS}_until_{month:%Y_%m}"
    bound = f"req_{first_second_of(month) * 1_000:012x}"
    # Of all that follows it takes the strongest: who has it waits for nobody in the middle.
    op.execute(f"LOCK TABLE {_EVENTS} IN ACCESS EXCLUSIVE MODE")
    _rename(_EVENTS, before)
    op.execute(f"CREATE TABLE {_EVENTS} (LIKE {before} INCLUDING DEFAULTS) PARTITION BY RANGE (event_id)")
    _add_keys()
    op.execute(f"CREATE TABLE {_REST} PARTITION OF {_EVENTS} (CONSTRAINT pk_{_REST} PRIMARY KEY (id)) DEFAULT")
    if op.get_bind().scalar(sa.text(f"SELECT EXISTS (SELECT FROM {before})")):  # noqa: S608 - names of ours, here and below
        later = f"DELETE FROM {before} WHERE event_id >= '{bound}' RETURNING *"  # noqa: S608
        op.execute(f"WITH later AS ({later}) INSERT INTO {_EVENTS} SELECT * FROM later")  # noqa: S608
        op.execute(f"ALTER TABLE {_EVENTS} ATTACH PARTITION {before} FOR VALUES FROM (MINVALUE) TO ('{bound}')")
    else:
        op.execute(f"DROP TABLE {before}")


def downgrade() -> None:
    """Take this step back: every record is copied into one table."""
    if not _is_postgresql():
        return
    op.execute(f"LOCK TABLE {_EVENTS} IN ACCESS EXCLUSIVE MODE")
    _rename(_EVENTS, f"{_EVENTS}_parted")
    op.execute(f"CREATE TABLE {_EVENTS} (LIKE {_EVENTS}_parted INCLUDING DEFAULTS)")
    op.execute(f"INSERT INTO {_EVENTS} SELECT * FROM {_EVENTS}_parted ORDER BY id")  # noqa: S608
    op.execute(f"ALTER TABLE {_EVENTS} ADD CONSTRAINT pk_{_EVENTS} PRIMARY KEY (id)")
    _add_keys()
    op.execute(f"DROP TABLE {_EVENTS}_parted")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _next_month() -> date:
    return (now().astimezone(UTC).date().replace(day=1) + timedelta(days=31)).replace(day=1)


def _rename(table: str, name: str) -> None:
    """With its keys and indexes: a database has each name once."""
    inspected = sa.inspect(op.get_bind())
    keys = [
        inspected.get_pk_constraint(table)["name"],
        *(key["name"] for key in inspected.get_unique_constraints(table)),
    ]
    indexes = [index["name"] for index in inspected.get_indexes(table) if "duplicates_constraint" not in index]
    op.execute(f"ALTER TABLE {table} RENAME TO {name}")
    for key in filter(None, keys):
        op.execute(f"ALTER TABLE {name} RENAME CONSTRAINT {key} TO {key.replace(table, name)}")
    for index in filter(None, indexes):
        op.execute(f"ALTER INDEX {index} RENAME TO {index.replace(table, name)}")


def _add_keys() -> None:
    """All but the primary key; and the numbers go on, whatever becomes of the table that had them."""
    op.execute(f"ALTER SEQUENCE {_EVENTS}_id_seq OWNED BY {_EVENTS}.id")
    op.execute(f"ALTER TABLE {_EVENTS} ADD CONSTRAINT uq_{_EVENTS}_source_id_event_id UNIQUE ({_UNIQUE})")
    for column in _INDEXED:
        op.execute(f"CREATE INDEX ix_{_EVENTS}_{column} ON {_EVENTS} ({column})")
