"""Since when records are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.migrations.steps import add_columns

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    add_columns("usage_turns", sa.Column("kept_from_us", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take this step back. An older release stores what is older than that moment again, as often as it is told."""
    with op.batch_alter_table("usage_turns") as altered:
        altered.drop_column("kept_from_us")
