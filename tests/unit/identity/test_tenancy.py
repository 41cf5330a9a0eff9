"""Whatever organisations do, and with whichever ids: nothing of one is seen or changed by another."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headworks.identity.adapters.memory import MemoryStore
from headworks.identity.adapters.sql import SqlStore
from headworks.identity.adapters.tables import SCHEMA
from headworks.identity.commands import invitations, keys, members, projects, rotation, service_accounts
from headworks.identity.commands.keys import KeyChange, KeyOrder
from headworks.identity.commands.organizations import create_organization
from headworks.identity.commands.projects import ProjectChange
from headworks.identity.commands.service_accounts import ServiceAccountChange, ServiceAccountOrder
from headworks.identity.commands.sso import connections
from headworks.identity.commands.sso.connections import SsoChange, SsoOrder
from headworks.identity.commands.sso.secrets import ClientSecrets
from headworks.identity.contracts import Membership, User
from headworks.identity.domain.roles import permissions_of
from headworks.identity.ports import InvitationFilter, KeyFilter, Reading, ServiceAccountFilter, Store, Unit
from headworks.identity.queries import keys as key_queries
from headworks.identity.queries import people, places
from headworks.identity.queries import sso as sso_queries
from headworks.kernel.database import Database, prepare_schema
from headworks.kernel.errors import Conflict, Forbidden, HeadworksError, Invalid, NotFound
from headworks.kernel.events import EventBus
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from headworks.kernel.secrets import Sealer, Secret
from tests.unit.identity.conftest import NOON

TENANTS = 3
ALL = PageRequest(1, 200)
SECRETS = ClientSecrets(Sealer({"kek": bytes(32)}, "kek"), {})
_number = itertools.count()

Act = Callable[[Unit, Principal, str], Awaitable[object]]


def _name() -> str:
    return f"n{next(_number)}"


MAKING: dict[str, Act] = {
    "project": lambda unit, _caller, _target: projects.create_project(unit, _name(), NOON),
    "account": lambda unit, caller, target: service_accounts.create_service_account(
        unit, caller, ServiceAccountOrder(_name(), project_id=target), NOON
    ),
    "key in a project": lambda unit, caller, target: keys.create_key(
        unit, caller, KeyOrder(_name(), project_id=target), NOON
    ),
    "key of an account": lambda unit, caller, target: keys.create_key(
        unit, caller, KeyOrder(_name(), service_account_id=target), NOON
    ),
    "invitation": lambda unit, caller, _target: invitations.invite(unit, caller, f"{_name()}@a", "viewer", NOON),
    "connection": lambda unit, caller, _target: connections.add_connection(
        unit,
        SECRETS,
        caller,
        SsoOrder(_name(), "https://id.example.com", "headworks", ["example.com"], Secret("s3cret")),
        NOON,
        private_networks=False,
    ),
}
USING: dict[str, Act] = {
    "show key": lambda unit, _caller, target: key_queries.show_key(unit, target),
    "show project": lambda unit, _caller, target: places.show_project(unit, target),
    "show member": lambda unit, _caller, target: people.show_member(unit, target),
    "show invitation": lambda unit, _caller, target: people.show_invitation(unit, target),
    "show account": lambda unit, _caller, target: people.show_service_account(unit, target),
    "change key": lambda unit, caller, target: keys.change_key(unit, caller, target, KeyChange(name=_name()), NOON),
    "rotate key": lambda unit, caller, target: rotation.rotate_key(unit, caller, target, 60, NOON),
    "revoke key": lambda unit, caller, target: keys.revoke_key(unit, caller, target, NOON),
    "change project": lambda unit, caller, target: projects.change_project(
        unit, caller, target, ProjectChange(_name(), "archived")
    ),
    "change account": lambda unit, caller, target: service_accounts.change_service_account(
        unit, caller, target, ServiceAccountChange(state="disabled")
    ),
    "change role": lambda unit, caller, target: members.change_role(unit, caller, target, "viewer"),
    "remove member": members.remove_member,
    "revoke invitation": lambda unit, _caller, target: invitations.revoke_invitation(unit, target, NOON),
    "show connection": lambda unit, _caller, target: sso_queries.show_connection(unit, target),
    "change connection": lambda unit, caller, target: connections.change_connection(
        unit, SECRETS, caller, target, SsoChange(name=_name(), enabled=False), private_networks=False
    ),
    "remove connection": lambda unit, _caller, target: connections.remove_connection(unit, target),
}
ACTS = MAKING | USING

steps = st.lists(
    st.tuples(st.integers(0, TENANTS - 1), st.sampled_from(sorted(ACTS)), st.integers(min_value=0, max_value=10_000)),
    max_size=25,
)


@contextmanager
def opened(kind: str) -> Iterator[tuple[Store, Callable[[], Awaitable[None]]]]:
    async def nothing() -> None: ...

    if kind == "memory":
        yield MemoryStore(EventBus()), nothing
        return
    with tempfile.TemporaryDirectory() as folder:
        prepare_schema(Path(folder) / "identity.sqlite3", SCHEMA)
        database = Database.sqlite(Path(folder) / "identity.sqlite3")
        yield SqlStore(database, EventBus()), database.close


async def contents(reading: Reading) -> list[object]:
    """All that an organisation can list."""
    return [
        await reading.organization(),
        *(await reading.projects.page(ALL)).items,
        *(await reading.keys.page(KeyFilter(), NOON, ALL)).items,
        *(await reading.members.page(ALL)).items,
        *(await reading.invitations.page(InvitationFilter(), NOON, ALL)).items,
        *(await reading.service_accounts.page(ServiceAccountFilter(), ALL)).items,
        *(await reading.sso_connections.page(ALL)).items,
    ]


def whose(value: object) -> tuple[str, str]:
    """The id of a listed thing, and the organisation that it says it belongs to."""
    inner: Any = getattr(value, "membership", value)
    return str(inner.id), str(getattr(inner, "organization_id", inner.id))


async def found_tenants(store: Store) -> list[Principal]:
    """Organisations with two admins each; one user belongs to all."""
    callers = []
    async with store.operate() as unit:
        await unit.users.add(User("usr_all", "all@a", "all@a", "All", NOON, "system"))
        for number in range(TENANTS):
            organization = await create_organization(unit, f"Tenant {number}", NOON)
            name = f"usr_{number}"
            await unit.users.add(User(name, f"{name}@a", f"{name}@a", name, NOON, "system"))
            for user_id in (name, "usr_all"):
                made = Membership(f"mbr_{user_id}_{number}", organization.id, user_id, "admin", NOON, "system")
                await unit.within(organization.id).members.add(made)
            callers.append(Principal(name, "user", organization.id, None, permissions_of("admin")))
    return callers


async def all_contents(store: Store, callers: list[Principal]) -> dict[str, list[object]]:
    found = {}
    for caller in callers:
        async with store.read(caller.organization_id) as reading:
            found[caller.organization_id] = await contents(reading)
    return found


async def play(store: Store, script: list[tuple[int, str, int]]) -> None:
    callers = await found_tenants(store)
    before = await all_contents(store, callers)
    for tenant, act, which in script:
        caller = callers[tenant]
        everything = [whose(value) for values in before.values() for value in values]
        target, owner = everything[which % len(everything)]
        try:
            async with store.transaction(caller.organization_id) as unit:
                await ACTS[act](unit, caller, target)
        except (Conflict, Forbidden, Invalid, NotFound):
            pass  # of their own it may be for good reasons, of others it has to be
        else:
            assert owner == caller.organization_id or act in {"project", "invitation", "connection"}, (
                f"{act} reached across"
            )
        after = await all_contents(store, callers)
        for organization_id, values in after.items():
            assert {whose(value)[1] for value in values} == {organization_id}
            if organization_id != caller.organization_id:
                assert values == before[organization_id], f"{act} changed another organisation"
        before = after


@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_nothing_crosses(kind: str) -> None:
    @settings(max_examples=60 if kind == "memory" else 12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(script=steps)
    def crossing(script: list[tuple[int, str, int]]) -> None:
        async def whole() -> None:
            with opened(kind) as (store, close):
                try:
                    await play(store, script)
                finally:
                    await close()

        asyncio.run(whole())

    crossing()


@pytest.mark.parametrize("act", sorted(USING))
@pytest.mark.parametrize("kind", ["memory", "sql"])
async def test_anothers_thing_is_answered_like_one_that_is_not_there(kind: str, act: str) -> None:
    with opened(kind) as (store, close):
        first, second = (await found_tenants(store))[:2]
        for make in sorted(MAKING):
            async with store.read(second.organization_id) as reading:
                account_or_project = [whose(one)[0] for one in await contents(reading)]
            for target in account_or_project:
                try:
                    async with store.transaction(second.organization_id) as unit:
                        await MAKING[make](unit, second, target)
                except HeadworksError:
                    continue
                break
        async with store.read(second.organization_id) as reading:
            theirs = [whose(one)[0] for one in await contents(reading)]
        for target in theirs:
            answers = []
            for wanted in (target, "x" * len(target)):
                with pytest.raises(HeadworksError) as caught:
                    async with store.transaction(first.organization_id) as unit:
                        await ACTS[act](unit, first, wanted)
                assert caught.value.status == 404
                answers.append((type(caught.value), caught.value.message.replace(wanted, "…")))
            assert answers[0] == answers[1]
        await close()
