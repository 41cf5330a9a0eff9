from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headworks.identity.commands import invitations, members, users
from headworks.identity.commands.invitations import Accepted, IssuedInvitation
from headworks.identity.commands.users import UserChange
from headworks.identity.contracts import Member, MembershipChanged, Role, SessionEnded, User, UserChanged
from headworks.identity.domain.invitations import hash_token
from headworks.identity.errors import (
    AlreadyInvited,
    AlreadyMember,
    InvitationIsSettled,
    InvitationNotFound,
    LastAdmin,
    LastOperator,
    MemberNotFound,
    MoreThanOwnRights,
    OtherAddressee,
    SignInToAccept,
    UserNotFound,
    WouldLockOut,
)
from headworks.identity.ports import Store
from headworks.kernel.errors import HeadworksError, Invalid, Stale
from headworks.kernel.events import EventBus
from headworks.kernel.pagination import PageRequest
from headworks.kernel.principal import Principal
from tests.unit.identity.conftest import NOON
from tests.unit.identity.people import join, operate
from tests.unit.identity.sessions import ended, sign_in

WEEK = timedelta(days=7)


@pytest.fixture
def heard(bus: EventBus) -> list[object]:
    events: list[object] = []
    for kind in (MembershipChanged, UserChanged):
        bus.subscribe(kind, events.append)
    return events


async def invite(store: Store, caller: Principal, email: str, role: Role = "viewer") -> IssuedInvitation:
    async with store.transaction(caller.organization_id) as unit:
        return await invitations.invite(unit, caller, email, role, NOON)


async def accept(
    store: Store, token: str, caller: Principal | None = None, name: str | None = None, after: timedelta = timedelta(0)
) -> Accepted:
    async with store.operate() as unit:
        return await invitations.accept_invitation(unit, token, caller, name, NOON + after)


async def set_role(store: Store, caller: Principal, membership_id: str, role: Role, seen: int | None = None) -> Member:
    async with store.transaction(caller.organization_id) as unit:
        return await members.change_role(unit, caller, membership_id, role, seen)


async def remove(store: Store, caller: Principal, membership_id: str) -> None:
    async with store.transaction(caller.organization_id) as unit:
        await members.remove_member(unit, caller, membership_id)


async def change(store: Store, caller: Principal, user_id: str, wanted: UserChange) -> User:
    async with store.operate() as unit:
        return await users.change_user(unit, caller, user_id, wanted, NOON)


async def emails(store: Store, organization_id: str = "org_1") -> list[str]:
    async with store.read(organization_id) as reading:
        return sorted(one.user.email for one in (await reading.members.page(PageRequest())).items)


