"""Versions: two editors do not overwrite each other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.migrations.steps import add_columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = ("providers", "deployments", "models", "prices")


def upgrade() -> None:
    """Apply this step."""
    for table in _TABLES:
        add_columns(table, sa.Column("version", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    """Take this step back."""
    for table in _TABLES:
        with op.batch_alter_table(table) as altered:
            altered.drop_column("version")
