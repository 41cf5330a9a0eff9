"""What the audit trail is given: every change once, in the transaction that made it, and never a secret."""

from __future__ import annotations

import json

import pytest

from headworks.identity.commands import invitations, keys, members, organizations, projects, rotation, users
from headworks.identity.commands import service_accounts as accounts
from headworks.identity.commands.keys import KeyChange, KeyOrder
from headworks.identity.commands.organizations import OrganizationChange
from headworks.identity.commands.projects import ProjectChange
from headworks.identity.commands.service_accounts import ServiceAccountChange, ServiceAccountOrder
from headworks.identity.commands.users import UserChange
from headworks.identity.domain.audited import change
from headworks.identity.ports import Store
from headworks.kernel.audit import Change
from headworks.kernel.principal import Principal
from tests.unit.identity.conftest import NOON
from tests.unit.identity.people import join


async def test_every_change_is_told_without_its_secrets(store: Store, admin: Principal) -> None:
    await join(store, "ada", "admin")
    await join(store, "bob", "viewer")
    async with store.operate() as unit:
        told: list[Change] = unit._telling.changes  # type: ignore[attr-defined]
        within = unit.within("org_1")
        organization = await organizations.create_organization(unit, "Research", NOON)
        wanted = OrganizationChange(state="disabled")
        await organizations.change_organization(unit, admin, organization.id, wanted)
        project = await projects.create_project(within, "Web", NOON)
        await projects.change_project(within, admin, project.id, ProjectChange("Site"))
        account = await accounts.create_service_account(within, admin, ServiceAccountOrder("ci"), NOON)
        await accounts.change_service_account(within, admin, account.id, ServiceAccountChange(state="disabled"))
        key = await keys.create_key(within, admin, KeyOrder("k", allowed_models=["m"]), NOON)
        await keys.change_key(within, admin, key.view.id, KeyChange(name="l"), NOON)
        rotated = await rotation.rotate_key(within, admin, key.view.id, 60, NOON)
        await keys.revoke_key(within, admin, key.view.id, NOON)
        invited = await invitations.invite(within, admin, "cy@example.org", "viewer", NOON)
        await invitations.accept_invitation(unit, invited.token.reveal(), None, None, NOON)
        other = await invitations.invite(within, admin, "di@example.org", "viewer", NOON)
        await invitations.revoke_invitation(within, other.invitation.id, NOON)
        await members.change_role(within, admin, "mbr_bob_org_1", "maintainer")
        await members.remove_member(within, admin, "mbr_bob_org_1")
        await users.change_user(unit, admin, "usr_bob", UserChange(state="disabled"), NOON)
    assert [one.action for one in told] == [
        "organization.created",
        "project.created",
        "organization.changed",
        "project.created",
        "project.changed",
        "service_account.created",
        "service_account.changed",
        "key.created",
        "key.changed",
        "key.rotated",
        "key.revoked",
        "invitation.created",
        "user.created",
        "membership.created",
        "invitation.accepted",
        "invitation.created",
        "invitation.revoked",
        "membership.changed",
        "membership.removed",
        "user.changed",
    ]
    assert all((one.before is None) == (one.action.endswith(".created")) for one in told)
    assert told[2].before == {"name": "Research", "state": "active"}
    assert told[2].after == {"name": "Research", "state": "disabled"}
    text = json.dumps([(one.before, one.after) for one in told])
    assert key.key is not None
    assert rotated.key is not None
    hashes = {key.view.key_hash, rotated.view.key_hash, invited.invitation.token_hash}
    for secret in (key.key.reveal(), rotated.key.reveal(), invited.token.reveal(), *hashes):
        assert secret not in text


def test_a_change_is_of_something() -> None:
    with pytest.raises(TypeError):
        change("made", None, None)
