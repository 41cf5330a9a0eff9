"""Which tags sums tell apart, by organisation and month; those that sums are of have their place.

Where a month has more of them than that, its days are noted, to be added up anew from their records while the server runs.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact
from headworks.migrations.steps import create_table, has_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MONTHS, _SETS = "usage_tag_months", "usage_tag_sets"
_TAG_VALUES = 1_000
_MOST_SETS = 10 * _TAG_VALUES
_AT_ONCE = 1_000


def upgrade() -> None:
    """Apply this step."""
    create_table(
        _MONTHS,
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("month_s", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tag_values", sa.Integer(), nullable=False),
        sa.Column("sets", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "month_s", name=f"pk_{_MONTHS}"),
    )
    create_table(
        _SETS,
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("month_s", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", Exact(64), nullable=False),
        sa.Column("tags", Exact(1024), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "month_s", "digest", name=f"pk_{_SETS}"),
    )
    # A step that died in the middle may have filled them in part.
    op.execute(sa.delete(_table(_SETS)))
    op.execute(sa.delete(_table(_MONTHS)))
    for start_s, end_s in _months():
        _fill(start_s, end_s)


def downgrade() -> None:
    """Take this step back."""
    for table in (_SETS, _MONTHS):
        if has_table(table):
            op.drop_table(table)


def _months() -> list[tuple[int, int]]:
    """First second of each that has sums, and of the next one."""
    bounds: list[int] = []
    for table in ("usage_hours", "usage_days"):
        start_s = _table(table, "start_s").c.start_s
        bounds += [
            bound
            for bound in op.get_bind().execute(sa.select(sa.func.min(start_s), sa.func.max(start_s))).one()
            if bound is not None
        ]
    if not bounds:
        return []
    found = []
    first = datetime.fromtimestamp(min(bounds), UTC).replace(day=1, hour=0, minute=0, second=0)
    while first.timestamp() <= max(bounds):
        after = (first + timedelta(days=31)).replace(day=1)
        found.append((int(first.timestamp()), int(after.timestamp())))
        first = after
    return found


def _fill(start_s: int, end_s: int) -> None:
    """One month."""
    bind = op.get_bind()
    tagged = sa.union(*(_tagged(table, start_s, end_s) for table in ("usage_hours", "usage_days"))).subquery()
    counted = sa.select(tagged.c.organization_id, sa.func.count()).group_by(tagged.c.organization_id)
    counts: dict[str, int] = {organization_id: count for organization_id, count in bind.execute(counted)}  # noqa: C416 - rows
    beyond = [organization_id for organization_id, count in counts.items() if count > _MOST_SETS]
    for organization_id in beyond:
        _note_days(organization_id, start_s, end_s)
    months = [
        {"organization_id": organization_id, "month_s": start_s, "tag_values": _TAG_VALUES, "sets": count}
        for organization_id, count in counts.items()
        if count <= _MOST_SETS
    ]
    sets = [
        {"organization_id": organization_id, "month_s": start_s, "digest": _digest(tags), "tags": tags}
        for organization_id, tags in bind.execute(
            sa.select(tagged.c.organization_id, tagged.c.tags).where(tagged.c.organization_id.not_in(beyond))
        )
    ]
    for table, rows in ((_MONTHS, months), (_SETS, sets)):
        for first in range(0, len(rows), _AT_ONCE):
            op.bulk_insert(_table(table, *rows[0]), rows[first : first + _AT_ONCE])


def _digest(tags: str) -> str:
    return hashlib.sha256(tags.encode()).hexdigest()


def _tagged(table: str, start_s: int, end_s: int) -> sa.Select[Any]:
    groups, sums = _table("usage_groups", "id", "organization_id", "tags"), _table(table, "group_id", "start_s")
    return (
        sa.select(groups.c.organization_id, groups.c.tags)
        .join_from(sums, groups, groups.c.id == sums.c.group_id)
        .where(sums.c.start_s >= start_s, sums.c.start_s < end_s, groups.c.tags != "")
    )


def _note_days(organization_id: str, start_s: int, end_s: int) -> None:
    """Of that month, on which it has something."""
    bind = op.get_bind()
    pending = _table("usage_pending_days", "day_s", "next_hour")
    groups, days = _table("usage_groups", "id", "organization_id"), _table("usage_days", "group_id", "start_s")
    used = (
        sa.select(days.c.start_s)
        .join_from(days, groups, groups.c.id == days.c.group_id)
        .where(days.c.start_s >= start_s, days.c.start_s < end_s, groups.c.organization_id == organization_id)
        .distinct()
    )
    wanted = set(bind.execute(used).scalars())
    noted = set(bind.execute(sa.select(pending.c.day_s)).scalars())
    if noted & wanted:
        bind.execute(sa.update(pending).where(pending.c.day_s.in_(noted & wanted)).values(next_hour=0))
    if wanted - noted:
        op.bulk_insert(pending, [{"day_s": day_s, "next_hour": 0} for day_s in sorted(wanted - noted)])


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns))
