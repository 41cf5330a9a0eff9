"""The tables of limits. A change here needs a migration in `migrations/limits/versions`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, UniqueConstraint

from headworks.kernel.database import Announcements, Exact, Microseconds, Schema, Trail, new_metadata, wall_off
from headworks.kernel.database.replies import replies_table
from headworks.limits.contracts import LimitsChanged

METADATA = new_metadata()

SCHEMA = Schema("limits", METADATA, head="0003", serves="0001")

TRAIL = Trail("limits", METADATA)

ANNOUNCEMENTS = Announcements("limits", METADATA, (LimitsChanged,))

_ID = Exact(64)

limits = Table(
    "limits",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("scope", Exact(16), nullable=False),
    Column("scope_id", Exact(256), nullable=False),
    Column("unit", Exact(16), nullable=False),
    # The empty string for none: unique constraints hold no two NULLs to be equal.
    Column("window", Exact(16), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("updated_at", Microseconds, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("organization_id", "scope", "scope_id", "unit", "window"),
)

revisions = Table(
    "limits_revisions",
    METADATA,
    Column("organization_id", _ID, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)
"""What tells another process that it must read an organisation's limits anew."""

replies = replies_table("limits", METADATA)

wall_off(METADATA)
