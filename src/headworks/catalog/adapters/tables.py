"""The catalog's tables. A change here needs a migration in `migrations/catalog/versions`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    false,
)

from headworks.catalog.contracts import SHARED, CatalogChanged, Rates
from headworks.kernel.database import Announcements, Exact, Long, Microseconds, Schema, Trail, new_metadata, wall_off
from headworks.kernel.database.replies import replies_table

METADATA = new_metadata()

SCHEMA = Schema("catalog", METADATA, head="0008", serves="0001")

TRAIL = Trail("catalog", METADATA)

ANNOUNCEMENTS = Announcements("catalog", METADATA, (CatalogChanged,))

_ID = Exact(64)


def _version() -> Column[int]:
    return Column("version", Integer, nullable=False, server_default="1")


providers = Table(
    "providers",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("name", Exact(63), nullable=False),
    Column("dialect", Exact(16), nullable=False),
    Column("base_url", Exact(2048), nullable=False),
    Column("origin", Exact(16), nullable=False),
    Column("credential_kind", Exact(16)),
    Column("credential_version", Integer, nullable=False),
    Column("credential_sealed", Long),
    Column("credential_reference", Long),
    Column("credential_last4", Exact(4)),
    Column("created_at", Microseconds, nullable=False),
    Column("updated_at", Microseconds, nullable=False),
    Column("retired_at", Microseconds),
    # True, or NULL once retired: unique constraints hold no two NULLs to be equal, so a name can be used again.
    Column("live", Boolean),
    Column("private_network", Boolean, nullable=False, server_default=false()),
    _version(),
    UniqueConstraint("organization_id", "name", "live"),
)

deployments = Table(
    "deployments",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("provider_id", ForeignKey("providers.id"), nullable=False),
    Column("upstream_model", Exact(192), nullable=False),
    Column("weight", Integer, nullable=False),
    Column("stream_usage", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("origin", Exact(16), nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("updated_at", Microseconds, nullable=False),
    _version(),
    Column("max_output_tokens", Integer),
    UniqueConstraint("provider_id", "upstream_model"),
    Index(None, "organization_id"),
)

models = Table(
    "models",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("alias", Exact(256), nullable=False),
    Column("origin", Exact(16), nullable=False),
    Column("created_at", Microseconds, nullable=False),
    Column("updated_at", Microseconds, nullable=False),
    _version(),
    UniqueConstraint("organization_id", "alias"),
)

model_targets = Table(
    "model_targets",
    METADATA,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("deployment_id", ForeignKey("deployments.id"), nullable=False),
    Column("weight", Integer),
    Index(None, "deployment_id"),
)

prices = Table(
    "prices",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("owner", _ID, nullable=False),
    Column("provider", Exact(63), nullable=False),
    Column("model", Exact(192), nullable=False),
    *(Column(bucket, BigInteger, nullable=False) for bucket in Rates._fields),
    Column("valid_from", Microseconds, nullable=False),
    Column("valid_to", Microseconds),
    Column("source", Exact(500), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("created_at", Microseconds, nullable=False),
    _version(),
    UniqueConstraint("owner", "provider", "model", "valid_from"),
)

revisions = Table(
    "revisions",
    METADATA,
    Column("scope", _ID, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)
"""A counter for each organisation and one for the shipped prices: what tells another process that it must read anew."""

replies = replies_table("catalog", METADATA)

wall_off(METADATA, SHARED, prices="owner", revisions="scope")
