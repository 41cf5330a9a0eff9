"""Identity's lists are sorted, and gone through by cursor, the same on every adapter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from headworks.identity.contracts import Invitation, KeyView, Membership, Project, Role, ServiceAccount, User
from headworks.identity.ports import InvitationFilter, KeyFilter, ServiceAccountFilter, Store, UserFilter
from headworks.kernel.pagination import Page, PageRequest
from headworks.kernel.permissions import INFERENCE
from headworks.kernel.sorting import Order, Sort
from tests.contract.conftest import NOON

NAMES = ("ada", "Zoë", "ada", "Ähre", "bob", "zoe", "bob")
"""With capitals, accents and repetitions: every database must hold them to be in the same order, that of code points."""


async def fill(store: Store) -> None:
    async with store.operate() as unit:
        within = unit.within("org_1")
        for number, name in enumerate(NAMES):
            # Two at a time are born in the same moment.
            at = NOON + timedelta(seconds=number // 2)
            key = KeyView(
                id=f"key_{number}",
                organization_id="org_1",
                project_id="prj_1",
                name=name,
                kind="inference" if number % 3 else "management",
                permissions=INFERENCE,
                key_hash=f"{number:064x}",
                prefix="hw_sk_",
                last4="abcd",
                created_at=at,
                created_by="system",
            )
            await within.keys.add([key])
            await within.projects.add(Project(f"prj_1{number}", "org_1", f"{name} {number}", at))
            email = f"{name}{number}@example.org"
            await unit.users.add(User(f"usr_{number}", email, email.casefold(), name, at, "system"))
            role: Role = "viewer" if number % 2 else "admin"
            await within.members.add(Membership(f"mbr_{number}", "org_1", f"usr_{number}", role, at, "system"))
            account = ServiceAccount(f"sva_{number}", "org_1", "prj_1", f"{name} {number}", role, at, "system")
            await within.service_accounts.add(account)
            invitation = Invitation(
                id=f"inv_{number}",
                organization_id="org_1",
                email=email,
                email_key=email.casefold(),
                role=role,
                token_hash=f"{number:064x}",
                created_at=at,
                created_by="system",
                expires_at=NOON + timedelta(days=number % 2),
            )
            await within.invitations.add(invitation)


Lister = Callable[[Store, PageRequest], Awaitable[Page[object]]]


async def keys(store: Store, page: PageRequest) -> Page[object]:
    async with store.read("org_1") as reading:
        return (await reading.keys.page(KeyFilter(), NOON, page)).map(lambda one: one)


async def projects(store: Store, page: PageRequest) -> Page[object]:
    async with store.read("org_1") as reading:
        return (await reading.projects.page(page)).map(lambda one: one)


async def users(store: Store, page: PageRequest) -> Page[object]:
    async with store.overlook() as overview:
        return (await overview.users.page(UserFilter(), page)).map(lambda one: one)


async def members(store: Store, page: PageRequest) -> Page[object]:
    async with store.read("org_1") as reading:
        return (await reading.members.page(page)).map(lambda one: one)


async def accounts(store: Store, page: PageRequest) -> Page[object]:
    async with store.read("org_1") as reading:
        return (await reading.service_accounts.page(ServiceAccountFilter(), page)).map(lambda one: one)


async def invitations(store: Store, page: PageRequest) -> Page[object]:
    async with store.read("org_1") as reading:
        return (await reading.invitations.page(InvitationFilter(), NOON, page)).map(lambda one: one)


LISTS: dict[str, tuple[Lister, tuple[str, ...]]] = {
    "keys": (keys, ("name", "kind", "created_at")),
    "projects": (projects, ("name", "state", "created_at")),
    "users": (users, ("email", "name", "state", "created_at")),
    "members": (members, ("email", "name", "role", "created_at")),
    "service accounts": (accounts, ("name", "role", "state", "created_at")),
    "invitations": (invitations, ("email", "role", "created_at", "expires_at")),
}


def field_of(item: object, field: str) -> object:
    for place in (item, getattr(item, "user", None), getattr(item, "membership", None)):
        if hasattr(place, field) and not callable(getattr(place, field)) and not (place is item and field == "role"):
            return getattr(place, field)
    return getattr(getattr(item, "membership", item), field)


@pytest.mark.parametrize("noun", LISTS)
async def test_a_list_is_sorted_by_any_two_fields(identity: Store, noun: str) -> None:
    await fill(identity)
    lister, fields = LISTS[noun]
    for first, second in permutations(fields, 2):
        for down, also_down in ((False, False), (True, True), (True, False)):
            sort: Sort = (Order(first, down), Order(second, also_down))
            page = await lister(identity, PageRequest(per_page=200, sort=sort))
            for here, there in zip(page.items, page.items[1:], strict=False):
                a, b = field_of(here, first), field_of(there, first)
                assert a == b or (a > b) is down, (noun, sort)  # type: ignore[operator]
                if a == b:
                    c, d = field_of(here, second), field_of(there, second)
                    assert c == d or (c > d) is also_down, (noun, sort)  # type: ignore[operator]


@pytest.mark.parametrize("noun", LISTS)
async def test_a_walk_by_cursor_meets_everything_once(identity: Store, noun: str) -> None:
    await fill(identity)
    lister, fields = LISTS[noun]
    for sort in (
        *((Order(field, down),) for field in fields for down in (True, False)),
        (Order(fields[0]), Order(fields[1], descending=True)),
    ):
        whole = await lister(identity, PageRequest(per_page=200, sort=sort))
        assert whole.last is None
        for size in (1, 2, 3):
            met: list[object] = []
            page = await lister(identity, PageRequest(per_page=size, sort=sort))
            while True:
                met += page.items
                assert page.total == whole.total
                if page.last is None:
                    break
                page = await lister(identity, PageRequest(per_page=size, sort=sort, after=page.last))
            assert met == list(whole.items), (noun, sort, size)


async def test_a_cursor_skips_and_repeats_nothing_while_keys_come_and_go(identity: Store) -> None:
    await fill(identity)
    sort = (Order("created_at", descending=True),)
    first = await keys(identity, PageRequest(per_page=3, sort=sort))
    async with identity.transaction("org_1") as unit:
        key = await unit.keys.get("key_0")
        assert key is not None
        newest = replace(key, id="key_new", key_hash="f" * 64, created_at=NOON + timedelta(days=1))
        await unit.keys.add([newest])
    rest = await keys(identity, PageRequest(per_page=200, sort=sort, after=first.last))
    met = [getattr(one, "id") for one in (*first.items, *rest.items)]  # noqa: B009 - any of the nouns
    assert met == ["key_6", "key_5", "key_4", "key_3", "key_2", "key_1", "key_0"]


async def test_pages_by_number_say_whether_there_is_more(identity: Store) -> None:
    await fill(identity)
    page = await keys(identity, PageRequest(2, 3))
    assert page.last is not None
    assert (await keys(identity, PageRequest(3, 3))).last is None
    assert (await keys(identity, PageRequest(9, 3))).last is None
