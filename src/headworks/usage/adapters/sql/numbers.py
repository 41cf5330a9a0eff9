"""Numbers of sources, subjects and groups: looked up once, and made where there is none."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from sqlalchemy import select

from headworks.usage.adapters.sql.adding import adding_to
from headworks.usage.adapters.sql.refusals import refusals
from headworks.usage.adapters.tables import group_tags, groups, sources, subjects
from headworks.usage.domain.rollups import tags_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.domain.rollups import Group
    from headworks.usage.domain.rows import Subject

_MOST_KNOWN = 50_000
_AT_ONCE = 500
"""Values in one statement: databases have a largest number of them."""


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

    async def of_subjects(self, wanted: Collection[Subject]) -> dict[Subject, tuple[int, int]]:
        """Of the source of each and of itself. Raises RowsRefused."""
        names = {subject.shared.source for subject in wanted}
        of_sources, _ = await self._numbers(sources, "name", {name: {} for name in names})
        digests = {subject: _digest([*subject.shared[1:], subject.price_id]) for subject in wanted}
        columns = {
            digest: {**subject.shared._asdict(), "price_id": subject.price_id} for subject, digest in digests.items()
        }
        for values in columns.values():
            del values["source"]
        of_subjects, _ = await self._numbers(subjects, "digest", columns)
        return {
            subject: (of_sources[subject.shared.source], of_subjects[digest]) for subject, digest in digests.items()
        }

    async def of_groups(self, wanted: Collection[Group]) -> dict[Group, int]:
        """Their tags are made with them. Raises RowsRefused."""
        digests = {_digest(group): group for group in wanted if group not in self._groups}
        numbers, new = await self._numbers(
            groups, "digest", {digest: group._asdict() for digest, group in digests.items()}
        )
        tags = [
            {"group_id": numbers[digest], "name": name, "value": value}
            for digest in new
            for name, value in tags_of(digests[digest].tags).items()
        ]
        if tags:
            with refusals():
                await self._connection.execute(self._adding.unless_there(group_tags), tags)
        self._groups.update((group, numbers[digest]) for digest, group in digests.items())
        return {group: self._groups[group] for group in wanted}

    async def _numbers(
        self, table: Table, column: str, wanted: Mapping[str, Mapping[str, object]]
    ) -> tuple[dict[str, int], list[str]]:
        """By the column's value; and those that were not there, with what to make of the other columns of these."""
        numbers = {value: number for value in wanted if (number := self._remembered(table, value)) is not None}
        numbers |= await self._found(table, column, wanted.keys() - numbers.keys())
        # In one order for all writers, so that two of them never wait for each other.
        new = sorted(wanted.keys() - numbers.keys())
        if new:
            rows = [{column: value, **wanted[value]} for value in new]
            # Another writer may add the very same at this moment; then this waits, and finds what that one made.
            with refusals():
                await self._connection.execute(self._adding.unless_there(table), rows)
            numbers |= await self._found(table, column, new)
        self.learnt.update((_memory(table, value), number) for value, number in numbers.items())
        return numbers, new

    def _remembered(self, table: Table, value: str) -> int | None:
        memory = _memory(table, value)
        return self._known.numbers.get(memory) or self.learnt.get(memory)

    async def _found(self, table: Table, column: str, values: Collection[str]) -> dict[str, int]:
        finding = select(table.c[column], table.c.id)
        asked = list(values)
        found: dict[str, int] = {}
        for start in range(0, len(asked), _AT_ONCE):
            part = finding.where(table.c[column].in_(asked[start : start + _AT_ONCE]))
            found.update((value, number) for value, number in await self._connection.execute(part))
        return found


def _memory(table: Table, value: str) -> str:
    return f"{table.name} {value}"


def _digest(values: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()
