"""The tables of usage. A change here needs a migration in `migrations/usage/versions`.

Records have a number of their own and a unique (source, event_id): as a clustered key the latter made writes twice as
slow. Event ids that rise with time keep that index's pages warm; random ones cost three times as much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    event,
)

from headworks.dataplane.events import LONGEST_TAGS
from headworks.kernel.database import Exact, Long, Microseconds, Schema, new_metadata, wall_off
from headworks.usage.domain.rollups import COUNTERS, LONGEST_TAG_NAME
from headworks.usage.domain.rows import BUCKETS
from headworks.usage.domain.screening import LONGEST_BUDGETS, LONGEST_ID, LONGEST_TEXT

if TYPE_CHECKING:
    from sqlalchemy.schema import ExecutableDDLElement

    from headworks.usage.domain.rollups import Grain

METADATA = new_metadata()

SCHEMA = Schema("usage", METADATA, head="0009", serves="0006")

_ID = Exact(LONGEST_ID)
_TEXT = Exact(LONGEST_TEXT)
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A number that the database gives. SQLite gives one to an INTEGER only."""

sources = Table(
    "usage_sources",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("name", _ID, nullable=False, unique=True),
)
"""Spools that events come from."""

subjects = Table(
    "usage_subjects",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    # SHA-256 of all the rest: thirteen columns are more than an index of some databases holds.
    Column("digest", Exact(64), nullable=False, unique=True),
    Column("organization_id", _ID, nullable=False),
    Column("project_id", _ID, nullable=False),
    Column("key_id", _ID, nullable=False),
    Column("model", _TEXT, nullable=False),
    Column("endpoint", _TEXT, nullable=False),
    Column("provider_id", _ID, nullable=False),
    Column("deployment_id", _ID, nullable=False),
    Column("upstream_model", _TEXT, nullable=False),
    Column("outcome", _TEXT, nullable=False),
    Column("usage_source", _TEXT, nullable=False),
    Column("price_id", _ID),
    Column("user_id", _ID, nullable=False, server_default=""),
    Column("budgets", Exact(LONGEST_BUDGETS), nullable=False, server_default=""),
)
"""What many events share; see `domain/rows.py`."""

