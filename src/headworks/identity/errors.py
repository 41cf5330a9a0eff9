"""What identity refuses, and how it says so."""

from __future__ import annotations

from headworks.kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated


class InvalidKey(Unauthenticated):
    """The key is malformed, unknown, revoked or expired."""

    code = "invalid_api_key"


class WrongKindOfKey(Forbidden):
    """A key for inference at the management API."""

    code = "wrong_kind_of_key"


class KeyNotFound(NotFound):
    """No such key in the caller's organisation."""

    code = "key_not_found"


class ProjectNotFound(NotFound):
    """No such project in the caller's organisation."""

    code = "project_not_found"
    status = 422


class MoreThanOwnRights(Forbidden):
    """Somebody would make a key that may do what they may not."""

    code = "more_than_own_rights"


class KeyExists(Conflict):
    """The same key is known already."""

    code = "key_exists"


class KeyIsRevoked(Conflict):
    """A revoked key is never changed or brought back."""

    code = "key_revoked"


class LastManagementKey(Conflict):
    """Without it nobody could make another one."""

    code = "last_management_key"
