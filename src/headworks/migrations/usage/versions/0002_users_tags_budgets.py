"""Whose key a request used, how it was labelled, and what it drew from which budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact
from headworks.migrations.steps import add_columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    add_columns(
        "usage_subjects",
        sa.Column("user_id", Exact(128), nullable=False, server_default=""),
        sa.Column("budgets", Exact(1024), nullable=False, server_default=""),
    )
    add_columns(
        "usage_events",
        sa.Column("tags", Exact(1024), nullable=False, server_default=""),
        sa.Column("drawn_nanodollars", sa.BigInteger(), nullable=False, server_default="0"),
    )


def downgrade() -> None:
    """Take this step back."""
    for table, columns in (("usage_events", ("drawn_nanodollars", "tags")), ("usage_subjects", ("budgets", "user_id"))):
        with op.batch_alter_table(table) as altered:
            for column in columns:
                altered.drop_column(column)
