"""The tables of single sign-on."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, UniqueConstraint

from headworks.identity.adapters.columns import COMPARED, ID, NAME, SUBJECT, WORD, metadata
from headworks.kernel.database import Long, Microseconds

__all__ = ["attempts", "connections", "handovers", "subjects"]

connections = Table(
    "sso_connections",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organization_id", ID, nullable=False),
    Column("name", NAME, nullable=False),
    Column("name_key", COMPARED, nullable=False),
    Column("issuer", Long, nullable=False),
    Column("client_id", Long, nullable=False),
    Column("sealed_secret", Long),
    Column("secret_reference", Long),
    Column("scopes", Long, nullable=False),
    Column("group_claim", Long, nullable=False),
    Column("group_roles", Long, nullable=False),
    Column("default_role", WORD),
    Column("joins", Boolean, nullable=False),
    Column("allowed_domains", Long, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("private_network", Boolean, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("created_by", ID, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("organization_id", "name_key"),
)
"""scopes, allowed_domains: JSON lists; group_roles: a JSON list of pairs, in their order."""

subjects = Table(
    "sso_subjects",
    metadata,
    Column("connection_id", ID, nullable=False),
    Column("subject", SUBJECT, nullable=False),
    Column("organization_id", ID, nullable=False),
    Column("user_id", ID, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    PrimaryKeyConstraint("connection_id", "subject"),
    Index("ix_sso_subjects_user_id", "user_id"),
)
"""Whom somebody of a directory is here."""

attempts = Table(
    "sso_attempts",
    metadata,
    Column("state_hash", ID, primary_key=True),
    Column("organization_id", ID, nullable=False),
    Column("connection_id", ID, nullable=False),
    Column("browser_hash", ID, nullable=False),
    Column("redirect_uri", Long, nullable=False),
    Column("return_to", Long, nullable=False),
    Column("loopback_port", Integer),
    Column("code_challenge", ID, nullable=False),
    Column("client_state", NAME, nullable=False),
    Column("expires_at", Microseconds, nullable=False),
    Index("ix_sso_attempts_expires_at", "expires_at"),
    Index("ix_sso_attempts_connection_id", "connection_id"),
)

handovers = Table(
    "sso_handovers",
    metadata,
    Column("code_hash", ID, primary_key=True),
    Column("organization_id", ID, nullable=False),
    Column("connection_id", ID, nullable=False),
    Column("user_id", ID, nullable=False),
    Column("code_challenge", ID, nullable=False),
    Column("expires_at", Microseconds, nullable=False),
    Index("ix_sso_handovers_expires_at", "expires_at"),
    Index("ix_sso_handovers_connection_id", "connection_id"),
)
