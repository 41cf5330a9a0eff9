"""The tables of directories: what each told of people and groups, and the tokens that it tells it by."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, UniqueConstraint

from headworks.identity.adapters.columns import COMPARED, EMAIL, ID, NAME, WORD, metadata
from headworks.kernel.database import Exact, Long, Microseconds

__all__ = ["directories", "directory_group_members", "directory_groups", "directory_people", "directory_tokens"]

_GIVEN = Exact(256, text_in_sqlite=True)
"""A name that the directory gave."""

directories = Table(
    "directories",
    metadata,
    Column("organization_id", ForeignKey("organizations.id"), primary_key=True),
    Column("default_role", WORD, nullable=False),
    Column("version", Integer, nullable=False),
)

directory_tokens = Table(
    "directory_tokens",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("token_hash", ID, nullable=False),
    Column("last4", WORD, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", ID, nullable=False),
    Column("expires_at", Microseconds),
    Column("revoked_at", Microseconds),
    Column("last_used_at", Microseconds),
    UniqueConstraint("token_hash"),
    Index("ix_directory_tokens_organization_id", "organization_id"),
)

directory_people = Table(
    "directory_people",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("user_name", EMAIL, nullable=False),
    Column("user_name_key", COMPARED, nullable=False),
    Column("external_id", _GIVEN),
    Column("is_active", Boolean, nullable=False),
    Column("document", Long, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("changed_at", Microseconds, nullable=False),
    Column("own_role", WORD),
    Column("made_account", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("organization_id", "user_name_key"),
    UniqueConstraint("organization_id", "user_id"),
    Index("ix_directory_people_user_id", "user_id"),
    Index("ix_directory_people_organization_id_external_id", "organization_id", "external_id"),
    Index("ix_directory_people_organization_id_created_at_id", "organization_id", "created_at", "id"),
)

directory_groups = Table(
    "directory_groups",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("name", _GIVEN, nullable=False),
    Column("name_key", COMPARED, nullable=False),
    Column("external_id", _GIVEN),
    Column("created_at", Microseconds, nullable=False),
    Column("changed_at", Microseconds, nullable=False),
    Column("role", WORD),
    Column("version", Integer, nullable=False),
    Index("ix_directory_groups_organization_id_name_key", "organization_id", "name_key"),
    Index("ix_directory_groups_organization_id_external_id", "organization_id", "external_id"),
    Index("ix_directory_groups_organization_id_created_at_id", "organization_id", "created_at", "id"),
)

directory_group_members = Table(
    "directory_group_members",
    metadata,
    Column("group_id", ForeignKey("directory_groups.id"), nullable=False),
    Column("person_id", ForeignKey("directory_people.id"), nullable=False),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    PrimaryKeyConstraint("group_id", "person_id"),
    Index("ix_directory_group_members_person_id", "person_id"),
    Index("ix_directory_group_members_organization_id", "organization_id"),
)
