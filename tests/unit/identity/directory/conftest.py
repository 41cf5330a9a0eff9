"""A directory that speaks SCIM to the first organisation, over the whole web application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.identity.commands.directory_tokens import create_token
from headworks.identity.contracts import Membership, Role, User
from headworks.identity.domain.roles import permissions_of
from headworks.identity.facade import IdentityFacade
from headworks.identity.ports import Store
from headworks.kernel.clock import now
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.web import Authenticator, provide
from tests.unit.identity.conftest import NOON

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

Json = dict[str, Any]

APP = build_app({})
"""Made once, since that takes longer than most tests; each provides its own store."""


def person(name: str, /, **others: object) -> Json:
    """Somebody as directories send them at the least."""
    return {"schemas": [USER], "userName": f"{name}@example.org", **others}


def patch(*operations: Json) -> Json:
    """A PATCH of these operations."""
    return {"schemas": [PATCH], "Operations": list(operations)}


def members(*ids: str) -> list[Json]:
    """As a group lists them."""
    return [{"value": one} for one in ids]


@dataclass
class Speaker:
    """A directory, and what is in its organisation."""

    http: httpx.AsyncClient
    store: Store
    organization_id: str

    async def send(self, method: str, path: str, body: object = None, status: int = 200, **headers: str) -> Any:  # noqa: ANN401 - JSON
        """The answer's body; an assertion unless its status is that."""
        answer = await self.http.request(
            method, path, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        assert answer.status_code == status, answer.text
        if answer.content:
            assert answer.headers["content-type"] == "application/scim+json"
        return answer.json() if answer.content else None

    async def refused(self, method: str, path: str, body: object = None) -> tuple[int, str | None]:
        """Status and scimType of an error in SCIM's shape."""
        answer = await self.http.request(method, path, json=body)
        found = answer.json()
        assert (found["schemas"], found["status"]) == ([ERROR], str(answer.status_code)), answer.text
        assert found["detail"]
        return answer.status_code, found.get("scimType")

    async def add(self, name: str, /, **others: object) -> str:
        """The id of a new user."""
        return str((await self.send("POST", "/Users", person(name, **others), 201))["id"])

    async def group(self, name: str, *ids: str) -> str:
        """The id of a new group with these people."""
        body = {"schemas": [GROUP], "displayName": name, "members": members(*ids)}
        return str((await self.send("POST", "/Groups", body, 201))["id"])

    async def found(self, filtered: str, kind: str = "Users") -> list[Json]:
        """What a filter finds."""
        answer = await self.http.get(f"/{kind}", params={"filter": filtered})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["Resources"]) if answer.json()["totalResults"] else []

    async def roles(self) -> dict[str, str]:
        """Of the organisation's members, by the first part of their addresses."""
        async with self.store.read(self.organization_id) as reading:
            found = (await reading.members.page(PageRequest(1, 200))).items
        return {one.user.email.partition("@")[0]: one.membership.role for one in found}

    async def map(self, group_id: str, role: Role | None) -> None:
        """As an admin does."""
        from headworks.identity.commands.directory_groups import map_group  # noqa: PLC0415 - for brevity above

        async with self.store.transaction(self.organization_id) as unit:
            await map_group(unit, admin_of(self.organization_id), group_id, role)


def admin_of(organization_id: str) -> Principal:
    return Principal("usr_founder", "user", organization_id, None, permissions_of("admin"))


async def speak(store: Store, organization_id: str) -> Speaker:
    """A directory of that organisation."""
    async with store.transaction(organization_id) as unit:
        issued = await create_token(unit, admin_of(organization_id), "Directory", None, now())
    provide(APP, Authenticator, IdentityFacade(store, now))
    provide(APP, Store, store)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(APP, raise_app_exceptions=False),
        base_url="http://headworks/scim/v2",
        headers={"authorization": f"Bearer {issued.secret.reveal()}"},
    )
    return Speaker(client, store, organization_id)


async def found_admin(store: Store, organization_id: str) -> None:
    """Somebody who was there before any directory."""
    async with store.operate() as unit:
        if await unit.users.get("usr_founder") is None:
            address = "founder@example.org"
            await unit.users.add(User("usr_founder", address, address, "Founder", NOON, "system"))
        made = Membership(f"mbr_founder_{organization_id}", organization_id, "usr_founder", "admin", NOON, "system")
        await unit.within(organization_id).members.add(made)


@pytest.fixture
async def directory(store: Store) -> AsyncIterator[Speaker]:
    await found_admin(store, "org_1")
    speaker = await speak(store, "org_1")
    yield speaker
    await speaker.http.aclose()


@pytest.fixture
async def other(store: Store) -> AsyncIterator[Speaker]:
    """The second organisation's."""
    await found_admin(store, "org_2")
    speaker = await speak(store, "org_2")
    yield speaker
    await speaker.http.aclose()
