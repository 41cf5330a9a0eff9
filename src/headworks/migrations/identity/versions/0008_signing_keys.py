"""Keys that sign requests: what they are known by, and their sealed secrets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long
from headworks.migrations.steps import add_columns, create_index

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COLUMNS = ("previous_sealed_secret", "sealed_secret", "signer_hash", "bearer")


def upgrade() -> None:
    """Apply this step."""
    add_columns(
        "keys",
        sa.Column("bearer", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("signer_hash", Exact(64, text_in_sqlite=True)),
        sa.Column("sealed_secret", Long()),
        sa.Column("previous_sealed_secret", Long()),
    )
    create_index("uq_keys_signer_hash", "keys", ["signer_hash"], unique=True)


def downgrade() -> None:
    """Take this step back."""
    op.drop_index("uq_keys_signer_hash", "keys")
    with op.batch_alter_table("keys") as altered:
        for column in _COLUMNS:
            altered.drop_column(column)
