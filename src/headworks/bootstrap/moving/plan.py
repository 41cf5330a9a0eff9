"""What is moved from where to where, from the settings and what was asked for; what cannot be is refused before anything connects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headworks.bootstrap.databases import SCHEMAS, Databases
from headworks.kernel.errors import HeadworksError

if TYPE_CHECKING:
    from collections.abc import Collection

    from headworks.bootstrap.databases import Place
    from headworks.bootstrap.home import Home
    from headworks.bootstrap.settings import Settings
    from headworks.kernel.database import Address, Schema
    from headworks.kernel.secrets import Secret

CONTEXTS: Final = tuple(schema.context for schema in SCHEMAS if not schema.beside)
"""Those that have a database of their own."""
_ALL: Final = "database_url"
_OWN: Final = tuple(f"{context}_database_url" for context in CONTEXTS)


class BadMove(HeadworksError):
    """What was asked for cannot be done."""

    code = "store_bad_move"
    title = "The store cannot be moved so"


@dataclass(frozen=True, slots=True)
class Leg:
    """One context, with those that lie beside it."""

    context: str
    schemas: tuple[Schema, ...]
    source: Place
    target: Place
    address: Address
    """Of the target."""


def plan(
    home: Home, settings: Settings, contexts: Collection[str], *, to: Secret | None, source: Secret | None
) -> list[Leg]:
    """In the order in which contexts depend on each other.

    Without `to` each goes where the settings say, and those stay of which they say nothing; without `source` it comes from
    the data folder's files, whatever they say. Raises BadMove, BadAddress.
    """
    targets = Databases(home, settings if to is None else _at(settings, to))
    sources = Databases(home, _at(settings, source))
    found = {place.schema.context: place for place in targets}
    legs = []
    for place in sources:
        context = place.schema.context
        target = found[context]
        if place.schema.beside or (contexts and context not in contexts):
            continue
        if target.address is None:
            if contexts:
                raise BadMove(f"Nothing says where {context} is to go. Set {_variables(context)}, or give --to.")
            continue
        if _same(place.address, target.address):
            raise BadMove(f"{context} is to go where it is: {target.address}.")
        beside = tuple(one for one in SCHEMAS if context in {one.context, one.beside})
        legs.append(Leg(context, beside, place, target, target.address))
    if not legs:
        raise BadMove(f"Nothing says where to. Set {_variables()}, or give --to.")
    return legs


def _at(settings: Settings, url: Secret | None) -> Settings:
    """Everything there."""
    return settings.model_copy(update={_ALL: url, **dict.fromkeys(_OWN)})


def _same(one: Address | None, other: Address) -> bool:
    return one is not None and (one.host, one.port, one.database) == (other.host, other.port, other.database)


def _variables(context: str = "") -> str:
    own = f" or HEADWORKS_{context.upper()}_DATABASE_URL" if context else ""
    return f"HEADWORKS_DATABASE_URL{own}"
