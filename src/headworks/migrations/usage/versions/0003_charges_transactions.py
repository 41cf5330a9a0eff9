"""What each record was charged, and which transaction of the ledger settled it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.migrations.steps import add_columns, create_index

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    add_columns(
        "usage_events",
        sa.Column("charge_nanodollars", sa.BigInteger()),
        sa.Column("transaction_id", sa.BigInteger()),
    )
    create_index("ix_usage_events_transaction_id", "usage_events", ["transaction_id"])


def downgrade() -> None:
    """Take this step back."""
    op.drop_index("ix_usage_events_transaction_id", "usage_events")
    with op.batch_alter_table("usage_events") as altered:
        altered.drop_column("transaction_id")
        altered.drop_column("charge_nanodollars")
