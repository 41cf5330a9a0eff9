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
    UniqueConstraint,
    true,
)

from headworks.identity.adapters import directory_tables, sign_in_tables, sso_tables
from headworks.identity.adapters.columns import COMPARED, EMAIL, ID, NAME, WORD, metadata
from headworks.identity.contracts import (
    KeyChanged,
    ManyKeysChanged,
    MembershipChanged,
    OrganizationChanged,
    PasswordSet,
    ProjectChanged,
    ServiceAccountChanged,
    SessionEnded,
    UserChanged,
)
from headworks.kernel.database import Announcements, Long, Microseconds, Schema, Trail, wall_off
from headworks.kernel.database.replies import replies_table

organizations = Table(
    "organizations",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("name_key", COMPARED),
    Column("state", WORD, nullable=False, server_default="active"),
    Column("version", Integer, nullable=False, server_default="1"),
    Index("uq_organizations_name_key", "name_key", unique=True),
)
"""name_key, here and below: the name as `kernel.text.comparable` has it, so that no two names look alike."""

projects = Table(
    "projects",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("name_key", COMPARED),
    Column("state", WORD, nullable=False, server_default="active"),
    Column("version", Integer, nullable=False, server_default="1"),
    Index("ix_projects_organization_id", "organization_id"),
    Index("uq_projects_organization_id_name_key", "organization_id", "name_key", unique=True),
)

keys = Table(
    "keys",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("permissions", Long, nullable=False),
    Column("key_hash", ID, nullable=False),
    Column("prefix", WORD, nullable=False),
    Column("last4", WORD, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", ID, nullable=False),
    Column("expires_at", Microseconds),
    Column("revoked_at", Microseconds),
    Column("last_used_at", Microseconds),
    Column("allowed_models", Long),
    Column("owner_kind", WORD),
    Column("owner_id", ID),
    Column("allowed_endpoints", Long),
    Column("allowed_addresses", Long),
    Column("previous_hash", ID),
    Column("previous_until", Microseconds),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("bearer", Boolean, nullable=False, server_default=true()),
    Column("signer_hash", ID),
    Column("sealed_secret", Long),
    Column("previous_sealed_secret", Long),
    CheckConstraint("kind IN ('inference', 'management')", name="kind"),
    Index("uq_keys_key_hash", "key_hash", unique=True),
    Index("uq_keys_previous_hash", "previous_hash", unique=True),
    Index("uq_keys_signer_hash", "signer_hash", unique=True),
    Index("ix_keys_organization_id_id", "organization_id", "id"),
    # Lists are sorted by these, and go on by cursor: a place in an index, however many keys there are.
    Index("ix_keys_organization_id_created_at_id", "organization_id", "created_at", "id"),
    Index("ix_keys_organization_id_name_id", "organization_id", "name", "id"),
)
"""permissions: separated by spaces; allowed_…: a JSON list, or null for everything."""

users = Table(
    "users",
    metadata,
    Column("id", ID, primary_key=True),
    Column("email", EMAIL, nullable=False),
    Column("email_key", COMPARED, nullable=False),
    Column("name", NAME, nullable=False),
    Column("state", WORD, nullable=False),
    Column("is_operator", Boolean, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", ID, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("email_key"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("role", WORD, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", ID, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("organization_id", "user_id"),
    Index("ix_memberships_user_id", "user_id"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("email", EMAIL, nullable=False),
    Column("email_key", COMPARED, nullable=False),
    Column("role", WORD, nullable=False),
    Column("token_hash", ID, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", ID, nullable=False),
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
    Column("id", ID, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("name_key", COMPARED, nullable=False),
    Column("role", WORD, nullable=False),
    Column("state", WORD, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", ID, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("organization_id", "name_key"),
    Index("ix_service_accounts_project_id", "project_id"),
)

TRAIL = Trail("identity", metadata)

ANNOUNCEMENTS = Announcements(
    "identity",
    metadata,
    (
        KeyChanged,
        ManyKeysChanged,
        OrganizationChanged,
        ProjectChanged,
        UserChanged,
        MembershipChanged,
        ServiceAccountChanged,
        SessionEnded,
        PasswordSet,
    ),
)

replies = replies_table("identity", metadata)

PARTS = (sign_in_tables, sso_tables, directory_tables)
"""They add their tables to the same metadata; naming them here is what loads them."""

wall_off(metadata, organizations="id")

SCHEMA = Schema("identity", metadata, head="0011", serves="0009")
