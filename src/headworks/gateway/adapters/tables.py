"""The gateway's tables, in the catalog's database. A change here needs a migration in `migrations/gateway/versions`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Table

from headworks.kernel.database import Exact, Microseconds, Schema, new_metadata

METADATA = new_metadata()

SCHEMA = Schema("gateway", METADATA, head="0001", beside="catalog")

_ID = Exact(64)

gateways = Table(
    "gateways",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("control", _ID, nullable=False),
    Column("address", Exact(128), nullable=False),
    Column("heard_at", Microseconds, nullable=False),
    Column("version", Exact(64), nullable=False),
    Column("waiting_records", BigInteger),
    Column("open_requests", BigInteger),
    Column("draining", Boolean, nullable=False),
    Column("watching_since", Microseconds),
    Column("away_since", Microseconds),
    Column("revision", BigInteger, nullable=False),
    Column("newest", BigInteger, nullable=False),
    Column("noted_at", Microseconds, nullable=False),
)
"""What control planes heard of gateways: a row for each, which the control plane writes that it asks."""

drains = Table(
    "gateway_drains",
    METADATA,
    Column("gateway", _ID, primary_key=True),
    Column("since", Microseconds, nullable=False),
)
"""Which gateways an operator wants to drain."""
