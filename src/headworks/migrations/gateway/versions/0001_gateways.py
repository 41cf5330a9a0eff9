"""What control planes tell each other of gateways, and which of these are to drain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact
from headworks.migrations.steps import create_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    create_table(
        "gateways",
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("control", Exact(64), nullable=False),
        sa.Column("address", Exact(128), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("version", Exact(64), nullable=False),
        sa.Column("waiting_records", sa.BigInteger()),
        sa.Column("open_requests", sa.BigInteger()),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.Column("watching_since", sa.BigInteger()),
        sa.Column("away_since", sa.BigInteger()),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gateways"),
    )
    create_table(
        "gateway_drains",
        sa.Column("gateway", Exact(64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", name="pk_gateway_drains"),
    )


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("gateway_drains")
    op.drop_table("gateways")
