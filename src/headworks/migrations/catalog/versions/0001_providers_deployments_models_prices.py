"""Providers, deployments, models, prices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "providers",
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("organization_id", Exact(64), nullable=False),
        sa.Column("name", Exact(63), nullable=False),
        sa.Column("dialect", Exact(16), nullable=False),
        sa.Column("base_url", Exact(2048), nullable=False),
        sa.Column("origin", Exact(16), nullable=False),
        sa.Column("credential_kind", Exact(16)),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("credential_sealed", Long()),
        sa.Column("credential_reference", Long()),
        sa.Column("credential_last4", Exact(4)),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger()),
        sa.Column("live", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_providers"),
        sa.UniqueConstraint("organization_id", "name", "live", name="uq_providers_organization_id_name_live"),
    )
    op.create_table(
        "deployments",
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("organization_id", Exact(64), nullable=False),
        sa.Column("provider_id", Exact(64), nullable=False),
        sa.Column("upstream_model", Exact(192), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("stream_usage", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("origin", Exact(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deployments"),
        sa.UniqueConstraint("provider_id", "upstream_model", name="uq_deployments_provider_id_upstream_model"),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name="fk_deployments_provider_id"),
    )
    op.create_index("ix_deployments_organization_id", "deployments", ["organization_id"])
    op.create_table(
        "models",
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("organization_id", Exact(64), nullable=False),
        sa.Column("alias", Exact(256), nullable=False),
        sa.Column("origin", Exact(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
        sa.UniqueConstraint("organization_id", "alias", name="uq_models_organization_id_alias"),
    )
    op.create_table(
        "model_targets",
        sa.Column("model_id", Exact(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("deployment_id", Exact(64), nullable=False),
        sa.Column("weight", sa.Integer()),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_model_targets_model_id"),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployments.id"], name="fk_model_targets_deployment_id"),
        sa.PrimaryKeyConstraint("model_id", "position", name="pk_model_targets"),
    )
    op.create_index("ix_model_targets_deployment_id", "model_targets", ["deployment_id"])
    op.create_table(
        "prices",
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("owner", Exact(64), nullable=False),
        sa.Column("provider", Exact(63), nullable=False),
        sa.Column("model", Exact(192), nullable=False),
        sa.Column("input", sa.BigInteger(), nullable=False),
        sa.Column("cache_read", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_5m", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_1h", sa.BigInteger(), nullable=False),
        sa.Column("input_audio", sa.BigInteger(), nullable=False),
        sa.Column("input_image", sa.BigInteger(), nullable=False),
        sa.Column("output", sa.BigInteger(), nullable=False),
        sa.Column("reasoning", sa.BigInteger(), nullable=False),
        sa.Column("output_audio", sa.BigInteger(), nullable=False),
        sa.Column("images", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger()),
        sa.Column("source", Exact(500), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prices"),
        sa.UniqueConstraint(
            "owner", "provider", "model", "valid_from", name="uq_prices_owner_provider_model_valid_from"
        ),
    )
    op.create_table(
        "revisions",
        sa.Column("scope", Exact(64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pk_revisions"),
    )


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("revisions")
    op.drop_table("prices")
    op.drop_table("model_targets")
    op.drop_table("models")
    op.drop_table("deployments")
    op.drop_table("providers")
