"""The tables of identity. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table

from headworks.kernel.database import Exact, Long, Microseconds, Schema, Trail, new_metadata
from headworks.kernel.text import NAME_LENGTH

metadata = new_metadata()

_ID = Exact(64, text_in_sqlite=True)
_NAME = Exact(NAME_LENGTH, text_in_sqlite=True)
_WORD = Exact(16, text_in_sqlite=True)

organizations = Table(
    "organizations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", _NAME, nullable=False),
    Column("created_at", Microseconds, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("name", _NAME, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Index("ix_projects_organization_id", "organization_id"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", _NAME, nullable=False),
    Column("kind", _WORD, nullable=False),
    Column("permissions", Long, nullable=False),
    Column("key_hash", _ID, nullable=False),
    Column("prefix", _WORD, nullable=False),
    Column("last4", _WORD, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", _ID, nullable=False),
    Column("expires_at", Microseconds),
    Column("revoked_at", Microseconds),
    Column("last_used_at", Microseconds),
    Column("allowed_models", Long),
    CheckConstraint("kind IN ('inference', 'management')", name="kind"),
    Index("uq_keys_key_hash", "key_hash", unique=True),
    Index("ix_keys_organization_id_id", "organization_id", "id"),
)
"""permissions: separated by spaces; allowed_models: a JSON list, or null for every model."""

TRAIL = Trail("identity", metadata)

SCHEMA = Schema("identity", metadata, head="0004", serves="0001")
