"""What a new key may do: what its maker wants, within what its maker may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from headworks.identity.domain.roles import permissions_of
from headworks.identity.errors import MoreThanOwnRights
from headworks.kernel.errors import Invalid
from headworks.kernel.permissions import INFERENCE, MANAGEMENT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from headworks.identity.contracts import KeyKind, KeyOwner, KeyView
    from headworks.kernel.permissions import Permission
    from headworks.kernel.principal import Principal

Scope = Literal["inference", "management:read", "management:write"]
"""What a key is for, in a word: shorter than its permissions, and enough for most."""

_READS: Final = frozenset(permission for permission in MANAGEMENT if permission.endswith(":read"))
_WRITES: Final = frozenset(permission for permission in MANAGEMENT if permission.endswith(":write"))


def scopes_of(permissions: Collection[Permission]) -> list[Scope]:
    """Which scopes a key has at least something of."""
    found: list[Scope] = []
    if INFERENCE & set(permissions):
        found.append("inference")
    if _READS & set(permissions):
        found.append("management:read")
    if _WRITES & set(permissions):
        found.append("management:write")
    return found


def from_scopes(scopes: Iterable[Scope], own: frozenset[Permission]) -> tuple[KeyKind, frozenset[Permission] | None]:
    """The kind of key and the permissions that scopes stand for, as far as they are in `own`. Raises Invalid."""
    wanted = frozenset(scopes)
    if not wanted:
        raise Invalid.field("scopes", "empty", "must name at least one, such as inference")
    if wanted == {"inference"}:
        return "inference", None
    if "inference" in wanted:
        raise Invalid.field(
            "scopes", "mixed", "a key either manages or asks models, so that a stolen one does not do both; make two"
        )
    # Whoever writes has to see what is there.
    allowed = _READS | _WRITES if "management:write" in wanted else _READS
    return "management", own & allowed


def permissions_for(
    kind: KeyKind, wanted: Iterable[Permission] | None, creator: Principal, owner: KeyOwner | None = None
) -> frozenset[Permission]:
    """What a new key may do. Raises MoreThanOwnRights beyond the creator's own rights, Invalid when it makes no sense.

    A management key that names nothing gets all that its creator has, within what its owner has. An inference key always
    has just that, and whoever may write keys may make one.
    """
    if kind == "inference":
        if wanted is not None and frozenset(wanted) != INFERENCE:
            raise Invalid.field("permissions", "not_for_inference", "are for management keys; leave them out")
        return INFERENCE
    own = rights(creator, owner)
    chosen = own if wanted is None else frozenset(wanted)
    if not chosen:
        raise Invalid.field("permissions", "empty", "must name at least one, such as usage:read")
    if not chosen <= MANAGEMENT:
        raise Invalid.field(
            "permissions",
            "not_for_management",
            "inference is for inference keys, and directory:provision for directory tokens; make one of that kind",
        )
    if beyond := sorted(chosen - own):
        raise MoreThanOwnRights(f"{', '.join(beyond)}: you or the key's owner lack it, so the key cannot have it.")
    return chosen


def rights(creator: Principal, owner: KeyOwner | None) -> frozenset[Permission]:
    """The most that a management key may do: what its maker and its owner both may."""
    return creator.permissions & (MANAGEMENT if owner is None else owner_permissions(owner))


def check_role(role_permissions: frozenset[Permission], caller: Principal, doing: str) -> None:
    """Raises MoreThanOwnRights when a role may do more than who would give or take it."""
    if beyond := sorted(role_permissions - caller.permissions):
        raise MoreThanOwnRights(f"You lack {', '.join(beyond)}, so you cannot {doing} somebody who has it.")


def effective(key: KeyView) -> frozenset[Permission]:
    """What a key may do now: never more than its owner."""
    if key.owner is None or key.kind == "inference":
        return key.permissions
    return key.permissions & owner_permissions(key.owner)


def owner_permissions(owner: KeyOwner) -> frozenset[Permission]:
    """What a key's owner may do in its organisation."""
    if owner.is_operator:
        return MANAGEMENT
    return frozenset() if owner.role is None else permissions_of(owner.role)
