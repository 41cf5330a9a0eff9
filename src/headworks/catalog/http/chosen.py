"""Which part of the catalog a request is about: its organisation's, or the installation's, which operators keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Depends, Query

from headworks.catalog.contracts import INSTALLATION
from headworks.catalog.ports import Catalogs
from headworks.catalog.queries import resources
from headworks.kernel.web import provided
from headworks.kernel.web.access import MissingPermission

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from headworks.catalog.ports import CatalogReader, CatalogStore
    from headworks.kernel.principal import Principal

Owner = Literal["organization", "installation"]


class Chosen:
    """The catalog that was asked for. Each way in raises MissingPermission where it is not the caller's."""

    def __init__(self, catalogs: Catalogs, owner: Owner) -> None:
        self._catalogs = catalogs
        self._owner = owner

    def reading(self, caller: Principal) -> AbstractAsyncContextManager[CatalogReader]:
        """See `Catalogs.reading`."""
        return self._catalogs.reading(self._owner_id(caller))

    def writing(self, caller: Principal) -> AbstractAsyncContextManager[CatalogStore]:
        """See `Catalogs.writing`."""
        return self._catalogs.writing(self._owner_id(caller))

    async def usable_models(self, caller: Principal) -> list[resources.ShownModel]:
        """See `resources.usable_models`."""
        return await resources.usable_models(self._catalogs, self._owner_id(caller))

    def _owner_id(self, caller: Principal) -> str:
        if self._owner == "organization":
            return caller.organization_id
        if not caller.may("installation:operate"):
            raise MissingPermission(
                "What the whole installation uses is its operators': you lack the permission installation:operate."
            )
        return INSTALLATION


async def _chosen(
    catalogs: Annotated[Catalogs, provided(Catalogs)],
    owner: Annotated[
        Owner,
        Query(
            description="`installation`: what all organisations use, for who holds installation:operate; else what is your "
            "organisation's own."
        ),
    ] = "organization",
) -> Chosen:
    return Chosen(catalogs, owner)


ChosenCatalog = Annotated[Chosen, Depends(_chosen)]
"""A parameter of every route of the catalog."""
