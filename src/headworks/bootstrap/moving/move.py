"""The move itself: look, copy, compare, and only then say that it may be served from.

Killed anywhere it is begun anew and goes on: what is in the target says how far it was, and until its end nothing serves from it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from headworks.bootstrap.moving import books as bookkeeping
from headworks.bootstrap.moving.files import Files, look
from headworks.bootstrap.moving.plan import BadMove, Leg, plan
from headworks.kernel.clock import now
from headworks.kernel.database import Database, Limits
from headworks.kernel.database.moving import Different, Occupied, Target, compare, copy, count, stored
from headworks.kernel.database.moving.copying import is_ours
from headworks.kernel.database.schema import file_standing
from headworks.kernel.moments import micros
from headworks.kernel.secrets import open_keyring
from headworks.usage.adapters.sql.partitions import Partitions, months_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headworks.bootstrap.databases import Place
    from headworks.bootstrap.home import Home
    from headworks.bootstrap.moving.books import Books
    from headworks.bootstrap.settings import Settings
    from headworks.kernel.database import Address
    from headworks.kernel.database.moving import Compared
    from headworks.kernel.secrets import Secret

_STATEMENT_SECONDS = 3_600.0
"""Adding up a large ledger is one statement, and nobody waits for it but who moves."""


class Progress(Protocol):
    """Who wants to see how far it is."""

    def expect(self, rows: int) -> None:
        """So many are to be copied and compared in all."""

    def doing(self, what: str) -> None:
        """What is done now."""

    def advance(self, rows: int) -> None:
        """So many more are done."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for; see `plan`."""

    contexts: Collection[str] = ()
    to: Secret | None = None
    source: Secret | None = None
    batch: int = 5_000
    """Rows in one transaction."""
    anew: bool = False
    """Whether what an earlier move has copied is thrown away first."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What is there now, and was compared."""

    tables: Mapping[str, Sequence[Compared]]
    """By context."""
    legs: Sequence[Leg]
    """Those that were compared."""
    books: Books
    files: Files
    already: Sequence[str]
    """Contexts that were moved before, and are left as they are."""


async def move(home: Home, settings: Settings, wish: Wish, progress: Progress) -> Moved:
    """Safe to repeat. The source stays as it is. The caller holds the data folder.

    Raises BadMove, Occupied, Different and other HeadworksErrors, BadAddress; ValueError and PermissionError of the keyring.
    """
    legs = plan(home, settings, wish.contexts, to=wish.to, source=wish.source)
    files = look(home, settings)
    sealer = open_keyring(files.keyring)
    limits = Limits(
        connections=2,
        connect_seconds=settings.database_connect_seconds,
        lock_seconds=settings.database_lock_seconds,
        statement_seconds=_STATEMENT_SECONDS,
    )
    _check_files(legs)
    async with AsyncExitStack() as stack:
        await _hold_sources(legs, limits, stack)
        targets = [(target, await stack.enter_async_context(target.held())) for target in _targets(legs, limits)]
        for target, connection in targets:
            await target.check(connection)
        done = {context for target, connection in targets for context in await target.moved(connection)}
        left = [leg for leg in legs if leg.context not in done]
        if left:
            await _prepare(targets, wish)
        elif wish.anew:
            raise Occupied("All of it was moved already, and may have been served from since. Make the database anew.")
        # Where nothing is left to be moved, it is compared once more.
        looked_at = left or legs
        async with _opened(looked_at, limits) as pairs:
            await _expect(looked_at, pairs, progress, copies=bool(left))
            for leg in left:
                await _copy(leg, *pairs[leg.context], wish, progress)
            tables = {leg.context: await _compare(leg, *pairs[leg.context], wish, progress) for leg in looked_at}
            books = [
                await bookkeeping.examine(leg.context, *pairs[leg.context], sealer, progress.doing) for leg in looked_at
            ]
        for target, connection in targets:
            await target.end(connection, micros(now()))
    return Moved(
        tables, looked_at, bookkeeping.together(books), files, tuple(leg.context for leg in legs if leg.context in done)
    )