class TestInvitations:
    async def test_a_stranger_joins_with_an_account_of_their_own(self, store: Store, heard: list[object]) -> None:
        ada = await join(store, "ada", "admin")
        issued = await invite(store, ada, " Bob@Example.org ", "maintainer")
        token = issued.token.reveal()
        assert issued.invitation.token_hash == hash_token(token)
        assert (issued.invitation.email, issued.invitation.email_key) == ("Bob@Example.org", "bob@example.org")
        assert issued.invitation.expires_at == NOON + WEEK
        joined = await accept(store, token, name="Bob")
        assert (joined.user.name, joined.is_new, joined.membership.role) == ("Bob", True, "maintainer")
        assert joined.membership.created_by == "usr_ada"
        assert await emails(store) == ["Bob@Example.org", "ada@example.org"]
        assert heard == [MembershipChanged("org_1", joined.user.id)]
        with pytest.raises(InvitationNotFound):
            await accept(store, token)

    async def test_who_has_an_account_joins_as_themselves(self, store: Store) -> None:
        ada = await join(store, "ada", "admin")
        bob = await join(store, "bob", "viewer", "org_2")
        token = (await invite(store, ada, "BOB@example.org")).token.reveal()
        with pytest.raises(SignInToAccept):
            await accept(store, token)
        with pytest.raises(OtherAddressee):
            await accept(store, token, ada)
        program = replace(bob, kind="service_account")
        with pytest.raises(OtherAddressee):
            await accept(store, token, program)
        joined = await accept(store, token, bob)
        assert (joined.user.id, joined.is_new) == ("usr_bob", False)

    async def test_a_link_made_out_to_nobody_known_is_not_for_who_is_signed_in(self, store: Store) -> None:
        ada = await join(store, "ada", "admin")
        token = (await invite(store, ada, "cy@example.org")).token.reveal()
        with pytest.raises(OtherAddressee):
            await accept(store, token, ada)

    async def test_one_waits_for_an_address_at_a_time(self, store: Store) -> None:
        ada = await join(store, "ada", "admin")
        first = await invite(store, ada, "bob@example.org")
        with pytest.raises(AlreadyInvited):
            await invite(store, ada, "Bob@example.org")
        async with store.transaction("org_1") as unit:
            for _ in range(2):
                await invitations.revoke_invitation(unit, first.invitation.id, NOON)
        second = await invite(store, ada, "bob@example.org")
        with pytest.raises(InvitationNotFound):
            await accept(store, first.token.reveal())
        await accept(store, second.token.reveal())
        async with store.transaction("org_1") as unit:
            with pytest.raises(InvitationIsSettled):
                await invitations.revoke_invitation(unit, second.invitation.id, NOON)
            with pytest.raises(InvitationNotFound):
                await invitations.revoke_invitation(unit, "inv_9", NOON)
        with pytest.raises(AlreadyMember):
            await invite(store, ada, "bob@example.org")

    async def test_one_that_expired_makes_way(self, store: Store) -> None:
        ada = await join(store, "ada", "admin")
        old = await invite(store, ada, "bob@example.org")
        with pytest.raises(InvitationNotFound):
            await accept(store, old.token.reveal(), after=WEEK)
        async with store.transaction("org_1") as unit:
            await invitations.invite(unit, ada, "bob@example.org", "viewer", NOON + WEEK)
        await accept(store, old.token.reveal(), after=WEEK - timedelta(microseconds=1))

    async def test_nobody_joins_an_organisation_that_is_disabled(self, store: Store) -> None:
        ada = await join(store, "ada", "admin")
        token = (await invite(store, ada, "bob@example.org")).token.reveal()
        async with store.operate() as unit:
            found = await unit.organizations.get("org_1")
            assert found is not None
            await unit.organizations.replace(replace(found, state="disabled", version=2))
        with pytest.raises(InvitationNotFound):
            await accept(store, token)

    @pytest.mark.parametrize(
        "email", ["", "bob", "@", "a@b@c", "bob@exa mple.org", "bob\n@example.org", "a@" + "b" * 260]
    )
    async def test_an_address_is_one(self, store: Store, email: str) -> None:
        ada = await join(store, "ada", "admin")
        with pytest.raises(Invalid, match="email"):
            await invite(store, ada, email)

    async def test_nobody_invites_above_their_own_rights(self, store: Store) -> None:
        ada = await join(store, "ada", "admin")
        lesser = replace(ada, permissions=frozenset({"members:write", "members:read"}))
        with pytest.raises(MoreThanOwnRights):
            await invite(store, lesser, "bob@example.org", "admin")
        with pytest.raises(MoreThanOwnRights):
            await invite(store, lesser, "bob@example.org", "viewer")

    @pytest.mark.parametrize("token", ["", "x", "\ud800", "é" * 400])
    async def test_an_invented_link_opens_nothing(self, store: Store, token: str) -> None:
        with pytest.raises(InvitationNotFound):
            await accept(store, token)


