"""Who speaks for a directory, and what it told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.domain.directory import hash_directory_token, is_well_formed
from headworks.identity.errors import DirectoryGroupNotFound, DirectoryTokenNotFound, InvalidKey
from headworks.kernel.permissions import PROVISIONING
from headworks.kernel.principal import Principal

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.identity.contracts import DirectoryGroup, DirectoryToken
    from headworks.identity.ports import Overview, Reading


async def find_token(overview: Overview, token: str, at: datetime) -> DirectoryToken:
    """The token that has this secret. Raises InvalidKey."""
    if not is_well_formed(token):
        raise InvalidKey("The directory token is mistyped or cut: its checksum does not fit. Copy it again, whole.")
    found = await overview.directory_token_by_hash(hash_directory_token(token))
    if found is None:
        raise InvalidKey("The directory token is not known here. Make one: headworks directory token create NAME.")
    state = found.state(at)
    if state != "active":
        when = found.revoked_at if state == "revoked" else found.expires_at
        raise InvalidKey(
            f"The directory token …{found.last4} is {state} since {when:%Y-%m-%d %H:%M} UTC. Make another."
        )
    organization = await overview.organizations.get(found.organization_id)
    if organization is None or organization.state != "active":
        raise InvalidKey(f"The directory token …{found.last4} does not work for now: its organisation is disabled.")
    return found


def as_principal(token: DirectoryToken) -> Principal:
    """What it may: say who belongs to its organisation, and nothing else."""
    return Principal(token.id, "directory", token.organization_id, None, PROVISIONING)


async def show_token(reading: Reading, token_id: str) -> DirectoryToken:
    """Raises DirectoryTokenNotFound."""
    found = await reading.directory.tokens.get(token_id)
    if found is None:
        raise DirectoryTokenNotFound(f"There is no directory token {token_id!r} in your organisation.")
    return found


async def show_group(reading: Reading, group_id: str) -> DirectoryGroup:
    """Raises DirectoryGroupNotFound."""
    found = await reading.directory.groups.get(group_id)
    if found is None:
        raise DirectoryGroupNotFound(f"There is no group {group_id!r} in your organisation's directory.")
    return found
