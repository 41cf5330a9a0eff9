"""The controller's knobs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class GatewaySettings(BaseModel):
    """Read once, by bootstrap."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fresh_seconds: float = Field(default=60.0, gt=0, le=3600)
    """After this the engine asks again in the background, while the flow goes on serving."""
    hard_seconds: float = Field(default=900.0, gt=0, le=86_400)
    """The longest that anything is served on what was last known, while the databases do not answer."""
    remembered_keys: int = Field(default=4096, ge=0, le=1_000_000)
    """How many keys are remembered for such times; about a kilobyte each."""
