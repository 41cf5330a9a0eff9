"""Messages that wait, are held by a consumer, or are dead."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Microseconds

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "bus_messages",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("queue", Exact(64), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("reason", Exact(16), nullable=False),
        sa.Column("published_at", Microseconds(), nullable=False),
        sa.Column("id", Exact(200), nullable=False),
        sa.Column("type", Exact(200), nullable=False),
        sa.Column("subject", Exact(200), nullable=False),
        sa.Column("organization_id", Exact(200), nullable=False),
        sa.Column("occurred_at", Microseconds(), nullable=False),
        sa.Column("content_type", Exact(200), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_bus_messages"),
    )
    op.create_index("ix_bus_messages_queue_state_rank_sequence", "bus_messages", ["queue", "state", "rank", "sequence"])
    op.create_index(
        "ix_bus_messages_queue_state_published_at", "bus_messages", ["queue", "state", "published_at", "size"]
    )


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("bus_messages")
