"""Which keys work, as a condition on the table of keys alone: a list of thousands is counted without looking each owner up.

What suspends keys is asked once for the whole statement. `contracts.keys.KeyView.state` decides the same of one key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from headworks.identity.adapters.tables import keys, memberships, organizations, projects, service_accounts, users

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from headworks.identity.contracts import KeyState


def in_state(organization_id: str, state: KeyState, at: datetime) -> ColumnElement[bool]:
    """Those of the organisation's keys that are in this state."""
    revoked = and_(keys.c.revoked_at.is_not(None), keys.c.revoked_at <= at)
    expired = and_(keys.c.expires_at.is_not(None), keys.c.expires_at <= at)
    if state == "revoked":
        return revoked
    if state == "expired":
        return and_(~revoked, expired)
    suspended = _suspended(organization_id)
    return and_(~revoked, ~expired, suspended if state == "suspended" else ~suspended)


def _suspended(organization_id: str) -> ColumnElement[bool]:
    """Every part is true or false and never null, so that it can be turned round."""
    disabled = select(organizations.c.id).where(
        organizations.c.id == organization_id, organizations.c.state != "active"
    )
    archived = select(projects.c.id).where(projects.c.organization_id == organization_id, projects.c.state != "active")
    return or_(
        keys.c.organization_id.in_(disabled),
        keys.c.project_id.in_(archived),
        and_(
            keys.c.owner_kind.is_not(None), keys.c.owner_kind == "user", *_owned_by_none_of_the_users(organization_id)
        ),
        and_(
            keys.c.owner_kind.is_not(None),
            keys.c.owner_kind == "service_account",
            keys.c.owner_id.not_in(
                select(service_accounts.c.id).where(
                    service_accounts.c.organization_id == organization_id, service_accounts.c.state == "active"
                )
            ),
        ),
    )


def _owned_by_none_of_the_users(organization_id: str) -> list[ColumnElement[bool]]:
    """Whose keys work: members who are not disabled, and operators."""
    members = (
        select(memberships.c.user_id)
        .join(users, users.c.id == memberships.c.user_id)
        .where(memberships.c.organization_id == organization_id, users.c.state == "active")
    )
    operators = select(users.c.id).where(users.c.is_operator, users.c.state == "active")
    return [keys.c.owner_id.not_in(members), keys.c.owner_id.not_in(operators)]
