"""The tables of sign-in. They name users by id alone: people are kept beside them, by others."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table

from headworks.identity.adapters.columns import ID, NAME, WORD, metadata
from headworks.kernel.database import Long, Microseconds

__all__ = [
    "attempts",
    "metadata",
    "passwords",
    "recovery_codes",
    "refresh_tokens",
    "second_factors",
    "sessions",
    "signing_keys",
]

passwords = Table(
    "passwords",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("password_hash", ID, nullable=False),
    Column("changed_at", Microseconds, nullable=False),
    Column("must_change", Boolean, nullable=False),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("sealed_secret", Long, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("confirmed_at", Microseconds),
    Column("last_step", Integer, nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", ID, nullable=False),
    Column("code_hash", ID, nullable=False),
    Column("used_at", Microseconds),
    PrimaryKeyConstraint("user_id", "code_hash"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("user_id", ID, nullable=False),
    Column("organization_id", ID, nullable=False),
    Column("carriage", WORD, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("last_seen_at", Microseconds, nullable=False),
    Column("expires_at", Microseconds, nullable=False),
    Column("source", ID, nullable=False),
    Column("user_agent", Long, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("csrf_hash", ID, nullable=False),
    Column("ended_at", Microseconds),
    Column("end_reason", NAME, nullable=False),
    Column("connection_id", ID),
    Index("ix_sessions_user_id_id", "user_id", "id"),
    Index("ix_sessions_expires_at", "expires_at"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", ID, primary_key=True),
    Column("session_id", ID, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("expires_at", Microseconds, nullable=False),
    Column("used_at", Microseconds),
    Column("successor", Long, nullable=False),
    Index("ix_refresh_tokens_session_id", "session_id"),
)
"""successor: sealed, and only for the seconds in which it may have to be told again."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", ID, primary_key=True),
    Column("sealed_private", Long, nullable=False),
    Column("public_jwk", Long, nullable=False),
    Column("created_at", Microseconds, nullable=False),
)

attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("key", NAME, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Microseconds, nullable=False),
    Column("forget_at", Microseconds, nullable=False),
    Index("ix_sign_in_attempts_forget_at", "forget_at"),
)
"""key: `account:` and a hash of the address, or `source:` and a network."""
