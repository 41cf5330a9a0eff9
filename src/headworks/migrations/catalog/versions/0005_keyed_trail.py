"""The audit trail is signed: which key made each hash, a signed end, and keys that are not in the keyring any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long
from headworks.migrations.steps import add_columns, create_index, create_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step. Entries that are there stay as they are, without a key."""
    add_columns("catalog_audit_trail", sa.Column("key_id", Exact(64)))
    add_columns("catalog_audit_head", sa.Column("key_id", Exact(64)), sa.Column("mac", Exact(64)))
    create_table(
        "catalog_audit_keys",
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("sealed", Long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_audit_keys"),
    )
    # Lists of what one actor did, and of one kind of action, however long the trail is.
    create_index("ix_catalog_audit_trail_actor_id_at_id", "catalog_audit_trail", ["actor_id", "at", "id"])
    create_index("ix_catalog_audit_trail_action_at_id", "catalog_audit_trail", ["action", "at", "id"])


def downgrade() -> None:
    """Take this step back."""
    op.drop_index("ix_catalog_audit_trail_action_at_id", "catalog_audit_trail")
    op.drop_index("ix_catalog_audit_trail_actor_id_at_id", "catalog_audit_trail")
    op.drop_table("catalog_audit_keys")
    with op.batch_alter_table("catalog_audit_head") as head:
        head.drop_column("mac")
        head.drop_column("key_id")
    with op.batch_alter_table("catalog_audit_trail") as trail:
        trail.drop_column("key_id")
