"""What the catalog keeps: providers, the deployments that they serve, and the models that point at deployments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.dataplane.flow import Dialect

Origin = Literal["manual", "discovered", "builtin"]
"""manual: somebody added it; discovered: found at start-up, and withdrawn when it is gone; builtin: the demo."""


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """How a provider's secret is kept: sealed in the store, or as a reference to where it lives."""

    kind: Literal["sealed", "reference"]
    version: int
    """Raised with every new secret, and part of what the seal authenticates: an old row cannot be put back."""
    sealed: str | None = field(default=None, repr=False)
    last4: str | None = None
    """The secret's last four characters, where it is long enough for that to give nothing away."""
    reference: str | None = None
    """`env:NAME` or `file:/path`, read where the server runs."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A server that speaks a dialect below one base URL, and the credential that it takes."""

    id: str
    organization_id: str
    name: str
    dialect: Dialect
    base_url: str
    credential: StoredCredential | None
    origin: Origin
    created_at: datetime
    updated_at: datetime
    private_network: bool = False
    """Whether it may have a loopback or private address: where an operator named it, or discovery found it."""
    version: int = 1
    """Counts its changes, for two editors who must not overwrite each other."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model at one provider."""

    id: str
    organization_id: str
    provider_id: str
    upstream_model: str
    weight: int
    """The share that it gets in models which do not say otherwise."""
    stream_usage: bool
    """Whether the upstream takes `stream_options.include_usage`."""
    enabled: bool
    origin: Origin
    created_at: datetime
    updated_at: datetime
    max_output_tokens: int | None = None
    """The most that the model can answer; None where it is not known."""
    version: int = 1
    """Counts its changes, for two editors who must not overwrite each other."""


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """A deployment that serves a model, and its share of the traffic.

    None takes the deployment's own weight; 0 is for when all that have a share have failed.
    """

    deployment_id: str
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """An alias: the name that callers use. Its targets are tried by weight, and on failure in their order."""

    id: str
    organization_id: str
    alias: str
    targets: tuple[ModelTarget, ...]
    origin: Origin
    created_at: datetime
    updated_at: datetime
    version: int = 1
    """Counts its changes, for two editors who must not overwrite each other."""
