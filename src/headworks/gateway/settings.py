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
    upstream_connect_ms: int = Field(default=5_000, gt=0, le=3_600_000)
    """How long connecting to a provider may take, its TLS handshake included."""
    upstream_first_byte_ms: int = Field(default=600_000, gt=0, le=3_600_000)
    """How long a provider may think before it answers."""
    upstream_idle_ms: int = Field(default=120_000, gt=0, le=3_600_000)
    """How long a provider that has begun to answer may be silent."""
    upstream_total_ms: int = Field(default=3_600_000, gt=0, le=86_400_000)
    """How long an answer may take in all."""
    remembered_keys: int = Field(default=4096, ge=0, le=1_000_000)
    """How many keys are remembered for such times; about a kilobyte each."""