class TestMembers:
    async def test_a_role_changes_and_is_told(self, store: Store, heard: list[object]) -> None:
        ada, _ = await join(store, "ada", "admin"), await join(store, "bob", "viewer")
        changed = await set_role(store, ada, "mbr_bob_org_1", "maintainer", 1)
        assert (changed.membership.role, changed.membership.version) == ("maintainer", 2)
        assert heard == [MembershipChanged("org_1", "usr_bob")]
        with pytest.raises(Stale):
            await set_role(store, ada, "mbr_bob_org_1", "viewer", 1)

    async def test_a_role_that_stays_is_not_told(self, store: Store, heard: list[object]) -> None:
        ada = await join(store, "ada", "admin")
        assert (await set_role(store, ada, "mbr_ada_org_1", "admin")).membership.version == 1
        assert heard == []

    async def test_the_last_admin_stays(self, store: Store) -> None:
        ada = await join(store, "ada", "admin")
        await join(store, "bob", "admin")
        async with store.operate() as unit:
            bob = await unit.users.get("usr_bob")
            assert bob is not None
            await unit.users.replace(replace(bob, state="disabled", version=2))
        for attempt in (set_role(store, ada, "mbr_ada_org_1", "viewer"), remove(store, ada, "mbr_ada_org_1")):
            with pytest.raises(LastAdmin):
                await attempt
        await remove(store, ada, "mbr_bob_org_1")
        await join(store, "cy", "admin")
        await remove(store, ada, "mbr_ada_org_1")
        assert await emails(store) == ["cy@example.org"]

    async def test_nobody_touches_who_may_more(self, store: Store) -> None:
        ada = await join(store, "ada", "admin")
        await join(store, "bob", "admin")
        lesser = replace(ada, permissions=frozenset({"members:write"}))
        for attempt in (set_role(store, lesser, "mbr_bob_org_1", "viewer"), remove(store, lesser, "mbr_bob_org_1")):
            with pytest.raises(MoreThanOwnRights):
                await attempt

    async def test_members_of_others_are_not_there(self, store: Store) -> None:
        ada, _ = await join(store, "ada", "admin"), await join(store, "bob", "admin", "org_2")
        for attempt in (set_role(store, ada, "mbr_bob_org_2", "viewer"), remove(store, ada, "mbr_bob_org_2")):
            with pytest.raises(MemberNotFound):
                await attempt
        assert await emails(store, "org_2") == ["bob@example.org"]


class TestUsers:
    async def test_a_user_is_kept_out_and_let_in(self, store: Store, heard: list[object]) -> None:
        root = await operate(store)
        await join(store, "bob", "viewer")
        for state, version in (("disabled", 2), ("active", 3)):
            changed = await change(store, root, "usr_bob", UserChange(state=state))  # type: ignore[arg-type]
            assert (changed.state, changed.version) == (state, version)
        assert heard == [UserChanged("usr_bob")] * 2
        await change(store, root, "usr_bob", UserChange(name="Robert", expected_version=3))
        assert len(heard) == 2, "a name concerns nobody's rights"

    @pytest.mark.parametrize(
        ("user_id", "wanted", "error"),
        [
            ("usr_9", UserChange(state="disabled"), UserNotFound),
            ("usr_bob", UserChange(name=""), Invalid),
            ("usr_bob", UserChange(name="B", expected_version=9), Stale),
            ("usr_root", UserChange(state="disabled"), WouldLockOut),
            ("usr_root", UserChange(is_operator=False), WouldLockOut),
        ],
    )
    async def test_what_is_refused(
        self, store: Store, user_id: str, wanted: UserChange, error: type[HeadworksError]
    ) -> None:
        root = await operate(store)
        await join(store, "bob", "viewer")
        with pytest.raises(error):
            await change(store, root, user_id, wanted)

    async def test_the_last_operator_stays(self, store: Store, admin: Principal) -> None:
        await operate(store)
        with pytest.raises(LastOperator):
            await change(store, admin, "usr_root", UserChange(state="disabled"))
        await operate(store, "second")
        assert (await change(store, admin, "usr_root", UserChange(is_operator=False))).is_operator is False


async def test_who_is_disabled_is_signed_out_for_good(store: Store, bus: EventBus) -> None:
    root, ada = await operate(store), await join(store, "ada", "viewer")
    for name in ("ses_1", "ses_2"):
        await sign_in(store, ada.id, "org_1", name)
    told: list[SessionEnded] = []
    bus.subscribe(SessionEnded, told.append)
    await change(store, root, ada.id, UserChange(state="disabled"))
    assert [one.session_id for one in told] == ["ses_1", "ses_2"]
    await change(store, root, ada.id, UserChange(state="active"))
    assert [await ended(store, name) for name in ("ses_1", "ses_2")] == ["user_disabled"] * 2
    # What else is changed of somebody ends nothing.
    await sign_in(store, ada.id, "org_1", "ses_3")
    await change(store, root, ada.id, UserChange(name="Countess"))
    assert await ended(store, "ses_3") == ""
