"""Users of a test, and what they act as."""

from __future__ import annotations

from headworks.identity.contracts import Membership, Role, User
from headworks.identity.domain.roles import OPERATOR, permissions_of
from headworks.identity.ports import Store
from headworks.kernel.principal import Principal
from tests.unit.identity.conftest import NOON


async def join(store: Store, name: str, role: Role, organization_id: str = "org_1") -> Principal:
    """A user that belongs to an organisation, signed in there."""
    user_id = f"usr_{name}"
    async with store.operate() as unit:
        if await unit.users.get(user_id) is None:
            await unit.users.add(User(user_id, f"{name}@example.org", f"{name}@example.org", name, NOON, "system"))
        made = Membership(f"mbr_{name}_{organization_id}", organization_id, user_id, role, NOON, "system")
        await unit.within(organization_id).members.add(made)
    return Principal(user_id, "user", organization_id, None, permissions_of(role))


async def operate(store: Store, name: str = "root") -> Principal:
    """An operator, signed in to the first organisation."""
    user_id = f"usr_{name}"
    async with store.operate() as unit:
        await unit.users.add(
            User(user_id, f"{name}@example.org", f"{name}@example.org", name, NOON, "system", is_operator=True)
        )
    return Principal(user_id, "user", "org_1", None, OPERATOR)
