"""Limits, their revisions, the audit trail of them, and answers that must not be given twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long, Microseconds

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "limits",
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("organization_id", Exact(64), nullable=False),
        sa.Column("scope", Exact(16), nullable=False),
        sa.Column("scope_id", Exact(256), nullable=False),
        sa.Column("unit", Exact(16), nullable=False),
        sa.Column("window", Exact(16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Microseconds(), nullable=False),
        sa.Column("updated_at", Microseconds(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_limits"),
        sa.UniqueConstraint(
            "organization_id",
            "scope",
            "scope_id",
            "unit",
            "window",
            name="uq_limits_organization_id_scope_scope_id_unit_window",
        ),
    )
    op.create_table(
        "limits_revisions",
        sa.Column("organization_id", Exact(64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_limits_revisions"),
    )
    op.create_table(
        "limits_replies",
        sa.Column("caller", Exact(64), nullable=False),
        sa.Column("request_key", Exact(64), nullable=False),
        sa.Column("fingerprint", Exact(64), nullable=False),
        sa.Column("sealed", Long(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "request_key", name="pk_limits_replies"),
    )
    op.create_index("ix_limits_replies_caller_kept_at", "limits_replies", ["caller", "kept_at"])
    op.create_index("ix_limits_replies_kept_at", "limits_replies", ["kept_at"])
    op.create_table(
        "limits_audit_trail",
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
        sa.Column("key_id", Exact(64)),
        sa.PrimaryKeyConstraint("sequence", name="pk_limits_audit_trail"),
    )
    op.create_index("ix_limits_audit_trail_at_id", "limits_audit_trail", ["at", "id"])
    op.create_index(
        "ix_limits_audit_trail_organization_id_at_id", "limits_audit_trail", ["organization_id", "at", "id"]
    )
    op.create_index("ix_limits_audit_trail_resource_id", "limits_audit_trail", ["resource_id"])
    op.create_index("ix_limits_audit_trail_request_id", "limits_audit_trail", ["request_id"])
    op.create_index("ix_limits_audit_trail_actor_id_at_id", "limits_audit_trail", ["actor_id", "at", "id"])
    op.create_index("ix_limits_audit_trail_action_at_id", "limits_audit_trail", ["action", "at", "id"])
    op.create_table(
        "limits_audit_keys",
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("sealed", Long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_limits_audit_keys"),
    )
    op.create_table(
        "limits_audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", Exact(64), nullable=False),
        sa.Column("key_id", Exact(64)),
        sa.Column("mac", Exact(64)),
        sa.PrimaryKeyConstraint("id", name="pk_limits_audit_head"),
    )


def downgrade() -> None:
    """Take this step back."""
    for table in (
        "limits_audit_head",
        "limits_audit_keys",
        "limits_audit_trail",
        "limits_replies",
        "limits_revisions",
        "limits",
    ):
        op.drop_table(table)
