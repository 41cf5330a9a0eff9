"""Numbers of sources, subjects and groups: looked up once, and made where there is none."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from headworks.usage.adapters.sql.adding import adding_to
from headworks.usage.adapters.sql.refusals import refusals
from headworks.usage.adapters.tables import group_tags, groups, sources, subjects
from headworks.usage.domain.rollups import tags_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.domain.rollups import Group
    from headworks.usage.domain.rows import Subject

_MOST_KNOWN = 50_000


class Known:
    """Numbers of sources, subjects and groups, so that they are not looked up for each batch."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def forget(self) -> None:
        """After a failure: the database may be another than before, restored from a backup, and have other numbers."""
        self.numbers.clear()

    def learn(self, numbers: Mapping[str, int]) -> None:
        """What a committed transaction found out. When it is much, the rest is forgotten."""
        if len(self.numbers) + len(numbers) > _MOST_KNOWN:
            self.numbers.clear()
        self.numbers.update(numbers)


class Numbers:
    """Within one transaction."""

    def __init__(self, connection: AsyncConnection, known: Known | None = None) -> None:
        """`known` outlives the transaction."""
        self._connection = connection
        self._adding = adding_to(connection.dialect.name)
        self._known = known or Known()
        self._groups: dict[Group, int] = {}
        self.learnt: dict[str, int] = {}
        """What `known` may take over when the transaction is committed."""

    async def of_subject(self, subject: Subject) -> tuple[int, int]:
        """Of its source and of itself. Raises RowsRefused."""
        name, *others = subject.shared
        columns: dict[str, object] = {**subject.shared._asdict(), "price_id": subject.price_id}
        del columns["source"]
        source_id, _ = await self._number(sources, "name", name, {})
        subject_id, _ = await self._number(subjects, "digest", _digest([*others, subject.price_id]), columns)
        return source_id, subject_id

    async def of_group(self, group: Group) -> int:
        """Its tags are made with it. Raises RowsRefused."""
        if (found := self._groups.get(group)) is not None:
            return found
        number, is_new = await self._number(groups, "digest", _digest(group), group._asdict())
        tags = tags_of(group.tags) if is_new else {}
        if tags:
            rows = [{"group_id": number, "name": name, "value": value} for name, value in tags.items()]
            with refusals():
                await self._connection.execute(insert(group_tags), rows)
        self._groups[group] = number
        return number

    async def _number(self, table: Table, column: str, value: str, others: Mapping[str, object]) -> tuple[int, bool]:
        """And whether it was made here."""
        memory = f"{table.name} {value}"
        number = self._known.numbers.get(memory) or self.learnt.get(memory)
        is_new = False
        if number is None:
            finding = select(table.c.id).where(table.c[column] == value)
            number = await self._connection.scalar(finding)
            if number is None:
                # Another writer may add the very same at this moment; then this waits, and finds what that one made.
                with refusals():
                    made = await self._connection.execute(
                        self._adding.unless_there(table).values({column: value, **others})
                    )
                is_new = made.rowcount == 1
                number = (await self._connection.execute(finding)).scalar_one()
        self.learnt[memory] = number
        return number, is_new


def _digest(values: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()
