"""Somebody else's thing is answered like one that does not exist: the same words, and the same statements on the way there.

A time cannot be asserted, and what makes it differ can: which questions the database is asked, in which order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
from sqlalchemy import Engine, event

from headworks.bootstrap.app import build_app
from headworks.bootstrap.container import Container
from headworks.bootstrap.description import routes_of
from headworks.identity.commands import keys
from headworks.identity.commands.keys import KeyOrder
from headworks.identity.domain.roles import permissions_of
from headworks.kernel.clock import now
from headworks.kernel.principal import Principal
from headworks.ledger.contracts import RecordRange, ReRating
from tests.unit.audit import test_every_route
from tests.unit.audit.test_every_route import OF_PEOPLE, SAMPLES, made

container, api = test_every_route.container, test_every_route.api

SHOWN = {
    "/api/v1/budgets/{budget_id}": "/budgets/{budget}",
    "/api/v1/dead-letters/{letter_id:path}": "/dead-letters/{letter}",
    "/api/v1/deployments/{deployment_id}": "/deployments/{deployment}",
    "/api/v1/directory-groups/{group_id}": "/directory-groups/{directory_group}",
    "/api/v1/directory-tokens/{token_id}": "/directory-tokens/{directory_token}",
    "/api/v1/invitations/{invitation_id}": "/invitations/{invitation}",
    "/api/v1/keys/{key_id}": "/keys/{key}",
    "/api/v1/ledger/transactions/{number}": "/ledger/transactions/{transaction}",
    "/api/v1/limits/{limit_id}": "/limits/{limit}",
    "/api/v1/members/{member_id}": "/members/{member}",
    "/api/v1/models/{model:path}": "/models/fast",
    "/api/v1/organizations/{organization_id}": "/organizations/{organization}",
    "/api/v1/prices/{price_id}": "/prices/{price}",
    "/api/v1/projects/{project_id}": "/projects/{project}",
    "/api/v1/providers/{provider}": "/providers/up",
    "/api/v1/re-ratings/{re_rating_id}": "/re-ratings/{re_rating}",
    "/api/v1/service-accounts/{service_account_id}": "/service-accounts/{service_account}",
    "/api/v1/sso-connections/{connection_id}": "/sso-connections/{connection}",
    "/api/v1/users/{user_id}": "/users/{user}",
}
OF_STRANGERS = {("GET", "/api/v1/auth/sso/{organization}/start")}
"""They have no organisation yet."""
ROUTES = {("GET", path): (sample, None) for path, sample in SHOWN.items()} | {
    (method, path): (sample.path, sample.body) for (method, path), sample in SAMPLES.items() if "{" in path
}
"""Each route that names a thing: where it is, and what is sent."""


@dataclass(frozen=True)
class Answered:
    """What came back, and what the database was asked for it."""

    status: int
    words: str
    statements: tuple[str, ...]


@contextmanager
def heard() -> Iterator[list[str]]:
    """The statements that run meanwhile, on whichever connection, without what they hold."""
    statements: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


async def outsiders_key(container: Container, organization_id: str) -> str:
    """The key of an admin of another organisation."""
    admin = Principal("usr_outside", "user", organization_id, None, permissions_of("admin"))
    order = KeyOrder("outside", kind="management", owner="project")
    async with container.identity.store.transaction(organization_id) as unit:
        issued = await keys.create_key(unit, admin, order, now())
    assert issued.key is not None
    return issued.key.reveal()


async def rated_anew(container: Container, organization_id: str) -> str:
    """A re-rating: through the store, for there is no usage to rate anew."""
    done = ReRating("rer_theirs", organization_id, RecordRange(0, None), 1, 0, 0, 0, 0, 0, 0)
    async with container.ledger.writing(organization_id) as unit:
        await unit.put_re_rating(done)
    return done.id


async def ask(api: httpx.AsyncClient, key: str, method: str, path: str, body: object, thing: str) -> Answered:
    headers = {"authorization": f"Bearer {key}", "x-request-id": "req_this"}
    with heard() as statements:
        answer = await api.request(method, path, json=body, headers=headers)
    words = re.sub(rf"(?<!\w){re.escape(thing)}(?!\w)", "…", re.sub(r'"timestamp":"[^"]*"', "", answer.text))
    return Answered(answer.status_code, words, tuple(statements))


def test_every_route_that_names_a_thing_is_walked() -> None:
    named = {
        (method, route.path)
        for route in routes_of(build_app({}))
        for method in (route.methods or ())
        if "{" in (route.path or "") and route.include_in_schema
    }
    assert named - OF_PEOPLE - OF_STRANGERS == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES), ids=str)
async def test_anothers_thing_is_answered_like_one_that_is_not_there(
    api: httpx.AsyncClient, container: Container, method: str, path: str
) -> None:
    things = await made(api)
    # Theirs, all but one: the other organisation is where the caller is from, so that it asks for the first one.
    outside, home = things["organization"], (await api.get("/projects")).json()["data"][0]["organization_id"]
    things["transaction"] = str((await api.get("/ledger/transactions")).json()["data"][0]["transaction"])
    things["re_rating"] = await rated_anew(container, home)
    key = await outsiders_key(container, outside)
    things["organization"] = home
    sample, body = ROUTES[method, path]
    at = sample.format(**things)
    named = re.findall(r"\{(\w+)\}", sample)
    thing = things[named[-1]] if named else at.rsplit("/", 1)[1]
    # Transactions have numbers.
    missing, other = ("901", "902") if thing.isdigit() else (f"{thing[:-1]}{end}" for end in "~!")
    await ask(api, key, method, at.replace(thing, other), body, other)
    foreign = await ask(api, key, method, at, body, thing)
    nowhere = await ask(api, key, method, at.replace(thing, missing), body, missing)
    assert foreign.status in {403, 404}
    assert foreign == nowhere
    assert foreign.statements, "nothing was heard"
