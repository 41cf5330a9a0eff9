"""What discovery offers to the catalog, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headworks.catalog.contracts.resources import Provider
    from headworks.dataplane.flow import Dialect


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider that was found, and the upstream names of the models that it says it has."""

    name: str
    dialect: Dialect
    base_url: str
    credential_reference: str | None
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """What became of an offer."""

    provider: Provider
    kept: bool
    """A provider of this name was added by hand, so nothing was changed."""
    added: tuple[str, ...]
    withdrawn: tuple[str, ...]
    skipped: tuple[str, ...]
    """Models whose names cannot be used."""
