"""What a session opens that an organisation's directory began: that organisation, and nothing else of its user's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from headworks.bootstrap.app import build_app
from headworks.identity.commands.refresh import Refresh
from headworks.identity.commands.sessions import Limits, begin_session
from headworks.identity.contracts import StoredPassword
from headworks.identity.ports import SignInStore
from headworks.identity.settings import SignInSettings
from headworks.kernel.clock import now
from headworks.kernel.web import Authenticator
from tests.support.sign_in import HOME, World, ground


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with ground("sql", tmp_path) as place:
        world = World(place)
        world.clock.at = now()
        await world.people()
        yield world


async def token(world: World, name: str, organization_id: str = "org_1") -> dict[str, str]:
    """Of somebody who came by the directory of an organisation."""
    async with world.store.transaction() as unit:
        user = await unit.user(f"usr_{name}")
        assert user is not None
        limits = Limits(world.settings, world.clock())
        begun = await begin_session(unit, user, organization_id, "bearer", HOME, limits, connection_id="sso_1")
    access, _ = await world.signer.access_token(begun.session, world.clock())
    return {"authorization": f"Bearer {access.reveal()}"}


@pytest.fixture
async def api(world: World) -> AsyncIterator[httpx.AsyncClient]:
    provisions: dict[type, object] = {
        Authenticator: world.door,
        SignInStore: world.store,
        Refresh: world.refresh,
        SignInSettings: world.settings,
    }
    transport = httpx.ASGITransport(build_app(provisions))
    async with httpx.AsyncClient(transport=transport, base_url="https://gw.example/api/v1") as client:
        yield client


async def test_it_sees_and_ends_sessions_of_its_organisation_alone(world: World, api: httpx.AsyncClient) -> None:
    bound = await token(world, "ada")
    elsewhere = (await world.enter(organization_id="org_2")).session
    beside = (await world.enter(organization_id="org_1")).session
    me = (await api.get("/me", headers=bound)).json()["data"]
    assert [one["organization_id"] for one in me["memberships"]] == ["org_1"]
    listed = (await api.get("/sessions", headers=bound)).json()
    assert elsewhere.id not in {one["id"] for one in listed["data"]}
    assert listed["meta"]["total"] == 2
    assert (await api.delete(f"/sessions/{elsewhere.id}", headers=bound)).status_code == 404
    assert (await api.delete("/sessions", headers=bound)).status_code == 204
    async with world.store.read() as reading:
        ended = {
            one.id: one.ended_at
            for one in [await reading.session(elsewhere.id), await reading.session(beside.id)]
            if one
        }
    assert ended[elsewhere.id] is None
    assert ended[beside.id] is not None


async def test_it_goes_nowhere_else(world: World, api: httpx.AsyncClient) -> None:
    bound = await token(world, "ada")
    answer = await api.post("/auth/switch", headers=bound, json={"organization_id": "org_2"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "sso_session_bound")


async def test_it_never_operates(world: World, api: httpx.AsyncClient) -> None:
    """Were an operator let in by it all the same: as what they are in the organisation, which is nothing."""
    me = (await api.get("/me", headers=await token(world, "eve"))).json()["data"]
    assert (me["permissions"], me["is_operator"]) == (["account:use"], False)
    assert "installation:operate" in (await world.who(await world.enter("eve"))).permissions


async def test_a_password_that_must_be_changed_is_no_matter_of_it(world: World, api: httpx.AsyncClient) -> None:
    async with world.store.transaction() as unit:
        await unit.put_password("usr_ada", StoredPassword("$2b$", world.clock(), must_change=True))
    me = (await api.get("/me", headers=await token(world, "ada"))).json()["data"]
    assert me["must_change_password"] is False
    assert "members:write" in me["permissions"]
