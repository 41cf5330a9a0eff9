"""Who is acting, and from where: set at the door, read where the audit trail is written, and passed by nobody in between."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headworks.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change comes from."""

    actor_kind: str
    """As `Principal.kind`."""
    actor_id: str
    organization_id: str
    """The actor's; empty for Headworks itself."""
    source: str | None = None
    """IP address that the request came from; None where there was no request."""
    request_id: str | None = None


HEADWORKS: Final = Origin("system", "system", "")
"""Headworks itself, as at its start."""

_NOBODY: Final = Origin("anonymous", "", "")
_current: ContextVar[Origin] = ContextVar("origin", default=HEADWORKS)


def origin() -> Origin:
    """Who acts here and now."""
    return _current.get()


@contextmanager
def arriving(request_id: str, source: str | None) -> Iterator[None]:
    """A request that is served in this block, of whom nobody knows yet."""
    token = _current.set(replace(_NOBODY, request_id=request_id, source=source))
    try:
        yield
    finally:
        _current.reset(token)


def acting(principal: Principal) -> None:
    """From here on, until the request ends, `principal` acts."""
    _current.set(
        replace(
            _current.get(),
            actor_kind=principal.kind,
            actor_id=principal.id,
            organization_id=principal.organization_id,
        )
    )
