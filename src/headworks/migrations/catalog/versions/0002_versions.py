"""Versions: two editors do not overwrite each other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("providers", "deployments", "models", "prices")


def upgrade() -> None:
    """Apply this step."""
    for table in _TABLES:
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    """Take this step back."""
    for table in _TABLES:
        op.drop_column(table, "version")
