"""What makes a limit a sensible one, which limits a request is held to, and what the audit trail keeps of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headworks.kernel.audit import Change
from headworks.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headworks.kernel.scopes import Scope
    from headworks.limits.contracts import Limit, Subject, Unit, Window

LARGEST: Final[dict[Unit, int]] = {
    "requests": 10**12,
    "tokens": 2**53,
    # A thousand million dollars.
    "spend": 10**18,
    "concurrent": 1_000_000,
}
"""What is more than this limits nothing, and is a mistake."""

_AUDITED: Final = ("organization_id", "scope", "scope_id", "unit", "window", "amount")


def check_window(unit: Unit, window: Window | None) -> Window | None:
    """Raises Invalid: what is counted over time needs a window, and what is counted at once has none."""
    if unit == "concurrent" and window is not None:
        raise Invalid.field("window", "not_applicable", "must be left out: requests at once are counted now")
    if unit != "concurrent" and window is None:
        raise Invalid.field("window", "missing", "must be minute, hour or day")
    return window


def check_amount(unit: Unit, amount: int) -> int:
    """Raises Invalid when it is not positive, or absurd."""
    if amount < 1:
        raise Invalid.field("amount", "out_of_range", "must be at least 1; to stop a key altogether, revoke it")
    if amount > LARGEST[unit]:
        raise Invalid.field(
            "amount", "out_of_range", f"must be at most {LARGEST[unit]}; leave the limit out for no limit"
        )
    return amount


class Rules:
    """An organisation's limits, ready to be asked which of them hold for a request. Immutable."""

    __slots__ = ("_by_scope",)

    def __init__(self, limits: Iterable[Limit]) -> None:
        self._by_scope: dict[tuple[Scope, str], list[Limit]] = {}
        for limit in limits:
            self._by_scope.setdefault((limit.scope, limit.scope_id), []).append(limit)

    def of(self, subject: Subject) -> tuple[Limit, ...]:
        """Those of the key, its project, its owner, its organisation and the model, in one order for all requests."""
        if not self._by_scope:
            return ()
        scopes: tuple[Scope, ...] = ("key", "user", "project", "model", "organization")
        places = ((scope, subject.id_of(scope)) for scope in scopes)
        return tuple(
            limit for scope, found in places if found is not None for limit in self._by_scope.get((scope, found), ())
        )


def audited(action: str, before: Limit | None, after: Limit | None) -> Change:
    """`action` is what happened to it: `created`, `changed`, `removed`. One of the two at least is given."""
    limit = after or before
    if limit is None:
        message = "a change has something before it or after it"
        raise TypeError(message)
    return Change(f"limit.{action}", "limit", limit.id, _record(before), _record(after))


def _record(limit: Limit | None) -> dict[str, object] | None:
    return None if limit is None else {name: getattr(limit, name) for name in _AUDITED}
