"""The tables of identity. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from headworks.identity.adapters import sign_in_tables
from headworks.identity.adapters.metadata import metadata
from headworks.kernel.database import Microseconds, Schema

organizations = Table(
    "organizations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("name_key", Text),
    Column("state", Text, nullable=False, server_default="active"),
    Column("version", Integer, nullable=False, server_default="1"),
    Index("uq_organizations_name_key", "name_key", unique=True),
)
"""name_key, here and below: the name as `kernel.text.comparable` has it, so that no two names look alike."""

projects = Table(
    "projects",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("name_key", Text),
    Column("state", Text, nullable=False, server_default="active"),
    Column("version", Integer, nullable=False, server_default="1"),
    Index("ix_projects_organization_id", "organization_id"),
    Index("uq_projects_organization_id_name_key", "organization_id", "name_key", unique=True),
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
    Column("owner_kind", Text),
    Column("owner_id", Text),
    Column("allowed_endpoints", Text),
    Column("allowed_addresses", Text),
    Column("previous_hash", Text),
    Column("previous_until", Microseconds),
    Column("version", Integer, nullable=False, server_default="1"),
    CheckConstraint("kind IN ('inference', 'management')", name="kind"),
    Index("uq_keys_key_hash", "key_hash", unique=True),
    Index("uq_keys_previous_hash", "previous_hash", unique=True),
    Index("ix_keys_organization_id_id", "organization_id", "id"),
)
"""permissions: separated by spaces; allowed_…: a JSON list, or null for everything."""

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("is_operator", Boolean, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("email_key"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("organization_id", "user_id"),
    Index("ix_memberships_user_id", "user_id"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Microseconds, nullable=False),
    Column("accepted_at", Microseconds),
    Column("revoked_at", Microseconds),
    # True, or NULL once it is settled: unique constraints hold no two NULLs to be equal, so people can be invited again.
    Column("live", Boolean),
    UniqueConstraint("token_hash"),
    UniqueConstraint("organization_id", "email_key", "live"),
)

service_accounts = Table(
    "service_accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("organization_id", "name_key"),
    Index("ix_service_accounts_project_id", "project_id"),
)

SCHEMA = Schema("identity", sign_in_tables.metadata, head="0003")
