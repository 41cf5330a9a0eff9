"""What the audit trail says of the catalog's things: what is shown of them, and nothing of a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from headworks.kernel.audit import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headworks.catalog.contracts import Deployment, Model, Price, Provider

    View = Mapping[str, object]

T = TypeVar("T", "Provider", "Deployment", "Model", "Price")


def provider(action: str, before: Provider | None, after: Provider | None) -> Change:
    """`provider.created` and the like; at least one of the two is there."""
    return _change("provider", action, _provider, before, after)


def deployment(action: str, before: Deployment | None, after: Deployment | None) -> Change:
    """`deployment.created` and the like."""
    return _change("deployment", action, _deployment, before, after)


def model(action: str, before: Model | None, after: Model | None) -> Change:
    """`model.created` and the like."""
    return _change("model", action, _model, before, after)


def price(action: str, before: Price | None, after: Price | None) -> Change:
    """`price.created` and the like."""
    return _change("price", action, _price, before, after)


def _change(kind: str, action: str, view: Callable[[T], View], before: T | None, after: T | None) -> Change:
    thing = before if after is None else after
    return Change(
        f"{kind}.{action}",
        kind,
        "" if thing is None else thing.id,
        None if before is None else view(before),
        None if after is None else view(after),
    )


def _provider(provider: Provider) -> View:
    credential = provider.credential
    return {
        "name": provider.name,
        "dialect": provider.dialect,
        "base_url": provider.base_url,
        "private_network": provider.private_network,
        "origin": provider.origin,
        # The version says that there is another secret, and nothing says which.
        "credential": credential
        and {"kind": credential.kind, "version": credential.version, "reference": credential.reference},
    }


def _deployment(deployment: Deployment) -> View:
    return {
        "provider_id": deployment.provider_id,
        "upstream_model": deployment.upstream_model,
        "weight": deployment.weight,
        "stream_usage": deployment.stream_usage,
        "enabled": deployment.enabled,
        "max_output_tokens": deployment.max_output_tokens,
        "origin": deployment.origin,
    }


def _model(model: Model) -> View:
    targets = [{"deployment_id": target.deployment_id, "weight": target.weight} for target in model.targets]
    return {"alias": model.alias, "targets": targets, "origin": model.origin}


def _price(price: Price) -> View:
    return {
        "provider": price.provider,
        "upstream_model": price.model,
        "rates": price.rates._asdict(),
        "valid_from": price.valid_from.isoformat(),
        "valid_to": price.valid_to and price.valid_to.isoformat(),
        "source": price.source,
        "as_of": price.as_of.isoformat(),
    }
