"""What the catalog refuses, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.errors import Conflict, FieldProblem, Invalid, NotFound, Unavailable
from headworks.kernel.text import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headworks.catalog.contracts import Price

_SHOWN = 5


class ProviderNotFound(NotFound):
    """No such provider in this organisation."""

    code = "provider_not_found"
    title = "Provider not found"

    def __init__(self, provider_id: str) -> None:
        super().__init__(f"There is no provider {provider_id!r}; GET /api/v1/providers lists those that there are.")


class DeploymentNotFound(NotFound):
    """No such deployment in this organisation."""

    code = "deployment_not_found"
    title = "Deployment not found"

    def __init__(self, deployment_id: str) -> None:
        super().__init__(
            f"There is no deployment {deployment_id!r}; GET /api/v1/deployments lists those that there are."
        )


class ModelNotFound(NotFound):
    """No such alias in this organisation."""

    code = "model_not_found"
    title = "Model not found"

    def __init__(self, model_id: str) -> None:
        super().__init__(f"There is no model {model_id!r}; GET /api/v1/models lists those that there are.")


class PriceNotFound(NotFound):
    """No such price in this organisation."""

    code = "price_not_found"
    title = "Price not found"

    def __init__(self, price_id: str) -> None:
        super().__init__(f"There is no price {price_id!r}; GET /api/v1/prices lists those that there are.")


class UnknownProvider(Invalid):
    """A request names a provider that is not there."""

    code = "unknown_provider"
    title = "Unknown provider"

    def __init__(self, field: str, wanted: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = nearest(wanted, names) or names[:_SHOWN]
        hint = f"did you mean {_listed(near)}?" if near else "add one with POST /api/v1/providers"
        message = f"there is no provider {wanted!r}; {hint}"
        super().__init__(f"{field}: {message}", details=[FieldProblem(field, self.code, message)])


class NameTaken(Conflict):
    """Something of this name is there already."""

    code = "name_taken"
    title = "The name is taken"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}", details=[FieldProblem(field, self.code, message)])


class InUse(Conflict):
    """Something else needs what is to be removed."""

    code = "in_use"
    title = "Still in use"

    def __init__(self, what: str, aliases: Sequence[str]) -> None:
        more = len(aliases) - _SHOWN
        rest = f" and {more} more" if more > 0 else ""
        super().__init__(
            f"The {what} serves {_listed(aliases[:_SHOWN])}{rest}; point those models elsewhere or remove them first.",
            details=[FieldProblem("path", self.code, f"needed by the model {alias!r}") for alias in aliases],
        )


class BuiltIn(Conflict):
    """The built-in demo is not anybody's to change."""

    code = "built_in"
    title = "Part of the built-in demo"

    def __init__(self, what: str, name: str) -> None:
        super().__init__(
            f"The {what} {name!r} belongs to the built-in demo and stays as it is; to hide it, disable its deployment."
        )


class NotAnAlias(Conflict):
    """A deployment's own name was taken for an alias."""

    code = "not_an_alias"
    title = "Not an alias"

    def __init__(self, name: str, deployment_id: str) -> None:
        super().__init__(
            f"{name!r} is the own name of the deployment {deployment_id}; change, disable or remove that, "
            "or make an alias with POST /api/v1/models."
        )


class PricesOverlap(Conflict):
    """Two prices would hold at the same time."""

    code = "prices_overlap"
    title = "Prices overlap"

    def __init__(self, other: Price) -> None:
        until = "for good" if other.valid_to is None else f"until {other.valid_to.isoformat()}"
        super().__init__(
            f"For the model {other.model!r} the price {other.id} holds from {other.valid_from.isoformat()} {until}; "
            "choose dates outside of that, or remove it first.",
            details=[FieldProblem("valid_from", self.code, f"lies within the dates of {other.id}")],
        )


class ShippedPrice(Conflict):
    """Shipped prices are not removed but outranked."""

    code = "shipped_price"
    title = "A price that comes with Headworks"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The price of {model!r} comes with Headworks and cannot be removed; set one of your own, which wins over it."
        )


class CredentialUnreadable(Unavailable):
    """A provider's credential cannot be had now."""

    code = "credential_unreadable"
    title = "A provider's credential cannot be read"


class CatalogUnavailable(Unavailable):
    """The store does not answer, and what was read before is too old to trust."""

    code = "catalog_unavailable"
    title = "The catalog is not available"

    def __init__(self, detail: str) -> None:
        super().__init__("The catalog cannot be read now; try again in a moment.", detail=detail)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
