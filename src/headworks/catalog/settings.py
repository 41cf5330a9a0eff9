"""The catalog's knobs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CatalogSettings(BaseModel):
    """Read once, by bootstrap."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    private_networks: bool = True
    """Whether providers may have loopback and private addresses: in the embedded mode the operator's own servers do."""
    check_seconds: float = Field(default=0.25, gt=0, le=60)
    """How late a change that another process made may be seen."""
    hard_seconds: float = Field(default=900.0, gt=0, le=86_400)
    """How long the last good catalog serves while the database does not answer."""
