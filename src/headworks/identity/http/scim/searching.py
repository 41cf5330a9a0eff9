"""Finding people and groups. What directories ask for all the time comes from an index; the rest is looked through.

The filter's meaning is scim2-models' in either case: an index only spares looking at what cannot match.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from scim2_models import ScimFilter, TooManyException
from scim2_models.path import CompareOperator, Comparison, LogicalExpr, LogicalOperator
from scim2_server.storage import SearchPage
from scim2_server.utils import parametrize

from headworks.identity.domain.directory import directory_key, is_plain
from headworks.identity.http.scim import groups, people
from headworks.identity.http.scim.service import PROVIDER
from headworks.identity.ports import Named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from scim2_models import Resource, SearchRequest
    from scim2_models.path import FilterNode

    from headworks.identity.ports import DirectoryStore

    Shown = Resource[Any]

MOST_LOOKED_THROUGH: Final = 20_000
_AT_ONCE: Final = 200
_KEYS: Final = {people.NAME: "username", groups.NAME: "displayname"}


async def search(directory: DirectoryStore, names: Sequence[str], wanted: SearchRequest[Any]) -> SearchPage:
    """One page of what is found of these kinds. Raises TooManyException."""
    start = wanted.start_index_0 or 0
    count = MOST_LOOKED_THROUGH if wanted.count is None else wanted.count
    if len(names) == 1 and wanted.filter is None and wanted.sort_by is None:
        return await _stretch(directory, names[0], start, count)
    found: list[Shown] = []
    for name in names:
        is_wanted = _matching(wanted, name)
        async for one in _candidates(directory, name, _named(wanted, _KEYS[name])):
            if is_wanted(one):
                found.append(one)  # noqa: PERF401 - a comprehension of this says less
    return SearchPage(len(found), wanted.sort(found)[start : start + count])


async def _stretch(directory: DirectoryStore, name: str, start: int, count: int) -> SearchPage:
    if name == groups.NAME:
        listed, total = await directory.groups.stretch(start, count)
        members = await directory.groups.members([one.id for one in listed])
        return SearchPage(total, [groups.shown_group(one, members.get(one.id, [])) for one in listed])
    known, total = await directory.people.stretch(start, count)
    belongs = await directory.groups.of_people([one.id for one in known])
    return SearchPage(total, [people.shown_person(one, belongs.get(one.id, [])) for one in known])


async def _candidates(directory: DirectoryStore, name: str, wanted: Named | None) -> AsyncIterator[Shown]:
    """All that could match; none for a name that nothing can have."""
    if wanted is None:
        return
    is_narrow = wanted != Named()
    if name == groups.NAME:
        listed = await directory.groups.find(wanted, MOST_LOOKED_THROUGH + 1)
        members = await directory.groups.members([one.id for one in listed] if is_narrow else None)
        for number, group in _counted(listed):
            await _let_others_in(number)
            yield groups.shown_group(group, members.get(group.id, []))
        return
    known = await directory.people.find(wanted, MOST_LOOKED_THROUGH + 1)
    belongs = await directory.groups.of_people([one.id for one in known] if is_narrow else None)
    for number, person in _counted(known):
        await _let_others_in(number)
        yield people.shown_person(person, belongs.get(person.id, []))


def _counted(found: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    if len(found) > MOST_LOOKED_THROUGH:
        raise TooManyException(
            detail=f"There are more than {MOST_LOOKED_THROUGH:,} to look through; ask for one by id, name or externalId."
        )
    return enumerate(found)


async def _let_others_in(number: int) -> None:
    """Building so many takes a while, and others wait in the same loop."""
    if number % _AT_ONCE == _AT_ONCE - 1:
        await asyncio.sleep(0)


def _matching(wanted: SearchRequest[Any], name: str) -> Callable[[Shown], bool]:
    """What the filter means of one kind: at the root it is for both, and what one of them does not have does not match."""
    if wanted.filter is None:
        return lambda _one: True
    bound = parametrize(ScimFilter, PROVIDER.model_for(name))(str(wanted.filter))
    return lambda one: bool(bound.match(one))


def _named(wanted: SearchRequest[Any], key: str) -> Named | None:
    """What the filter demands of an indexed name; nothing where it demands none, None where nothing can have it."""
    if wanted.filter is None:
        return Named()
    for comparison in _demanded(wanted.filter.ast):
        path, value = comparison.attr_path, comparison.value
        if comparison.op != CompareOperator.eq or not isinstance(value, str) or path.sub_attr or path.uri:
            continue
        attribute = path.attr.lower()
        if attribute not in ("id", "externalid", key):
            continue
        if not is_plain(value):
            return None
        if attribute == "id":
            return Named(id=value)
        return Named(external_id=value) if attribute == "externalid" else Named(key=directory_key(value))
    return Named()


def _demanded(node: FilterNode) -> Iterator[Comparison]:
    """What must hold of everything that matches."""
    if isinstance(node, Comparison):
        yield node
    elif isinstance(node, LogicalExpr) and node.op == LogicalOperator.and_:
        for term in node.terms:
            yield from _demanded(term)
