"""The one table of the bus. A change here needs a migration in `migrations/bus/versions`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, Table

from headworks.kernel.database import Exact, Microseconds, Schema, new_metadata

METADATA = new_metadata()

SCHEMA = Schema("bus", METADATA, head="0001")

WAITING: Final = 0
TAKEN: Final = 1
DEAD: Final = 2

messages = Table(
    "bus_messages",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("queue", Exact(64), nullable=False),
    Column("state", Integer, nullable=False),
    # Place in LEVELS: 0 is the most urgent.
    Column("rank", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),
    # Of a dead letter; the empty string for none.
    Column("reason", Exact(16), nullable=False),
    Column("published_at", Microseconds, nullable=False),
    Column("id", Exact(200), nullable=False),
    Column("type", Exact(200), nullable=False),
    Column("subject", Exact(200), nullable=False),
    Column("organization_id", Exact(200), nullable=False),
    Column("occurred_at", Microseconds, nullable=False),
    Column("content_type", Exact(200), nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_bus_messages_queue_state_rank_sequence", "queue", "state", "rank", "sequence"),
    # With the size, so that a queue is measured without its bodies.
    Index("ix_bus_messages_queue_state_published_at", "queue", "state", "published_at", "size"),
)
