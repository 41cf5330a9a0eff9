"""Passwords, second factors, sessions, refresh tokens, signing keys, and tries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long
from headworks.migrations.steps import create_index, create_table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = Exact(64, text_in_sqlite=True)
_NAME = Exact(128, text_in_sqlite=True)
_WORD = Exact(16, text_in_sqlite=True)


def upgrade() -> None:
    """Apply this step."""
    create_table(
        "passwords",
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("password_hash", _ID, nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_passwords"),
    )
    create_table(
        "second_factors",
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("sealed_secret", Long(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger()),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_second_factors"),
    )
    create_table(
        "recovery_codes",
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("code_hash", _ID, nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="pk_recovery_codes"),
    )
    create_table(
        "sessions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("carriage", _WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("source", _ID, nullable=False),
        sa.Column("user_agent", Long(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("csrf_hash", _ID, nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("end_reason", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    create_index("ix_sessions_user_id_id", "sessions", ["user_id", "id"])
    create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    create_table(
        "refresh_tokens",
        sa.Column("token_hash", _ID, nullable=False),
        sa.Column("session_id", _ID, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.Column("successor", Long(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_refresh_tokens"),
    )
    create_index("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"])
    create_table(
        "signing_keys",
        sa.Column("id", _ID, nullable=False),
        sa.Column("sealed_private", Long(), nullable=False),
        sa.Column("public_jwk", Long(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )
    create_table(
        "sign_in_attempts",
        sa.Column("key", _NAME, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=False),
        sa.Column("forget_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sign_in_attempts"),
    )
    create_index("ix_sign_in_attempts_forget_at", "sign_in_attempts", ["forget_at"])


def downgrade() -> None:
    """Take this step back."""
    for table in (
        "sign_in_attempts",
        "signing_keys",
        "refresh_tokens",
        "sessions",
        "recovery_codes",
        "second_factors",
        "passwords",
    ):
        op.drop_table(table)
