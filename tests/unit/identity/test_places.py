from __future__ import annotations

from dataclasses import replace

import pytest

from headworks.identity.commands import organizations, projects, service_accounts
from headworks.identity.commands.organizations import OrganizationChange
from headworks.identity.commands.projects import ProjectChange
from headworks.identity.commands.service_accounts import ServiceAccountChange, ServiceAccountOrder
from headworks.identity.contracts import (
    Organization,
    OrganizationChanged,
    Project,
    ProjectChanged,
    ServiceAccount,
    ServiceAccountChanged,
)
from headworks.identity.errors import (
    MoreThanOwnRights,
    NameInUse,
    NoSuchProject,
    NotActive,
    OrganizationNotFound,
    ProjectNotFound,
    ServiceAccountNotFound,
    WouldLockOut,
)
from headworks.identity.ports import Store
from headworks.kernel.errors import HeadworksError, Invalid, Stale
from headworks.kernel.events import EventBus
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from tests.unit.identity.conftest import NOON
from tests.unit.identity.people import join


@pytest.fixture
def heard(bus: EventBus) -> list[object]:
    events: list[object] = []
    for kind in (OrganizationChanged, ProjectChanged, ServiceAccountChanged):
        bus.subscribe(kind, events.append)
    return events


async def change_organization(store: Store, caller: Principal, which: str, wanted: OrganizationChange) -> Organization:
    async with store.operate() as unit:
        return await organizations.change_organization(unit, caller, which, wanted)


async def change_project(store: Store, caller: Principal, which: str, wanted: ProjectChange) -> Project:
    async with store.transaction(caller.organization_id) as unit:
        return await projects.change_project(unit, caller, which, wanted)


async def make_account(store: Store, caller: Principal, order: ServiceAccountOrder) -> ServiceAccount:
    async with store.transaction(caller.organization_id) as unit:
        return await service_accounts.create_service_account(unit, caller, order, NOON)


async def change_account(store: Store, caller: Principal, which: str, wanted: ServiceAccountChange) -> ServiceAccount:
    async with store.transaction(caller.organization_id) as unit:
        return await service_accounts.change_service_account(unit, caller, which, wanted)


async def test_an_organisation_begins_with_a_project(store: Store) -> None:
    async with store.operate() as unit:
        made = await organizations.create_organization(unit, " Research ", NOON)
    assert made.name == "Research"
    async with store.read(made.id) as reading:
        assert [one.name for one in (await reading.projects.page(PageRequest())).items] == ["Default"]


async def test_an_organisation_is_disabled_and_told(store: Store, admin: Principal, heard: list[object]) -> None:
    changed = await change_organization(store, admin, "org_2", OrganizationChange("Other", "disabled", 1))
    assert (changed.name, changed.state, changed.version) == ("Other", "disabled", 2)
    assert heard == [OrganizationChanged("org_2")]
    await change_organization(store, admin, "org_2", OrganizationChange("Another"))
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("which", "wanted", "error"),
    [
        ("org_9", OrganizationChange("x"), OrganizationNotFound),
        ("org_2", OrganizationChange(""), Invalid),
        ("org_2", OrganizationChange("organisation 1"), NameInUse),
        ("org_2", OrganizationChange("x", expected_version=2), Stale),
        ("org_1", OrganizationChange(state="disabled"), WouldLockOut),
    ],
)
async def test_organisations_are_not_spoilt(
    store: Store, admin: Principal, which: str, wanted: OrganizationChange, error: type[HeadworksError]
) -> None:
    with pytest.raises(error):
        await change_organization(store, admin, which, wanted)


async def test_a_project_is_archived_and_taken_back(store: Store, admin: Principal, heard: list[object]) -> None:
    async with store.transaction("org_1") as unit:
        made = await projects.create_project(unit, "Web", NOON)
    assert (await change_project(store, admin, made.id, ProjectChange(state="archived"))).state == "archived"
    assert (await change_project(store, admin, made.id, ProjectChange("Site", "active", 2))).name == "Site"
    assert heard == [ProjectChanged("org_1", made.id)] * 2


