"""Which tags roll-ups tell apart, by the rule of `domain/admission.py`: looked up once, and admitted where there is room.

Who admits holds the month until the commit, so that no writer turns away what another one admits.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, insert, select, update

from headworks.usage.adapters.sql.adding import adding_to
from headworks.usage.adapters.sql.numbers import Known
from headworks.usage.adapters.sql.refusals import refusals
from headworks.usage.adapters.tables import tag_months, tag_sets
from headworks.usage.domain.admission import Month, TagSets, by_month, told_apart
from headworks.usage.settings import TAG_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.domain.rollups import Slot, Sums

_AT_ONCE: Final = 500
"""Values in one statement: databases have a largest number of them."""
_KEPT: Final = select(tag_months, tag_sets.c.tags).outerjoin(
    tag_sets,
    and_(
        tag_sets.c.organization_id == tag_months.c.organization_id,
        tag_sets.c.month_s == tag_months.c.month_s,
    ),
)


class Tags:
    """Within one transaction."""

    def __init__(self, connection: AsyncConnection, tag_values: int = TAG_VALUES, known: Known | None = None) -> None:
        """`tag_values` is for months that begin with it; `known` outlives the transaction."""
        self._connection = connection
        self._adding = adding_to(connection.dialect.name)
        self._tag_values = tag_values
        self._known = known or Known()
        self.learnt: dict[Month, TagSets] = {}
        """What `known` may take over when the transaction is committed."""
        self.filled: list[tuple[Month, str]] = []
        """What has no room for more since this transaction."""

    async def told_apart(self, minutes: Mapping[Slot, Sums]) -> Mapping[Slot, Sums]:
        """The same sums, as roll-ups keep them. Asks nothing where all tags are known. Raises RowsRefused."""
        wanted = by_month(minutes)
        await self._look_up([month for month in wanted if self._of(month) is None])
        instead: dict[Month, Mapping[str, str]] = {}
        # In one order for all writers, so that two of them never wait for each other.
        for month in sorted(wanted):
            found = self._of(month)
            known = None if found is None else found.instead(wanted[month])
            instead[month] = await self._admit(month, wanted[month]) if known is None else known
        return told_apart(minutes, instead)

    def _of(self, month: Month) -> TagSets | None:
        return self.learnt.get(month) or self._known.tags.get(month)

    async def _look_up(self, months: Sequence[Month]) -> None:
        """Those that have begun. Others may add to them meanwhile: what follows from a part of it holds for the whole."""
        by_start: defaultdict[int, list[str]] = defaultdict(list)
        for organization_id, start_s in months:
            by_start[start_s].append(organization_id)
        for start_s, owners in by_start.items():
            for first in range(0, len(owners), _AT_ONCE):
                mine = tag_months.c.organization_id.in_(owners[first : first + _AT_ONCE])
                await self._learn(tag_months.c.month_s == start_s, mine)

    async def _learn(self, *where: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own is no better
        values: dict[Month, int] = {}
        sets: defaultdict[Month, list[str]] = defaultdict(list)
        for row in await self._connection.execute(_KEPT.where(*where)):
            month = Month(row.organization_id, row.month_s)
            values[month] = row.tag_values
            if row.tags is not None:
                sets[month].append(row.tags)
        self.learnt.update((month, TagSets(count, sets[month])) for month, count in values.items())

    async def _admit(self, month: Month, wanted: Iterable[str]) -> Mapping[str, str]:
        """What is summed as something else, once those that are open have a place or there is no room."""
        found = await self._held(month)
        before = found.full()
        new = found.admit(sorted(wanted))
        if new:
            of_month = {"organization_id": month.organization_id, "month_s": month.start_s}
            rows = [of_month | {"digest": hashlib.sha256(tags.encode()).hexdigest(), "tags": tags} for tags in new]
            with refusals():
                await self._connection.execute(insert(tag_sets), rows)
            await self._connection.execute(update(tag_months).where(*_is(month)).values(sets=len(found.sets)))
        self.filled += [(month, what) for what in sorted(found.full() - before)]
        self.learnt[month] = found
        return found.instead(wanted) or {}

    async def _held(self, month: Month) -> TagSets:
        """As it is now, for this transaction to add to: nobody else does until it ends."""
        held = select(tag_months.c.sets).where(*_is(month)).with_for_update()
        count = await self._connection.scalar(held)
        if count is None:
            new = {"organization_id": month.organization_id, "month_s": month.start_s}
            begun = self._adding.unless_there(tag_months).values(**new, tag_values=self._tag_values, sets=0)
            await self._connection.execute(begun)
            count = await self._connection.scalar(held)
        known = self._of(month)
        if known is None or len(known.sets) != count:
            await self._learn(*_is(month))
            known = self.learnt[month]
        return known.copied()


def _is(month: Month) -> tuple[Any, Any]:
    return tag_months.c.organization_id == month.organization_id, tag_months.c.month_s == month.start_s
