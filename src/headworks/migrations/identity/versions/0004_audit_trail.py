"""The audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long
from headworks.migrations.steps import create_index, create_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    create_table(
        "identity_audit_trail",
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
        sa.PrimaryKeyConstraint("sequence", name="pk_identity_audit_trail"),
    )
    create_index("ix_identity_audit_trail_at_id", "identity_audit_trail", ["at", "id"])
    create_index(
        "ix_identity_audit_trail_organization_id_at_id", "identity_audit_trail", ["organization_id", "at", "id"]
    )
    create_index("ix_identity_audit_trail_resource_id", "identity_audit_trail", ["resource_id"])
    create_index("ix_identity_audit_trail_request_id", "identity_audit_trail", ["request_id"])
    create_table(
        "identity_audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", Exact(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_audit_head"),
    )


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("identity_audit_head")
    op.drop_table("identity_audit_trail")
