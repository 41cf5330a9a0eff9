"""What is asked of identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.domain.keys import check_token
from headworks.identity.errors import InvalidKey, KeyNotFound, WrongKindOfKey
from headworks.kernel.principal import Principal

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import KeyView, Organization, Project
    from headworks.identity.ports import KeyFilter, Reading
    from headworks.kernel.pagination import Page, PageRequest


async def authenticate(reading: Reading, token: str, at: datetime) -> Principal:
    """Who holds this management key. Raises InvalidKey, or WrongKindOfKey for an inference key."""
    key = await reading.key_by_hash(check_token(token))
    if key is None:
        raise InvalidKey("The key is not known here. Look for the right one in credentials.json of the data folder.")
    state = key.state(at)
    if state != "active":
        when = key.revoked_at if state == "revoked" else key.expires_at
        raise InvalidKey(f"The key {_shown(key)} is {state} since {when:%Y-%m-%d %H:%M} UTC. Use another one.")
    if key.kind != "management":
        raise WrongKindOfKey(
            "This is an inference key, for /v1. The management API takes a management key (hw_mk_…): see credentials.json of "
            "the data folder."
        )
    return Principal(key.id, "key", key.organization_id, key.project_id, key.permissions)


async def show_key(reading: Reading, caller: Principal, key_id: str) -> KeyView:
    """Raises KeyNotFound."""
    key = await reading.key(caller.organization_id, key_id)
    if key is None:
        raise KeyNotFound(f"There is no key {key_id!r} in your organisation; list them with GET /api/v1/keys.")
    return key


async def list_keys(
    reading: Reading, caller: Principal, wanted: KeyFilter, at: datetime, page: PageRequest
) -> Page[KeyView]:
    """The caller's organisation's, the newest first."""
    return await reading.keys(caller.organization_id, wanted, at, page)


async def list_organizations(reading: Reading, caller: Principal, page: PageRequest) -> Page[Organization]:
    """The caller's own; all of them for an operator."""
    own = None if caller.may("installation:operate") else caller.organization_id
    return await reading.organizations(own, page)


async def list_projects(reading: Reading, caller: Principal, page: PageRequest) -> Page[Project]:
    """Those of the caller's organisation."""
    return await reading.projects(caller.organization_id, page)


def _shown(key: KeyView) -> str:
    return f"{key.prefix}…{key.last4}" if key.last4 else key.id
