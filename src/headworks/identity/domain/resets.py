"""Who may let somebody in again. Whoever gives somebody a password could sign in as them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.domain.roles import permissions_of
from headworks.identity.errors import MoreThanOwnRights, NotForOneself, UserNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.identity.contracts import Membership, User
    from headworks.kernel.principal import Principal


def resettable(
    caller: Principal, user_id: str, user: User | None, memberships: Sequence[Membership], own_way: str
) -> User:
    """The user, where `caller` may reset what they sign in with; `memberships` are all of theirs.

    An operator may for everybody; others for who belongs to their organisation alone, and may no more than they. `own_way` is
    what does it for oneself. Raises UserNotFound, the same for who belongs elsewhere only; NotForOneself, MoreThanOwnRights.
    """
    here = [one for one in memberships if one.organization_id == caller.organization_id]
    operates = caller.may("installation:operate")
    if user is None or not (operates or here):
        raise UserNotFound(f"There is no user {user_id!r}.")
    if caller.kind == "user" and caller.id == user.id:
        raise NotForOneself(f"That is you, and you have to prove it: {own_way}.")
    if operates:
        return user
    if user.is_operator or len(memberships) > 1 or not permissions_of(here[0].role) <= caller.permissions:
        # Why is not said: where else they belong is nobody's business here.
        raise MoreThanOwnRights("Their account is not yours alone to let in again. An operator can do it.")
    return user