@pytest.mark.parametrize(
    ("which", "wanted", "error"),
    [
        ("prj_9", ProjectChange("x"), NoSuchProject),
        ("prj_2", ProjectChange("x"), NoSuchProject),
        ("prj_1", ProjectChange("\u200b"), Invalid),
        ("prj_1", ProjectChange("x", expected_version=2), Stale),
        ("prj_1", ProjectChange("WEB"), NameInUse),
        ("prj_1", ProjectChange(state="archived"), WouldLockOut),
    ],
)
async def test_projects_are_not_spoilt(
    store: Store, admin: Principal, which: str, wanted: ProjectChange, error: type[HeadworksError]
) -> None:
    async with store.transaction("org_1") as unit:
        await projects.create_project(unit, "Web", NOON)
    with pytest.raises(error):
        await change_project(store, replace(admin, key_id="key_admin"), which, wanted)


async def test_a_service_account_is_made_and_changed(store: Store, heard: list[object]) -> None:
    bob = await join(store, "bob", "maintainer")
    made = await make_account(store, bob, ServiceAccountOrder("ci"))
    assert (made.project_id, made.role, made.created_by) == ("prj_1", "viewer", "usr_bob")
    changed = await change_account(store, bob, made.id, ServiceAccountChange("build", "maintainer", "disabled", 1))
    assert (changed.name, changed.role, changed.state, changed.version) == ("build", "maintainer", "disabled", 2)
    assert heard == [ServiceAccountChanged("org_1", made.id)]
    await change_account(store, bob, made.id, ServiceAccountChange(name="builder"))
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (ServiceAccountOrder(""), Invalid),
        (ServiceAccountOrder("CI"), NameInUse),
        (ServiceAccountOrder("x", project_id="prj_2"), ProjectNotFound),
        (ServiceAccountOrder("x", role="admin"), MoreThanOwnRights),
    ],
)
async def test_a_wrong_order_makes_no_account(
    store: Store, order: ServiceAccountOrder, error: type[HeadworksError]
) -> None:
    bob = await join(store, "bob", "maintainer")
    await make_account(store, bob, ServiceAccountOrder("ci"))
    with pytest.raises(error):
        await make_account(store, bob, order)


async def test_nobody_raises_an_account_above_themselves(store: Store, admin: Principal) -> None:
    bob = await join(store, "bob", "maintainer")
    mine = await make_account(store, bob, ServiceAccountOrder("ci"))
    greater = await make_account(store, admin, ServiceAccountOrder("root", "admin"))
    with pytest.raises(MoreThanOwnRights):
        await change_account(store, bob, mine.id, ServiceAccountChange(role="admin"))
    with pytest.raises(MoreThanOwnRights):
        await change_account(store, bob, greater.id, ServiceAccountChange(state="disabled"))
    itself = replace(admin, id=greater.id, kind="service_account")
    with pytest.raises(WouldLockOut):
        await change_account(store, itself, greater.id, ServiceAccountChange(state="disabled"))


async def test_accounts_of_others_are_not_there(store: Store, admin: Principal, stranger: Principal) -> None:
    theirs = await make_account(store, stranger, ServiceAccountOrder("ci"))
    with pytest.raises(ServiceAccountNotFound):
        await change_account(store, admin, theirs.id, ServiceAccountChange(name="x"))


async def test_nothing_is_made_in_what_is_archived(store: Store, admin: Principal) -> None:
    async with store.transaction("org_1") as unit:
        made = await projects.create_project(unit, "Web", NOON)
    await change_project(store, admin, made.id, ProjectChange(state="archived"))
    with pytest.raises(NotActive):
        await make_account(store, admin, ServiceAccountOrder("ci", project_id=made.id))
