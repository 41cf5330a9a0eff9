"""Which of them to list; None asks for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headworks.identity.contracts import InvitationState, KeyKind, KeyState, State


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Keys."""

    kind: KeyKind | None = None
    state: KeyState | None = None
    project_id: str | None = None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Users."""

    state: State | None = None
    email_key: str | None = None


@dataclass(frozen=True, slots=True)
class InvitationFilter:
    """Invitations."""

    state: InvitationState | None = None


@dataclass(frozen=True, slots=True)
class ServiceAccountFilter:
    """Service accounts."""

    project_id: str | None = None
    state: State | None = None