def _check_files(legs: Sequence[Leg]) -> None:
    for leg in legs:
        if leg.source.address is not None:
            continue
        for schema in leg.schemas:
            found = file_standing(leg.source.path, schema)
            if found.condition == "missing":
                raise BadMove(f"There is no {leg.context} to move: {leg.source.path} is not there, or has no tables.")
            _check_standing(found.condition, schema.context, str(leg.source))


def _check_standing(condition: str, context: str, where: str) -> None:
    if condition == "behind":
        raise BadMove(f"{where} is of an older version. Run headworks db migrate for it first: it stays as it is here.")
    if condition != "current":
        raise BadMove(
            f"The tables of {context} ({where}) are {condition}: move them with the version that they are of."
        )


async def _hold_sources(legs: Sequence[Leg], limits: Limits, stack: AsyncExitStack) -> None:
    """Servers that are moved from: nobody may use them meanwhile."""
    for source in _grouped([(leg.source.address, leg) for leg in legs if leg.source.address is not None], limits):
        await stack.enter_async_context(source.held())
        for schema in source.schemas:
            _check_standing((await source.standing(schema)).condition, schema.context, str(source.address))


def _targets(legs: Sequence[Leg], limits: Limits) -> list[Target]:
    return _grouped([(leg.address, leg) for leg in legs], limits)


def _grouped(places: Sequence[tuple[Address | None, Leg]], limits: Limits) -> list[Target]:
    """Each database once, with all that is of it."""
    found: dict[str, tuple[Address, list[Leg]]] = {}
    for address, leg in places:
        if address is not None:
            found.setdefault(str(address), (address, []))[1].append(leg)
    return [Target(address, [one for leg in those for one in leg.schemas], limits) for address, those in found.values()]


async def _prepare(targets: Sequence[tuple[Target, AsyncConnection]], wish: Wish) -> None:
    for target, connection in targets:
        await target.prepare(connection)
        if wish.anew:
            await target.clear(connection)


@asynccontextmanager
async def _opened(legs: Sequence[Leg], limits: Limits) -> AsyncIterator[dict[str, tuple[Database, Database]]]:
    """Source and target of each."""
    async with AsyncExitStack() as stack:
        pairs = {}
        for leg in legs:
            pair = _open(leg.source, limits), _open(leg.target, limits)
            for database in pair:
                stack.push_async_callback(database.close)
            pairs[leg.context] = pair
        yield pairs


def _open(place: Place, limits: Limits) -> Database:
    if place.address is None:
        return Database.untouched(place.path)
    return Database.on_server(place.address, place.schema, limits, takes_turns=False)


def _tables(leg: Leg) -> list[Table]:
    """What a row points at comes before it."""
    return [table for schema in leg.schemas for table in schema.metadata.sorted_tables]


async def _expect(
    legs: Sequence[Leg], pairs: Mapping[str, tuple[Database, Database]], progress: Progress, *, copies: bool
) -> None:
    progress.doing("counting")
    rows = 0
    for leg in legs:
        for table in _tables(leg):
            rows += await count(pairs[leg.context][0], stored(table))
    progress.expect(2 * rows if copies else rows)


async def _copy(leg: Leg, source: Database, target: Database, wish: Wish, progress: Progress) -> None:
    if leg.context == "usage":
        progress.doing("making partitions")
        await Partitions(target).make_months(await months_in(source, now()))
    for table in _tables(leg):
        progress.doing(f"copying {table.name}")
        if not await is_ours(source, target, table):
            raise Occupied(
                f"What is in {table.name} ({leg.address}) is not what an earlier move would have copied from {leg.source}: it was "
                "another one's, or the source was used since. headworks migrate-store --anew throws it away and begins anew."
            )
        progress.advance(await count(target, stored(table)))
        await copy(source, target, table, wish.batch, progress.advance)


async def _compare(leg: Leg, source: Database, target: Database, wish: Wish, progress: Progress) -> list[Compared]:
    found = []
    for table in _tables(leg):
        progress.doing(f"comparing {table.name}")
        try:
            found.append(await compare(source, target, table, wish.batch, progress.advance))
        except Different as different:
            raise Different(
                f"{different.message} One side was used since the move began. headworks migrate-store --anew throws the copy away "
                "and begins anew, unless it was complete before."
            ) from different
    return found
