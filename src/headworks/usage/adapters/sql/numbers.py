"""Numbers of sources, subjects and groups: looked up once, and made where there is none."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final, TypeAlias

from sqlalchemy import select

from headworks.usage.adapters.sql.adding import adding_to
from headworks.usage.adapters.sql.refusals import refusals
from headworks.usage.adapters.tables import group_tags, groups, sources, subjects
from headworks.usage.domain.rollups import Group, tags_of
from headworks.usage.domain.rows import Shared

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.usage.domain.admission import Month, TagSets
    from headworks.usage.domain.rows import Subject

    Thing: TypeAlias = tuple[str | int | None, ...]
    """A source, subject or group: its values, in the order of `_COLUMNS`."""

_MOST_KNOWN = 20_000
_MOST_TAG_SETS: Final = 100_000
_AT_ONCE = 500
"""Values in one statement: databases have a largest number of them."""
_COLUMNS: Final = {
    sources.name: ("name",),
    subjects.name: (*Shared._fields[1:], "price_id"),
    groups.name: Group._fields,
}


class Known:
    """Numbers of sources, subjects and groups, and which tags are told apart, so that they are not looked up for each batch."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, Thing], int] = {}
        self.tags: dict[Month, TagSets] = {}

    def forget(self) -> None:
        """After a failure: the database may be another than before, restored from a backup, and have other numbers."""
        self.numbers.clear()
        self.tags.clear()

    def learn(self, numbers: Mapping[tuple[str, Thing], int]) -> None:
        """What a committed transaction found out. When it is much, the rest is forgotten."""
        if len(self.numbers) + len(numbers) > _MOST_KNOWN:
            self.numbers.clear()
        self.numbers.update(numbers)

    def learn_tags(self, tags: Mapping[Month, TagSets]) -> None:
        """As `learn`."""
        if sum(len(one.sets) for one in (*self.tags.values(), *tags.values())) > _MOST_TAG_SETS:
            self.tags.clear()
        self.tags.update(tags)


class Numbers:
    """Within one transaction."""

    def __init__(self, connection: AsyncConnection, known: Known | None = None) -> None:
        """`known` outlives the transaction."""
        self._connection = connection
        self._adding = adding_to(connection.dialect.name)
        self._known = known or Known()
        self.learnt: dict[tuple[str, Thing], int] = {}
        """What `known` may take over when the transaction is committed."""

    async def of_subjects(self, wanted: Collection[Subject]) -> dict[Subject, tuple[int, int]]:
        """Of the source of each and of itself. Raises RowsRefused."""
        of_sources = await self._numbers(sources, {(subject.shared.source,) for subject in wanted})
        things: dict[Subject, Thing] = {subject: (*subject.shared[1:], subject.price_id) for subject in wanted}
        of_subjects = await self._numbers(subjects, set(things.values()))
        return {
            subject: (of_sources[(subject.shared.source,)], of_subjects[thing]) for subject, thing in things.items()
        }

    async def of_groups(self, wanted: Collection[Group]) -> Mapping[Thing, int]:
        """Their tags are made with them. Raises RowsRefused."""
        return await self._numbers(groups, wanted)

    async def _numbers(self, table: Table, wanted: Iterable[Thing]) -> dict[Thing, int]:
        numbers: dict[Thing, int] = {}
        unknown: dict[str, Thing] = {}
        for thing in wanted:
            memory = table.name, thing
            number = self._known.numbers.get(memory) or self.learnt.get(memory)
            if number is None:
                unknown[_key(thing)] = thing
            else:
                numbers[thing] = number
        if unknown:
            learnt = {unknown[key]: number for key, number in (await self._given(table, unknown)).items()}
            self.learnt.update(((table.name, thing), number) for thing, number in learnt.items())
            numbers |= learnt
        return numbers

    async def _given(self, table: Table, wanted: Mapping[str, Thing]) -> dict[str, int]:
        """By key; what was not there is made."""
        numbers = await self._found(table, wanted)
        # In one order for all writers, so that two of them never wait for each other.
        new = sorted(wanted.keys() - numbers.keys())
        if new:
            columns = _COLUMNS[table.name]
            rows = [dict(zip(columns, wanted[key], strict=True)) | {_key_column(table): key} for key in new]
            # Another writer may add the very same at this moment; then this waits, and finds what that one made.
            await self._make(table, rows)
            numbers |= await self._found(table, new)
            if table is groups:
                tags = {numbers[key]: tags_of(str(wanted[key][-1])) for key in new}
                await self._make(
                    group_tags,
                    [
                        {"group_id": number, "name": name, "value": value}
                        for number, of_group in tags.items()
                        for name, value in of_group.items()
                    ],
                )
        return numbers

    async def _make(self, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            with refusals():
                await self._connection.execute(self._adding.unless_there(table), rows)

    async def _found(self, table: Table, keys: Iterable[str]) -> dict[str, int]:
        column = table.c[_key_column(table)]
        finding = select(column, table.c.id)
        asked = list(keys)
        found: dict[str, int] = {}
        for start in range(0, len(asked), _AT_ONCE):
            part = finding.where(column.in_(asked[start : start + _AT_ONCE]))
            found.update((key, number) for key, number in await self._connection.execute(part))
        return found


def _key_column(table: Table) -> str:
    return "name" if table is sources else "digest"


def _key(thing: Thing) -> str:
    """The name of a source; of what is longer a digest, since it is more than an index of some databases holds."""
    if len(thing) == 1:
        return str(thing[0])
    return hashlib.sha256(json.dumps(thing).encode()).hexdigest()
