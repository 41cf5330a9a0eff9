"""What a directory proves itself by, and how an organisation takes its word: set by admins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.commands.directory_roles import settle
from headworks.identity.contracts import DirectoryToken
from headworks.identity.domain import audited
from headworks.identity.domain.directory import generate_directory_token, hash_directory_token
from headworks.identity.domain.grants import check_role
from headworks.identity.domain.keys import check_expiry
from headworks.identity.domain.roles import permissions_of
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import DirectoryTokenNotFound
from headworks.kernel.ids import new_id
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import Directory, Role
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal
    from headworks.kernel.secrets import Secret


_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class IssuedDirectoryToken:
    """A token, and its secret: shown this once."""

    token: DirectoryToken
    secret: Secret


async def create_token(
    unit: Unit, caller: Principal, name: str, expires_at: datetime | None, at: datetime
) -> IssuedDirectoryToken:
    """Raises Invalid, or MoreThanOwnRights for who could not make an admin: by a directory's groups one can."""
    check_role(permissions_of("admin"), caller, "let a directory make")
    secret = generate_directory_token()
    made = DirectoryToken(
        id=new_id("dtk"),
        organization_id=unit.organization_id,
        name=checked_name("name", name),
        token_hash=hash_directory_token(secret.reveal()),
        last4=secret.reveal()[-4:],
        created_at=at,
        created_by=caller.id,
        expires_at=check_expiry(expires_at, at),
    )
    await unit.directory.tokens.add(made)
    unit.audit(audited.change("created", None, made))
    return IssuedDirectoryToken(made, secret)


async def revoke_token(unit: Unit, token_id: str, at: datetime, expected: int | None = None) -> None:
    """Make it useless for good; doing it twice changes nothing. Raises DirectoryTokenNotFound, Stale."""
    found = await unit.directory.tokens.get(token_id)
    if found is None:
        raise DirectoryTokenNotFound(f"There is no directory token {token_id!r} in your organisation.")
    check_version(expected, found.version)
    if found.revoked_at is not None:
        return
    revoked = replace(found, revoked_at=at)
    await unit.directory.tokens.replace(revoked)
    unit.audit(audited.change("revoked", found, revoked))


async def change_default(unit: Unit, caller: Principal, role: Role, expected: int | None = None) -> Directory:
    """Say what those are whose groups give them nothing. Raises MoreThanOwnRights, LastAdmin, Stale."""
    before = await unit.directory.directory()
    check_version(expected, before.version)
    for given in (before.default_role, role):
        check_role(permissions_of(given), caller, "let a directory make")
    if before.default_role == role:
        return before
    after = replace(before, default_role=role, version=before.version + 1)
    await unit.directory.put_directory(after)
    unit.audit(audited.change("changed", before, after))
    start, total = 0, 1
    while start < total:
        people, total = await unit.directory.people.stretch(start, _AT_ONCE)
        await settle(unit, people)
        start += _AT_ONCE
    return after
