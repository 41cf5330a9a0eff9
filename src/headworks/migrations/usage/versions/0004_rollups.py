"""Sums by every dimension, for each minute, hour and day, in place of the totals by key, model and day.

Every day that had totals is noted, to be added up from its records while the server runs.
"""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact
from headworks.migrations.steps import create_index, create_table, has_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OLD_COUNTERS = (
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
_COUNTERS = (*_OLD_COUNTERS[:3], "partial_requests", *_OLD_COUNTERS[3:5], "charge_nanodollars", "duration_us")
_COUNTERS = (*_COUNTERS, *_OLD_COUNTERS[5:])
_TABLES = ("usage_minutes", "usage_hours", "usage_days")
_EPOCH = date(1970, 1, 1)
_DAY_SECONDS = 86_400


def upgrade() -> None:
    """Apply this step."""
    create_table(
        "usage_groups",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("digest", Exact(64), nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("project_id", Exact(128), nullable=False),
        sa.Column("key_id", Exact(128), nullable=False),
        sa.Column("user_id", Exact(128), nullable=False),
        sa.Column("model", Exact(256), nullable=False),
        sa.Column("provider_id", Exact(128), nullable=False),
        sa.Column("deployment_id", Exact(128), nullable=False),
        sa.Column("upstream_model", Exact(256), nullable=False),
        sa.Column("endpoint", Exact(256), nullable=False),
        sa.Column("outcome", Exact(256), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("tags", Exact(1024), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_usage_groups"),
        sa.UniqueConstraint("digest", name="uq_usage_groups_digest"),
    )
    create_index("ix_usage_groups_organization_id", "usage_groups", ["organization_id"])
    create_table(
        "usage_group_tags",
        sa.Column("group_id", _NUMBER, nullable=False),
        sa.Column("name", Exact(64), nullable=False),
        sa.Column("value", Exact(1024), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "name", name="pk_usage_group_tags"),
        sa.ForeignKeyConstraint(["group_id"], ["usage_groups.id"], name="fk_usage_group_tags_group_id"),
    )
    for table in _TABLES:
        create_table(table, *_rollup(table))
        create_index(f"ix_{table}_start_s", table, ["start_s"])
    create_table(
        "usage_pending_days",
        sa.Column("day_s", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("next_hour", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day_s", name="pk_usage_pending_days"),
    )
    create_table(
        "usage_turns",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_usage_turns"),
    )
    if has_table("usage_totals"):
        _note_days()
        op.drop_table("usage_totals")


def downgrade() -> None:
    """Take this step back: the totals are what the days come to."""
    integers = sa.CheckConstraint(_integers(_OLD_COUNTERS), name=op.f("ck_usage_totals_integers"))
    create_table(
        "usage_totals",
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("project_id", Exact(128), nullable=False),
        sa.Column("key_id", Exact(128), nullable=False),
        sa.Column("model", Exact(256), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _OLD_COUNTERS),
        *([integers] if op.get_context().dialect.name == "sqlite" else []),
        sa.PrimaryKeyConstraint("organization_id", "project_id", "key_id", "model", "day", name="pk_usage_totals"),
    )
    if has_table("usage_days"):
        _fill_totals()
    for table in ("usage_turns", "usage_pending_days", *reversed(_TABLES), "usage_group_tags", "usage_groups"):
        if has_table(table):
            op.drop_table(table)


def _rollup(table: str) -> list[sa.schema.SchemaItem]:
    integers = sa.CheckConstraint(_integers(_COUNTERS), name=op.f(f"ck_{table}_integers"))
    return [
        sa.Column("group_id", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("start_s", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTERS),
        # SQLite turns a sum beyond 64 bits into a float, and says nothing; the others refuse it.
        *([integers] if op.get_context().dialect.name == "sqlite" else []),
        sa.PrimaryKeyConstraint("group_id", "start_s", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["group_id"], ["usage_groups.id"], name=f"fk_{table}_group_id"),
    ]


def _integers(names: tuple[str, ...]) -> str:
    return " AND ".join(f"typeof({name}) = 'integer'" for name in names)


def _note_days() -> None:
    """Days that had totals. A step that died in the middle may have noted some."""
    bind = op.get_bind()
    totals = sa.table("usage_totals", sa.column("day", sa.Date()))
    pending = sa.table("usage_pending_days", sa.column("day_s"), sa.column("next_hour"))
    noted = set(bind.execute(sa.select(pending.c.day_s)).scalars())
    days = {(day - _EPOCH).days * _DAY_SECONDS for day in bind.execute(sa.select(totals.c.day).distinct()).scalars()}
    rows = [{"day_s": day_s, "next_hour": 0} for day_s in sorted(days - noted)]
    if rows:
        op.bulk_insert(pending, rows)


def _fill_totals() -> None:
    bind = op.get_bind()
    by = ("organization_id", "project_id", "key_id", "model")
    days = _table("usage_days", "group_id", "start_s", *_OLD_COUNTERS)
    groups = _table("usage_groups", "id", *by)
    totals = sa.table("usage_totals", *map(sa.column, (*by, *_OLD_COUNTERS)), sa.column("day", sa.Date()))
    by_group = [*(groups.c[name] for name in by), days.c.start_s]
    summed = (
        sa.select(*by_group, *(sa.func.sum(days.c[name]).label(name) for name in _OLD_COUNTERS))
        .join(groups, groups.c.id == days.c.group_id)
        .group_by(*by_group)
    )
    bind.execute(sa.delete(totals))
    rows = [
        {
            **{name: row[name] for name in by},
            "day": _EPOCH + timedelta(days=row["start_s"] // _DAY_SECONDS),
            **{name: int(row[name]) for name in _OLD_COUNTERS},
        }
        for row in bind.execute(summed).mappings()
    ]
    if rows:
        op.bulk_insert(totals, rows)


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns))
