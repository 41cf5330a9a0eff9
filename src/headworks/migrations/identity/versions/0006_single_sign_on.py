"""Single sign-on: connections to directories, whom their subjects are here, and sign-ins on their way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long
from headworks.migrations.steps import add_columns, create_index, create_table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = Exact(64, text_in_sqlite=True)
_NAME = Exact(128, text_in_sqlite=True)
_COMPARED = Exact(512, text_in_sqlite=True)
_SUBJECT = Exact(255, text_in_sqlite=True)
_WORD = Exact(16, text_in_sqlite=True)


def upgrade() -> None:
    """Apply this step."""
    create_table(
        "sso_connections",
        sa.Column("id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("name_key", _COMPARED, nullable=False),
        sa.Column("issuer", Long(), nullable=False),
        sa.Column("client_id", Long(), nullable=False),
        sa.Column("sealed_secret", Long()),
        sa.Column("secret_reference", Long()),
        sa.Column("scopes", Long(), nullable=False),
        sa.Column("group_claim", Long(), nullable=False),
        sa.Column("group_roles", Long(), nullable=False),
        sa.Column("default_role", _WORD),
        sa.Column("joins", sa.Boolean(), nullable=False),
        sa.Column("allowed_domains", Long(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("private_network", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sso_connections"),
        sa.UniqueConstraint("organization_id", "name_key", name="uq_sso_connections_organization_id_name_key"),
    )
    create_table(
        "sso_subjects",
        sa.Column("connection_id", _ID, nullable=False),
        sa.Column("subject", _SUBJECT, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "subject", name="pk_sso_subjects"),
    )
    create_index("ix_sso_subjects_user_id", "sso_subjects", ["user_id"])
    create_table(
        "sso_attempts",
        sa.Column("state_hash", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("connection_id", _ID, nullable=False),
        sa.Column("browser_hash", _ID, nullable=False),
        sa.Column("redirect_uri", Long(), nullable=False),
        sa.Column("return_to", Long(), nullable=False),
        sa.Column("loopback_port", sa.Integer()),
        sa.Column("code_challenge", _ID, nullable=False),
        sa.Column("client_state", _NAME, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_sso_attempts"),
    )
    create_index("ix_sso_attempts_expires_at", "sso_attempts", ["expires_at"])
    create_index("ix_sso_attempts_connection_id", "sso_attempts", ["connection_id"])
    create_table(
        "sso_handovers",
        sa.Column("code_hash", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("connection_id", _ID, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("code_challenge", _ID, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name="pk_sso_handovers"),
    )
    create_index("ix_sso_handovers_expires_at", "sso_handovers", ["expires_at"])
    create_index("ix_sso_handovers_connection_id", "sso_handovers", ["connection_id"])
    # Without a value for those that are there, and for those that the release before this one goes on to make.
    add_columns("sessions", sa.Column("connection_id", _ID))


def downgrade() -> None:
    """Take this step back."""
    op.drop_column("sessions", "connection_id")
    for table in ("sso_handovers", "sso_attempts", "sso_subjects", "sso_connections"):
        op.drop_table(table)
