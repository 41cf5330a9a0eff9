"""Rows to values and back."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from headworks.catalog.contracts import Deployment, Model, ModelTarget, Price, Provider, Rates, StoredCredential

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import RowMapping

Columns = dict[str, object]


def provider_columns(provider: Provider) -> Columns:
    """Of a provider that is in use."""
    credential = provider.credential
    return {
        "id": provider.id,
        "organization_id": provider.organization_id,
        "name": provider.name,
        "dialect": provider.dialect,
        "base_url": provider.base_url,
        "origin": provider.origin,
        "credential_kind": credential.kind if credential else None,
        "credential_version": credential.version if credential else 0,
        "credential_sealed": credential.sealed if credential else None,
        "credential_reference": credential.reference if credential else None,
        "credential_last4": credential.last4 if credential else None,
        "created_at": provider.created_at,
        "updated_at": provider.updated_at,
        "version": provider.version,
        "retired_at": None,
        "live": True,
        "private_network": provider.private_network,
    }


def provider_of(row: RowMapping) -> Provider:
    """From all columns."""
    return Provider(
        id=row["id"],
        organization_id=row["organization_id"],
        name=row["name"],
        dialect=row["dialect"],
        base_url=row["base_url"],
        credential=_credential_of(row),
        origin=row["origin"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        private_network=row["private_network"],
        version=row["version"],
    )


def _credential_of(row: RowMapping) -> StoredCredential | None:
    if row["credential_kind"] is None:
        return None
    return StoredCredential(
        kind=row["credential_kind"],
        version=row["credential_version"],
        sealed=row["credential_sealed"],
        last4=row["credential_last4"],
        reference=row["credential_reference"],
    )


def deployment_columns(deployment: Deployment) -> Columns:
    """All of them; their names are the fields'."""
    return {field: getattr(deployment, field) for field in Deployment.__slots__}


def model_columns(model: Model) -> Columns:
    """Without the targets, which are rows of their own."""
    return {field: getattr(model, field) for field in Model.__slots__ if field != "targets"}


def target_rows(model: Model) -> list[Columns]:
    """The targets, numbered in their order."""
    return [
        {"model_id": model.id, "position": place, "deployment_id": target.deployment_id, "weight": target.weight}
        for place, target in enumerate(model.targets)
    ]


def models_of(models: Iterable[RowMapping], targets: Iterable[RowMapping]) -> list[Model]:
    """Models with their targets, which come in the order of their positions."""
    by_model: defaultdict[str, list[ModelTarget]] = defaultdict(list)
    for row in targets:
        by_model[row["model_id"]].append(ModelTarget(row["deployment_id"], row["weight"]))
    return [Model(**row, targets=tuple(by_model[row["id"]])) for row in models]


def price_columns(price: Price) -> Columns:
    """All of them; each rate has its own."""
    return {
        **{field: getattr(price, field) for field in Price.__slots__ if field != "rates"},
        **price.rates._asdict(),
    }


def price_of(row: RowMapping) -> Price:
    """From all columns."""
    others = {field: row[field] for field in Price.__slots__ if field != "rates"}
    return Price(rates=Rates(*(row[bucket] for bucket in Rates._fields)), **others)
