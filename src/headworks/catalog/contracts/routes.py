"""Where requests for a model go: an organisation's catalog, resolved and frozen, as the gateway reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from headworks.catalog.contracts.resources import Origin
    from headworks.dataplane.flow import Dialect
    from headworks.kernel.secrets import Secret


@dataclass(frozen=True, slots=True)
class RouteTarget:
    """A deployment with all that is needed to call it."""

    deployment_id: str
    """Empty where the request goes to a provider as a whole, without a model."""
    provider_id: str
    dialect: Dialect
    base_url: str
    upstream_model: str | None
    weight: int
    stream_usage: bool
    credential_id: str | None
    credential: Secret | None
    private_network: bool
    max_output_tokens: int | None = None
    """The most that the model can answer; None where it is not known."""
    problem: str | None = None
    """Why it cannot be called now, such as a reference that does not resolve; None where it can."""


@dataclass(frozen=True, slots=True)
class Route:
    """A name and the targets behind it, in the order in which they are tried after a failure."""

    model: str
    targets: tuple[RouteTarget, ...]
    owned_by: str
    """Who serves it, for people to read."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class VisibleModel:
    """A line in the list of models: each is listed once, under its shortest name."""

    id: str
    """The alias's, or the deployment's where it has no alias."""
    name: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that an organisation can call, at one revision of its catalog."""

    organization_id: str
    revision: int
    routes: Mapping[str, Route]
    """Every name that resolves: aliases, `provider/model`, and bare names of discovered models."""
    visible: tuple[VisibleModel, ...]
    whole_provider: RouteTarget | None
    """The one provider that requests without a model can go to; None where there is none, or more than one."""
    age_ms: int = 0
    """How long ago it was last known to be true. Above zero only while the store cannot be asked."""
