"""What scim2-server reads and writes: one organisation's people and groups, in the transaction of the request."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from scim2_models import NotFoundException, PreconditionFailedException, UniquenessException
from scim2_server.storage import AsyncScimStorage, SearchPage

from headworks.identity.commands import directory_groups, directory_people
from headworks.identity.errors import (
    DirectoryGroupNotFound,
    DirectoryNameInUse,
    DirectoryPersonNotFound,
    EmailInUse,
)
from headworks.identity.http.scim import groups, people
from headworks.identity.http.scim.searching import search
from headworks.kernel.clock import now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager

    from scim2_models import Resource, ResourceType, ResponseParameters, SearchRequest

    from headworks.identity.ports import Installation, Reading, Store, Unit
    from headworks.kernel.principal import Principal

    Shown = Resource[Any]


class DirectoryStorage(AsyncScimStorage):
    """For one request of the directory that `caller` speaks for; it can see that organisation alone."""

    def __init__(self, store: Store, caller: Principal, *, writes: bool) -> None:
        self._store = store
        self._caller = caller
        self._writes = writes
        self._reading: Reading | None = None
        self._installation: Installation | None = None

    def operation(self) -> AbstractAsyncContextManager[None]:
        """One transaction for all that a request reads and writes: commits at its end."""
        return self._operation()

    async def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,  # noqa: ARG002 - what is not asked for is cheap
    ) -> Shown:
        """See `AsyncScimStorage`."""
        async with self._read() as reading:
            return await _get(reading, resource_type, resource_id)

    async def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: object = None,  # noqa: ARG002 - of cursors, which are not offered
    ) -> SearchPage:
        """See `AsyncScimStorage`. Raises TooManyException."""
        async with self._read() as reading:
            return await search(reading.directory, [str(one.name) for one in resource_types], search_request)

    async def create(self, resource_type: ResourceType, resource: Any) -> Shown:  # noqa: ANN401 - of either kind
        """See `AsyncScimStorage`."""
        async with self._write() as unit:
            within = unit.within(self._caller.organization_id)
            if resource_type.name == groups.NAME:
                group = await directory_groups.create_group(within, groups.wish_of(resource), now())
                return await _get(within, resource_type, group.id)
            wish = people.wish_of(resource)
            person = await directory_people.create_person(unit, self._caller, wish, now())
            return await _get(within, resource_type, person.id)

    async def update(
        self,
        resource_type: ResourceType,
        resource: Any,  # noqa: ANN401 - of either kind
        *,
        expected_version: str | None = None,
    ) -> Shown:
        """See `AsyncScimStorage`."""
        async with self._write() as unit:
            within = unit.within(self._caller.organization_id)
            _check(await _get(within, resource_type, resource.id), expected_version)
            if resource_type.name == groups.NAME:
                await directory_groups.change_group(within, resource.id, groups.wish_of(resource), now())
            else:
                wish = people.wish_of(resource)
                await directory_people.change_person(unit, self._caller, resource.id, wish, now())
            return await _get(within, resource_type, resource.id)

    async def delete(
        self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        """See `AsyncScimStorage`."""
        async with self._write() as unit:
            within = unit.within(self._caller.organization_id)
            _check(await _get(within, resource_type, resource_id), expected_version)
            if resource_type.name == groups.NAME:
                await directory_groups.delete_group(within, resource_id)
            else:
                await directory_people.delete_person(within, resource_id, now())

    @asynccontextmanager
    async def _operation(self) -> AsyncIterator[None]:
        try:
            if self._writes:
                async with self._store.operate() as self._installation:
                    yield
            else:
                async with self._store.read(self._caller.organization_id) as self._reading:
                    yield
        finally:
            self._installation = self._reading = None

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[Reading | Unit]:
        """Within the request's transaction; one of its own outside of any."""
        if self._installation is not None:
            yield self._installation.within(self._caller.organization_id)
        elif self._reading is not None:
            yield self._reading
        else:
            async with self._store.read(self._caller.organization_id) as reading:
                yield reading

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[Installation]:
        with _in_their_words():
            if self._installation is not None:
                yield self._installation
                return
            async with self._store.operate() as unit:
                yield unit


async def _get(reading: Reading | Unit, resource_type: ResourceType, resource_id: str) -> Shown:
    """Raises NotFoundException."""
    directory = reading.directory
    if resource_type.name == groups.NAME:
        group = await directory.groups.get(resource_id)
        if group is None:
            raise NotFoundException(detail=f"There is no group {resource_id!r}.")
        return groups.shown_group(group, (await directory.groups.members([group.id])).get(group.id, []))
    person = await directory.people.get(resource_id)
    if person is None:
        raise NotFoundException(detail=f"There is no user {resource_id!r}.")
    shown: Shown = people.shown_person(person, (await directory.groups.of_people([person.id])).get(person.id, []))
    return shown


def _check(found: Shown, expected_version: str | None) -> None:
    version = None if found.meta is None else found.meta.version
    if expected_version is not None and version != expected_version:
        raise PreconditionFailedException


@contextmanager
def _in_their_words() -> Iterator[None]:
    try:
        yield
    except (DirectoryNameInUse, EmailInUse) as error:
        raise UniquenessException(detail=error.message) from error
    except (DirectoryPersonNotFound, DirectoryGroupNotFound) as error:
        raise NotFoundException(detail=error.message) from error
