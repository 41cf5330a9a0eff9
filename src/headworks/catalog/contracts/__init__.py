"""The catalog's frozen values that cross its border. `resources` are kept, `routes` and `prices` are asked for."""

from headworks.catalog.contracts.events import CatalogChanged
from headworks.catalog.contracts.offers import Offer, Offered
from headworks.catalog.contracts.owners import INSTALLATION, SHARED, SHIPPED
from headworks.catalog.contracts.prices import NewPrice, Price, PriceBook, Rates
from headworks.catalog.contracts.resources import (
    Deployment,
    Model,
    ModelTarget,
    Origin,
    Provider,
    StoredCredential,
)
from headworks.catalog.contracts.routes import Route, RouteTarget, Snapshot, VisibleModel

__all__ = [
    "INSTALLATION",
    "SHARED",
    "SHIPPED",
    "CatalogChanged",
    "Deployment",
    "Model",
    "ModelTarget",
    "NewPrice",
    "Offer",
    "Offered",
    "Origin",
    "Price",
    "PriceBook",
    "Provider",
    "Rates",
    "Route",
    "RouteTarget",
    "Snapshot",
    "StoredCredential",
    "VisibleModel",
]
