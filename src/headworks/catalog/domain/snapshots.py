"""How a name finds its targets. An alias wins over `provider/model`, which wins over a bare upstream name.

Everything is resolved here, when the catalog changes, so that a question of the gateway is one dictionary look-up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from headworks.catalog.contracts import Route, RouteTarget, Snapshot, VisibleModel
from headworks.catalog.domain.names import qualified

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headworks.catalog.contracts import Deployment, Model, ModelTarget, Provider
    from headworks.kernel.secrets import Secret

DISABLED = "Its deployment is disabled."


class Contents:
    """One organisation's catalog as the store gave it, with its credentials opened."""

    __slots__ = ("deployments", "models", "problems", "providers", "secrets")

    def __init__(
        self,
        providers: Iterable[Provider],
        deployments: Sequence[Deployment],
        models: Sequence[Model],
        secrets: Mapping[str, Secret] | None = None,
        problems: Mapping[str, str] | None = None,
    ) -> None:
        """`secrets` and `problems` are by provider id: a provider has one, the other, or takes no credential."""
        self.providers = {provider.id: provider for provider in providers}
        self.deployments = deployments
        self.models = models
        self.secrets = secrets or {}
        self.problems = problems or {}


def snapshot(organization_id: str, revision: int, contents: Contents, *, private_networks: bool) -> Snapshot:
    """The organisation's catalog, resolved."""
    whole = {
        provider.id: _whole(provider, contents, private_networks=private_networks)
        for provider in contents.providers.values()
    }
    targets = {deployment.id: _target(deployment, whole[deployment.provider_id]) for deployment in contents.deployments}
    bare = _bare_names(contents)
    routes: dict[str, Route] = {}
    for deployment in contents.deployments:
        own_names = [_qualified(deployment, contents)]
        if deployment.id in bare:
            own_names.append(deployment.upstream_model)
        for name in own_names:
            routes[name] = _own_route(name, deployment, targets, contents)
    # Last, so that an alias wins.
    for model in contents.models:
        routes[model.alias] = _alias_route(model, targets, contents)
    return Snapshot(
        organization_id,
        revision,
        routes,
        tuple(visible(contents)),
        _only_provider(contents, whole),
    )


def with_shared(own: Snapshot, shared: Snapshot) -> Snapshot:
    """What an organisation can call when it also has what is shared with it. Its own names win.

    Requests without a model go to its own provider alone: what lies at a shared account is nobody's in particular.
    """
    lines = tuple(line for line in shared.visible if line.name not in own.routes)
    return replace(
        own,
        revision=own.revision + shared.revision,
        routes={**shared.routes, **own.routes},
        visible=own.visible + lines,
    )


def visible(contents: Contents) -> Iterable[VisibleModel]:
    """Aliases, then each deployment once, under its shortest name; an added deployment hides behind its alias."""
    bare = _bare_names(contents)
    enabled = {deployment.id: deployment for deployment in contents.deployments if deployment.enabled}
    behind_alias: set[str] = set()
    seen: set[str] = set()
    for model in contents.models:
        served_by = [target.deployment_id for target in model.targets if target.deployment_id in enabled]
        if served_by:
            behind_alias.update(served_by)
            seen.add(model.alias)
            yield VisibleModel(model.id, model.alias, model.origin)
    own_names = sorted(
        (deployment.upstream_model if deployment.id in bare else _qualified(deployment, contents), deployment.id)
        for deployment in enabled.values()
        if deployment.origin == "discovered" or deployment.id not in behind_alias
    )
    for name, deployment_id in own_names:
        if name not in seen:
            yield VisibleModel(deployment_id, name, enabled[deployment_id].origin)


def _own_route(name: str, deployment: Deployment, targets: Mapping[str, RouteTarget], contents: Contents) -> Route:
    owner = contents.providers[deployment.provider_id]
    return Route(name, (targets[deployment.id],), _owned_by(owner), deployment.created_at)


def _alias_route(model: Model, targets: Mapping[str, RouteTarget], contents: Contents) -> Route:
    chosen = tuple(_weighted(targets, model.targets))
    return Route(model.alias, chosen, _owned_by(contents.providers[chosen[0].provider_id]), model.created_at)


def _owned_by(provider: Provider) -> str:
    return f"{provider.name} (built-in demo)" if provider.origin == "builtin" else provider.name


def _whole(provider: Provider, contents: Contents, *, private_networks: bool) -> RouteTarget:
    """The provider itself, whatever the model."""
    credential = provider.credential
    return RouteTarget(
        deployment_id="",
        provider_id=provider.id,
        dialect=provider.dialect,
        base_url=provider.base_url,
        upstream_model=None,
        weight=1,
        stream_usage=True,
        credential_id=f"{provider.id}.{credential.version}" if credential else None,
        credential=contents.secrets.get(provider.id),
        private_network=private_networks and provider.private_network,
        problem=contents.problems.get(provider.id),
    )


def _target(deployment: Deployment, whole: RouteTarget) -> RouteTarget:
    # Written out: `replace` takes three times as long, and there may be thousands.
    return RouteTarget(
        deployment_id=deployment.id,
        provider_id=whole.provider_id,
        dialect=whole.dialect,
        base_url=whole.base_url,
        upstream_model=deployment.upstream_model,
        weight=deployment.weight,
        stream_usage=deployment.stream_usage,
        credential_id=whole.credential_id,
        credential=whole.credential,
        private_network=whole.private_network,
        max_output_tokens=deployment.max_output_tokens,
        problem=whole.problem if deployment.enabled else DISABLED,
    )


def _weighted(targets: Mapping[str, RouteTarget], wanted: Iterable[ModelTarget]) -> Iterable[RouteTarget]:
    for target in wanted:
        found = targets[target.deployment_id]
        yield found if target.weight is None else replace(found, weight=target.weight)


def _bare_names(contents: Contents) -> frozenset[str]:
    """Ids of discovered deployments whose upstream name is nobody else's name either."""
    servers = Counter(deployment.upstream_model for deployment in contents.deployments)
    taken = {model.alias for model in contents.models}
    # An upstream may well call a model `a/b` where a provider `a` serves `b`.
    taken.update(_qualified(deployment, contents) for deployment in contents.deployments)
    return frozenset(
        deployment.id
        for deployment in contents.deployments
        if deployment.origin == "discovered"
        and servers[deployment.upstream_model] == 1
        and deployment.upstream_model not in taken
    )


def _qualified(deployment: Deployment, contents: Contents) -> str:
    return qualified(contents.providers[deployment.provider_id].name, deployment.upstream_model)


def _only_provider(contents: Contents, whole: Mapping[str, RouteTarget]) -> RouteTarget | None:
    real = [provider.id for provider in contents.providers.values() if provider.origin != "builtin"]
    return whole[real[0]] if len(real) == 1 else None
