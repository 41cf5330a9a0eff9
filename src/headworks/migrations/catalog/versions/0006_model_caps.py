"""Deployments may say how much their model can answer at most."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.migrations.steps import add_columns

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step. Of the deployments that are there it is not known."""
    add_columns("deployments", sa.Column("max_output_tokens", sa.Integer()))


def downgrade() -> None:
    """Take this step back."""
    with op.batch_alter_table("deployments") as deployments:
        deployments.drop_column("max_output_tokens")
