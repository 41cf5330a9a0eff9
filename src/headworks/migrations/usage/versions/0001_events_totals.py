"""Records of requests, their totals, and events that could not be stored."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_COUNTERS = (
    "requests",
    "errors",
    "estimated_requests",
    "unpriced_requests",
    "cost_nanodollars",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "output_tokens",
    "reasoning_tokens",
    "output_audio_tokens",
    "images",
    "milliseconds",
)
_INTEGERS = " AND ".join(f"typeof({name}) = 'integer'" for name in _COUNTERS)


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "usage_sources",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", Exact(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_usage_sources"),
        sa.UniqueConstraint("name", name="uq_usage_sources_name"),
    )
    op.create_table(
        "usage_subjects",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", Exact(64), nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("project_id", Exact(128), nullable=False),
        sa.Column("key_id", Exact(128), nullable=False),
        sa.Column("model", Exact(256), nullable=False),
        sa.Column("endpoint", Exact(256), nullable=False),
        sa.Column("provider_id", Exact(128), nullable=False),
        sa.Column("deployment_id", Exact(128), nullable=False),
        sa.Column("upstream_model", Exact(256), nullable=False),
        sa.Column("outcome", Exact(256), nullable=False),
        sa.Column("usage_source", Exact(256), nullable=False),
        sa.Column("price_id", Exact(128)),
        sa.PrimaryKeyConstraint("id", name="pk_usage_subjects"),
        sa.UniqueConstraint("digest", name="uq_usage_subjects_digest"),
    )
    op.create_table(
        "usage_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", Exact(128), nullable=False),
        sa.Column("upstream_request_id", Exact(256), nullable=False),
        sa.Column("error_code", Exact(256), nullable=False),
        sa.Column("usage_flags", Exact(512), nullable=False),
        sa.Column("streamed", sa.Boolean(), nullable=False),
        sa.Column("first_byte_us", sa.BigInteger()),
        sa.Column("occurred_at_us", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_5m_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_1h_tokens", sa.BigInteger(), nullable=False),
        sa.Column("input_audio_tokens", sa.BigInteger(), nullable=False),
        sa.Column("input_image_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_audio_tokens", sa.BigInteger(), nullable=False),
        sa.Column("images", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("cost_nanodollars", sa.BigInteger()),
        sa.Column("received_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_usage_events"),
        sa.UniqueConstraint("source_id", "event_id", name="uq_usage_events_source_id_event_id"),
        sa.ForeignKeyConstraint(["source_id"], ["usage_sources.id"], name="fk_usage_events_source_id"),
        sa.ForeignKeyConstraint(["subject_id"], ["usage_subjects.id"], name="fk_usage_events_subject_id"),
    )
    op.create_index("ix_usage_events_occurred_at_us", "usage_events", ["occurred_at_us"])
    # SQLite turns a sum beyond 64 bits into a float, and says nothing; the others refuse it.
    integers = sa.CheckConstraint(_INTEGERS, name=op.f("ck_usage_totals_integers"))
    only_in_sqlite = [integers] if op.get_context().dialect.name == "sqlite" else []
    op.create_table(
        "usage_totals",
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("project_id", Exact(128), nullable=False),
        sa.Column("key_id", Exact(128), nullable=False),
        sa.Column("model", Exact(256), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("estimated_requests", sa.BigInteger(), nullable=False),
        sa.Column("unpriced_requests", sa.BigInteger(), nullable=False),
        sa.Column("cost_nanodollars", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_5m_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_1h_tokens", sa.BigInteger(), nullable=False),
        sa.Column("input_audio_tokens", sa.BigInteger(), nullable=False),
        sa.Column("input_image_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_audio_tokens", sa.BigInteger(), nullable=False),
        sa.Column("images", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        *only_in_sqlite,
        sa.PrimaryKeyConstraint("organization_id", "project_id", "key_id", "model", "day", name="pk_usage_totals"),
    )
    op.create_table(
        "rejected_events",
        sa.Column("digest", Exact(64), nullable=False),
        sa.Column("reason", Long(), nullable=False),
        sa.Column("event", Long(), nullable=False),
        sa.Column("rejected_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_rejected_events"),
    )


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("rejected_events")
    op.drop_table("usage_totals")
    op.drop_table("usage_events")
    op.drop_table("usage_subjects")
    op.drop_table("usage_sources")
