"""What settlements came to whose usage records were forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact
from headworks.migrations.steps import create_index, create_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    create_table(
        "ledger_forgotten",
        sa.Column("transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("cost", Exact(40), nullable=False),
        sa.Column("charge", Exact(40), nullable=False),
        sa.Column("forgotten_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", name="pk_ledger_forgotten"),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transactions.id"], name="fk_ledger_forgotten_transaction_id"
        ),
    )
    create_index(
        "ix_ledger_forgotten_organization_id_transaction_id", "ledger_forgotten", ["organization_id", "transaction_id"]
    )


def downgrade() -> None:
    """Take this step back. Where records were forgotten, an older release's proof finds their settlements without any."""
    op.drop_table("ledger_forgotten")
