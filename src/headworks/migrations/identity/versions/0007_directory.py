"""What companies' directories tell of people and groups, and the tokens that they tell it by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long
from headworks.migrations.steps import create_index, create_table

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COMPARED = Exact(512, text_in_sqlite=True)
_EMAIL = Exact(254, text_in_sqlite=True)
_GIVEN = Exact(256, text_in_sqlite=True)
_ID = Exact(64, text_in_sqlite=True)
_NAME = Exact(128, text_in_sqlite=True)
_WORD = Exact(16, text_in_sqlite=True)


def upgrade() -> None:
    """Apply this step."""
    create_table(
        "directories",
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("default_role", _WORD, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_directories"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_directories_organization_id"),
    )
    create_table(
        "directory_tokens",
        sa.Column("id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("token_hash", _ID, nullable=False),
        sa.Column("last4", _WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("last_used_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_directory_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_directory_tokens_token_hash"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_directory_tokens_organization_id"),
    )
    create_index("ix_directory_tokens_organization_id", "directory_tokens", ["organization_id"])
    create_table(
        "directory_people",
        sa.Column("id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("user_name", _EMAIL, nullable=False),
        sa.Column("user_name_key", _COMPARED, nullable=False),
        sa.Column("external_id", _GIVEN),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("document", Long(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("own_role", _WORD),
        sa.Column("made_account", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_people"),
        sa.UniqueConstraint(
            "organization_id", "user_name_key", name="uq_directory_people_organization_id_user_name_key"
        ),
        sa.UniqueConstraint("organization_id", "user_id", name="uq_directory_people_organization_id_user_id"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_directory_people_organization_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_directory_people_user_id"),
    )
    create_index("ix_directory_people_user_id", "directory_people", ["user_id"])
    for last in (["external_id"], ["created_at", "id"]):
        columns = ["organization_id", *last]
        create_index(f"ix_directory_people_{'_'.join(columns)}", "directory_people", columns)
    create_table(
        "directory_groups",
        sa.Column("id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("name", _GIVEN, nullable=False),
        sa.Column("name_key", _COMPARED, nullable=False),
        sa.Column("external_id", _GIVEN),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("role", _WORD),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_groups"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_directory_groups_organization_id"),
    )
    for last in (["name_key"], ["external_id"], ["created_at", "id"]):
        columns = ["organization_id", *last]
        create_index(f"ix_directory_groups_{'_'.join(columns)}", "directory_groups", columns)
    create_table(
        "directory_group_members",
        sa.Column("group_id", _ID, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.PrimaryKeyConstraint("group_id", "person_id", name="pk_directory_group_members"),
        sa.ForeignKeyConstraint(["group_id"], ["directory_groups.id"], name="fk_directory_group_members_group_id"),
        sa.ForeignKeyConstraint(["person_id"], ["directory_people.id"], name="fk_directory_group_members_person_id"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="fk_directory_group_members_organization_id"
        ),
    )
    for column in ("person_id", "organization_id"):
        create_index(f"ix_directory_group_members_{column}", "directory_group_members", [column])


def downgrade() -> None:
    """Take this step back."""
    for table in (
        "directory_group_members",
        "directory_groups",
        "directory_people",
        "directory_tokens",
        "directories",
    ):
        op.drop_table(table)
