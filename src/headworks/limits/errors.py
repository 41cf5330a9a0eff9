"""What limits refuse, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.errors import Conflict, NotFound, Unavailable

if TYPE_CHECKING:
    from headworks.limits.contracts import Limit


class LimitNotFound(NotFound):
    """No such limit in this organisation."""

    code = "limit_not_found"
    title = "Limit not found"

    def __init__(self, limit_id: str) -> None:
        super().__init__(f"There is no limit {limit_id!r}; GET /api/v1/limits lists those that there are.")


class LimitExists(Conflict):
    """One scope has one limit of each kind: with two, one would never be met."""

    code = "limit_exists"
    title = "There is such a limit already"

    def __init__(self, limit: Limit) -> None:
        window = "" if limit.window is None else f" per {limit.window}"
        super().__init__(
            f"{limit.scope} {limit.scope_id!r} has a limit on {limit.unit}{window} already; change that one."
        )


class LimitsUnavailable(Unavailable):
    """The store does not answer, and what was read before is too old to trust."""

    code = "limits_unavailable"
    title = "Limits are not available"

    def __init__(self, detail: str) -> None:
        super().__init__("Limits cannot be read now; try again in a moment.", detail=detail)
