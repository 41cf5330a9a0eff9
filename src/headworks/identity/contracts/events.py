"""What identity tells once it is committed. Whatever was decided before must be decided anew."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyChanged:
    """A key was made, changed or revoked."""

    key_hash: str


@dataclass(frozen=True, slots=True)
class ManyKeysChanged:
    """So many keys were made at once that telling each would take longer than deciding everything anew."""

    organization_id: str


@dataclass(frozen=True, slots=True)
class OrganizationChanged:
    """It was disabled or enabled: all that acts in it is concerned."""

    organization_id: str


@dataclass(frozen=True, slots=True)
class ProjectChanged:
    """It was archived or taken back: its keys are concerned."""

    organization_id: str
    project_id: str


@dataclass(frozen=True, slots=True)
class UserChanged:
    """They were disabled or enabled, or became or ceased to be an operator: their sessions and keys are concerned."""

    user_id: str


@dataclass(frozen=True, slots=True)
class MembershipChanged:
    """They joined, left, or have another role: what they and their keys may do there is another."""

    organization_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class ServiceAccountChanged:
    """It was disabled or enabled, or has another role: its keys are concerned."""

    organization_id: str
    service_account_id: str