events = Table(
    "usage_events",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    # Of `sources` and `subjects`, without foreign keys: each would be looked up for each record, a third of what one costs. Both
    # are made in the transaction of the records that name them, or were found committed, and nothing removes one.
    Column("source_id", _NUMBER, nullable=False),
    Column("subject_id", _NUMBER, nullable=False),
    Column("event_id", _ID, nullable=False),
    Column("upstream_request_id", _TEXT, nullable=False),
    Column("error_code", _TEXT, nullable=False),
    Column("usage_flags", Exact(2 * LONGEST_TEXT), nullable=False),
    Column("streamed", Boolean, nullable=False),
    Column("first_byte_us", BigInteger),
    Column("occurred_at_us", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    *(Column(bucket, BigInteger, nullable=False) for bucket in BUCKETS),
    Column("cost_nanodollars", BigInteger),
    Column("received_at_us", BigInteger, nullable=False),
    Column("tags", Exact(LONGEST_TAGS), nullable=False, server_default=""),
    Column("drawn_nanodollars", BigInteger, nullable=False, server_default="0"),
    Column("charge_nanodollars", BigInteger),
    # Of the ledger, which settled it there. None before there was one.
    Column("transaction_id", BigInteger),
    # Of a partitioned table it would have to hold the event's id, too; there each partition has its own.
    PrimaryKeyConstraint("id").ddl_if(callable_=lambda *_, dialect, **__: dialect.name != "postgresql"),
    UniqueConstraint("source_id", "event_id"),
    Index(None, "occurred_at_us"),
    Index(None, "transaction_id"),
    postgresql_partition_by="RANGE (event_id)",
)
"""On PostgreSQL the records of each month are apart; see `sql/partitions.py`."""

REST: Final = f"{events.name}_rest"
"""PostgreSQL's partition of what is of no month: of clocks that are wrong, and of ids that are none of the engine's."""

_rest: ExecutableDDLElement = DDL(  # type: ignore[no-untyped-call]
    f"CREATE TABLE {REST} PARTITION OF {events.name} (CONSTRAINT pk_{REST} PRIMARY KEY (id)) DEFAULT"
)
event.listen(events, "after_create", _rest.execute_if(dialect="postgresql"))

groups = Table(
    "usage_groups",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    # SHA-256 of all the rest, as with subjects.
    Column("digest", Exact(64), nullable=False, unique=True),
    Column("organization_id", _ID, nullable=False),
    Column("project_id", _ID, nullable=False),
    Column("key_id", _ID, nullable=False),
    Column("user_id", _ID, nullable=False),
    Column("model", _TEXT, nullable=False),
    Column("provider_id", _ID, nullable=False),
    Column("deployment_id", _ID, nullable=False),
    Column("upstream_model", _TEXT, nullable=False),
    Column("endpoint", _TEXT, nullable=False),
    Column("outcome", _TEXT, nullable=False),
    Column("status", Integer, nullable=False),
    Column("tags", Exact(LONGEST_TAGS), nullable=False),
    Index(None, "organization_id"),
)
"""What roll-ups are of; see `domain/rollups.py`."""

group_tags = Table(
    "usage_group_tags",
    METADATA,
    Column("group_id", ForeignKey("usage_groups.id"), primary_key=True),
    Column("name", Exact(LONGEST_TAG_NAME), primary_key=True),
    Column("value", Exact(LONGEST_TAGS), nullable=False),
)
"""A group's tags, one by one."""

tag_months = Table(
    "usage_tag_months",
    METADATA,
    Column("organization_id", _ID, primary_key=True),
    Column("month_s", BigInteger, primary_key=True, autoincrement=False),
    Column("tag_values", Integer, nullable=False),
    Column("sets", Integer, nullable=False),
)
"""What roll-ups may tell apart of an organisation's month: values of a tag, and how many sets of tags they do. Locked to add one."""

tag_sets = Table(
    "usage_tag_sets",
    METADATA,
    Column("organization_id", _ID, primary_key=True),
    Column("month_s", BigInteger, primary_key=True, autoincrement=False),
    # SHA-256 of the tags, as with subjects.
    Column("digest", Exact(64), primary_key=True),
    Column("tags", Exact(LONGEST_TAGS), nullable=False),
)
"""The sets of tags that are told apart; see `domain/admission.py`. As days they are kept for ever: so many of a month, no more."""


def _rollup(name: str) -> Table:
    return Table(
        name,
        METADATA,
        Column("group_id", ForeignKey("usage_groups.id"), primary_key=True, autoincrement=False),
        Column("start_s", BigInteger, primary_key=True, autoincrement=False),
        *(Column(counter, BigInteger, nullable=False) for counter in COUNTERS),
        # SQLite turns a sum beyond 64 bits into a float, and says nothing.
        CheckConstraint(" AND ".join(f"typeof({counter}) = 'integer'" for counter in COUNTERS), name="integers").ddl_if(
            dialect="sqlite"
        ),
        Index(None, "start_s"),
    )


rollups: dict[Grain, Table] = {
    "minute": _rollup("usage_minutes"),
    "hour": _rollup("usage_hours"),
    "day": _rollup("usage_days"),
}
"""Sums of a group's minutes, hours and days, by their first second since 1970."""

pending = Table(
    "usage_pending_days",
    METADATA,
    Column("day_s", BigInteger, primary_key=True, autoincrement=False),
    Column("next_hour", Integer, nullable=False),
)
"""Days whose roll-ups are to be made anew, by their first second; and the hour of each that is next."""

turns = Table(
    "usage_turns",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # Of what began before then nothing is added or made anew any more, so that its records can be forgotten.
    Column("kept_from_us", BigInteger, nullable=False, server_default="0"),
)
"""One row: locked by whoever adds to roll-ups, together with others, or makes them anew, alone."""

rejected = Table(
    "rejected_events",
    METADATA,
    Column("digest", Exact(64), primary_key=True),
    Column("reason", Long, nullable=False),
    Column("event", Long, nullable=False),
    Column("rejected_at", Microseconds, nullable=False),
)
"""Events that could not be stored, by the SHA-256 of their text."""

wall_off(METADATA)
