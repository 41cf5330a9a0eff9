"""What the catalog tells others, once the change is committed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CatalogChanged:
    """`catalog.changed`: routes or prices of an organisation differ now; None means of all organisations."""

    organization_id: str | None
