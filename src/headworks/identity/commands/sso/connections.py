"""Connect an organisation to its directory, change the connection, and remove it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headworks.identity.contracts import SsoConnection
from headworks.identity.domain import audited
from headworks.identity.domain.grants import check_role
from headworks.identity.domain.roles import permissions_of
from headworks.identity.domain.sso import connections as rules
from headworks.identity.domain.versions import check_version
from headworks.identity.errors import SsoConnectionNotFound
from headworks.kernel.audit import Change
from headworks.kernel.errors import Invalid
from headworks.kernel.ids import new_id
from headworks.kernel.secrets import parse_reference
from headworks.kernel.text import checked_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from headworks.identity.commands.sso.secrets import ClientSecrets
    from headworks.identity.contracts import GroupRole, Role
    from headworks.identity.ports import Unit
    from headworks.kernel.principal import Principal
    from headworks.kernel.secrets import Secret


@dataclass(frozen=True, slots=True)
class SsoOrder:
    """A connection as somebody wrote it down. Exactly one of the two secrets is given."""

    name: str
    issuer: str
    client_id: str
    allowed_domains: Iterable[str]
    client_secret: Secret | None = None
    client_secret_reference: str | None = None
    scopes: Iterable[str] | None = None
    group_claim: str = "groups"
    group_roles: Iterable[GroupRole] = ()
    default_role: Role | None = None
    joins: bool = False
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class SsoChange:
    """What is to be different; None leaves a field as it is."""

    name: str | None = None
    issuer: str | None = None
    client_id: str | None = None
    allowed_domains: Iterable[str] | None = None
    client_secret: Secret | None = None
    client_secret_reference: str | None = None
    scopes: Iterable[str] | None = None
    group_claim: str | None = None
    group_roles: Iterable[GroupRole] | None = None
    default_role: Role | None = None
    removes_default_role: bool = False
    joins: bool | None = None
    enabled: bool | None = None
    expected_version: int | None = None


async def add_connection(
    unit: Unit, secrets: ClientSecrets, caller: Principal, order: SsoOrder, at: datetime, *, private_networks: bool
) -> SsoConnection:
    """`private_networks`: whether this caller may name a loopback or private address.

    Raises Invalid, MoreThanOwnRights, NameInUse.
    """
    if (order.client_secret is None) == (order.client_secret_reference is None):
        raise Invalid.field(
            "client_secret", "one_of_two", "or client_secret_reference must be there, and not both of them"
        )
    made = SsoConnection(
        id=new_id("sso"),
        organization_id=unit.organization_id,
        name=checked_name("name", order.name),
        issuer=rules.checked_issuer(order.issuer, private_networks=private_networks),
        client_id=rules.checked_text("client_id", order.client_id),
        scopes=rules.checked_scopes(order.scopes),
        group_claim=rules.checked_text("group_claim", order.group_claim),
        group_roles=rules.checked_groups(order.group_roles),
        default_role=order.default_role,
        joins=order.joins,
        allowed_domains=rules.checked_domains(order.allowed_domains),
        created_at=at,
        created_by=caller.id,
        enabled=order.enabled,
        private_network=private_networks,
    )
    _check_rights(made, caller)
    made = _with_secret(made, secrets, order.client_secret, order.client_secret_reference)
    await unit.sso_connections.add(made)
    unit.audit(audited.change("created", None, made))
    return made


async def change_connection(
    unit: Unit,
    secrets: ClientSecrets,
    caller: Principal,
    connection_id: str,
    change: SsoChange,
    *,
    private_networks: bool,
) -> SsoConnection:
    """Raises SsoConnectionNotFound, Stale, Invalid, MoreThanOwnRights, NameInUse."""
    before = await _own(unit, connection_id, change.expected_version)
    after = _with_rules(before, change)
    if change.issuer is not None:
        issuer = rules.checked_issuer(change.issuer, private_networks=private_networks)
        after = replace(after, issuer=issuer, private_network=private_networks)
    after = _with_secret(after, secrets, change.client_secret, change.client_secret_reference)
    if after == before:
        return before
    _check_moved(before, after)
    _check_rights(after, caller)
    after = replace(after, version=before.version + 1)
    await unit.sso_connections.replace(after)
    unit.audit(audited.change("changed", before, after))
    if after.issuer != before.issuer:
        # Another directory's subjects are other people, whatever they are called.
        forgotten = {"organization_id": unit.organization_id, "people": await unit.sso_connections.unlink(before.id)}
        unit.audit(Change("sso_connection.unlinked", "sso_connection", before.id, None, forgotten))
    return after


async def remove_connection(unit: Unit, connection_id: str, expected: int | None = None) -> None:
    """Nobody signs in by it any more. Raises SsoConnectionNotFound, Stale."""
    found = await _own(unit, connection_id, expected)
    await unit.sso_connections.remove(connection_id)
    unit.audit(audited.change("removed", found, None))


async def _own(unit: Unit, connection_id: str, expected: int | None) -> SsoConnection:
    found = await unit.sso_connections.get(connection_id)
    if found is None:
        raise SsoConnectionNotFound(f"There is no connection {connection_id!r} in your organisation.")
    check_version(expected, found.version)
    return found


def _with_rules(before: SsoConnection, change: SsoChange) -> SsoConnection:
    """With everything but the issuer and the secret."""
    if change.removes_default_role and change.default_role is not None:
        raise Invalid.field("default_role", "contradiction", "cannot be given and removed at once")
    default = None if change.removes_default_role else change.default_role or before.default_role
    return replace(
        before,
        name=before.name if change.name is None else checked_name("name", change.name),
        client_id=before.client_id if change.client_id is None else rules.checked_text("client_id", change.client_id),
        scopes=before.scopes if change.scopes is None else rules.checked_scopes(change.scopes),
        group_claim=(
            before.group_claim if change.group_claim is None else rules.checked_text("group_claim", change.group_claim)
        ),
        group_roles=before.group_roles if change.group_roles is None else rules.checked_groups(change.group_roles),
        default_role=default,
        joins=before.joins if change.joins is None else change.joins,
        allowed_domains=(
            before.allowed_domains if change.allowed_domains is None else rules.checked_domains(change.allowed_domains)
        ),
        enabled=before.enabled if change.enabled is None else change.enabled,
    )


def _with_secret(
    connection: SsoConnection, secrets: ClientSecrets, secret: Secret | None, reference: str | None
) -> SsoConnection:
    if secret is not None and reference is not None:
        raise Invalid.field(
            "client_secret_reference", "contradiction", "cannot go with client_secret; give one of them"
        )
    if reference is not None:
        parse_reference(reference, "client_secret_reference")
        return replace(connection, sealed_secret=None, secret_reference=reference)
    if secret is None:
        return connection
    sealed = secrets.seal(secret, connection.organization_id, connection.id)
    return replace(connection, sealed_secret=sealed, secret_reference=None)


def _check_moved(before: SsoConnection, after: SsoConnection) -> None:
    """A stored secret never goes to another directory than the one it was given for."""
    is_same = (before.sealed_secret, before.secret_reference) == (after.sealed_secret, after.secret_reference)
    if after.issuer != before.issuer and is_same:
        raise Invalid.field("issuer", "secret_missing", "is another directory; give the client secret again with it")


def _check_rights(connection: SsoConnection, caller: Principal) -> None:
    """Nobody lets others in as more than they are themselves. Raises MoreThanOwnRights."""
    for role in {one.role for one in connection.group_roles} | {connection.default_role or "viewer"}:
        check_role(permissions_of(role), caller, "let in")
