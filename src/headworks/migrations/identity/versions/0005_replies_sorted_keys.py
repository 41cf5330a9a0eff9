"""Answers to requests that must not be done twice; keys in the orders in which they are listed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long
from headworks.migrations.steps import create_index, create_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    create_table(
        "identity_replies",
        sa.Column("caller", Exact(64), nullable=False),
        sa.Column("request_key", Exact(64), nullable=False),
        sa.Column("fingerprint", Exact(64), nullable=False),
        sa.Column("sealed", Long(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "request_key", name="pk_identity_replies"),
    )
    create_index("ix_identity_replies_caller_kept_at", "identity_replies", ["caller", "kept_at"])
    create_index("ix_identity_replies_kept_at", "identity_replies", ["kept_at"])
    create_index("ix_keys_organization_id_created_at_id", "keys", ["organization_id", "created_at", "id"])
    create_index("ix_keys_organization_id_name_id", "keys", ["organization_id", "name", "id"])


def downgrade() -> None:
    """Take this step back."""
    op.drop_index("ix_keys_organization_id_name_id", "keys")
    op.drop_index("ix_keys_organization_id_created_at_id", "keys")
    op.drop_table("identity_replies")
