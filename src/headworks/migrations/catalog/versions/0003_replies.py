"""Answers to requests that must not be done twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "replies",
        sa.Column("caller", sa.String(64), nullable=False),
        sa.Column("request_key", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "request_key", name="pk_replies"),
    )
    op.create_index("ix_replies_caller_kept_at", "replies", ["caller", "kept_at"])
    op.create_index("ix_replies_kept_at", "replies", ["kept_at"])


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("replies")
