"""The tables of identity. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text

from headworks.kernel.database import Microseconds, Schema, Trail, new_metadata

metadata = new_metadata()

organizations = Table(
    "organizations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Microseconds, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Index("ix_projects_organization_id", "organization_id"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("key_hash", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("last4", Text, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Microseconds),
    Column("revoked_at", Microseconds),
    Column("last_used_at", Microseconds),
    Column("allowed_models", Text),
    CheckConstraint("kind IN ('inference', 'management')", name="kind"),
    Index("uq_keys_key_hash", "key_hash", unique=True),
    Index("ix_keys_organization_id_id", "organization_id", "id"),
)
"""permissions: separated by spaces; allowed_models: a JSON list, or null for every model."""

TRAIL = Trail("identity", metadata)

SCHEMA = Schema("identity", metadata, head="0004")
