"""The audit trail, and which providers may have private addresses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.add_column("providers", sa.Column("private_network", sa.Boolean(), server_default=sa.false(), nullable=False))
    # Those that are there were added when the whole installation allowed it, and go on as they were.
    op.execute(sa.text("UPDATE providers SET private_network = true"))
    op.create_table(
        "catalog_audit_trail",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", Exact(32), nullable=False),
        sa.Column("actor_id", Exact(64), nullable=False),
        sa.Column("organization_id", Exact(64), nullable=False),
        sa.Column("action", Exact(64), nullable=False),
        sa.Column("resource_type", Exact(64), nullable=False),
        sa.Column("resource_id", Exact(128), nullable=False),
        sa.Column("before", Long()),
        sa.Column("after", Long()),
        sa.Column("source", Exact(64)),
        sa.Column("request_id", Exact(128)),
        sa.Column("previous_hash", Exact(64), nullable=False),
        sa.Column("hash", Exact(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_catalog_audit_trail"),
    )
    op.create_index("ix_catalog_audit_trail_at_id", "catalog_audit_trail", ["at", "id"])
    op.create_index(
        "ix_catalog_audit_trail_organization_id_at_id", "catalog_audit_trail", ["organization_id", "at", "id"]
    )
    op.create_index("ix_catalog_audit_trail_resource_id", "catalog_audit_trail", ["resource_id"])
    op.create_index("ix_catalog_audit_trail_request_id", "catalog_audit_trail", ["request_id"])
    op.create_table(
        "catalog_audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", Exact(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_audit_head"),
    )


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("catalog_audit_head")
    op.drop_table("catalog_audit_trail")
    with op.batch_alter_table("providers") as providers:
        providers.drop_column("private_network")
