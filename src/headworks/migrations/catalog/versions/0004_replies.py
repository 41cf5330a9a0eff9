"""Answers to requests that must not be done twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long
from headworks.migrations.steps import create_index, create_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    create_table(
        "catalog_replies",
        sa.Column("caller", Exact(64), nullable=False),
        sa.Column("request_key", Exact(64), nullable=False),
        sa.Column("fingerprint", Exact(64), nullable=False),
        sa.Column("sealed", Long(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "request_key", name="pk_catalog_replies"),
    )
    create_index("ix_catalog_replies_caller_kept_at", "catalog_replies", ["caller", "kept_at"])
    create_index("ix_catalog_replies_kept_at", "catalog_replies", ["kept_at"])


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("catalog_replies")
