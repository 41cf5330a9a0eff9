"""Organisations, projects and keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = Exact(64, text_in_sqlite=True)
_NAME = Exact(128, text_in_sqlite=True)
_WORD = Exact(16, text_in_sqlite=True)


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "organizations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organizations"),
    )
    op.create_table(
        "projects",
        sa.Column("id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_projects_organization_id"),
    )
    op.create_index("ix_projects_organization_id", "projects", ["organization_id"])
    op.create_table(
        "keys",
        sa.Column("id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("permissions", Long(), nullable=False),
        sa.Column("key_hash", _ID, nullable=False),
        sa.Column("prefix", _WORD, nullable=False),
        sa.Column("last4", _WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("last_used_at", sa.BigInteger()),
        sa.Column("allowed_models", Long()),
        sa.CheckConstraint("kind IN ('inference', 'management')", name=op.f("ck_keys_kind")),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_keys_organization_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_keys_project_id"),
    )
    op.create_index("uq_keys_key_hash", "keys", ["key_hash"], unique=True)
    op.create_index("ix_keys_organization_id_id", "keys", ["organization_id", "id"])


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("keys")
    op.drop_table("projects")
    op.drop_table("organizations")
