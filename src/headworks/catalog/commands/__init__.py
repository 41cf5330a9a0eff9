"""Use cases that change the catalog. Each takes an open store; the door that opened it commits."""

from headworks.catalog.commands.deployments import (
    DeploymentChanges,
    NewDeployment,
    change_deployment,
    create_deployment,
    remove_deployment,
)
from headworks.catalog.commands.models import NewModel, TargetWish, change_model, create_model, remove_model
from headworks.catalog.commands.offers import offer_demo, offer_provider, withdraw_provider
from headworks.catalog.commands.prices import create_price, load_shipped_prices, remove_price
from headworks.catalog.commands.providers import (
    NewProvider,
    ProviderChanges,
    change_provider,
    create_provider,
    remove_provider,
)
from headworks.catalog.commands.sealing import reseal_credentials

__all__ = [
    "DeploymentChanges",
    "NewDeployment",
    "NewModel",
    "NewProvider",
    "ProviderChanges",
    "TargetWish",
    "change_deployment",
    "change_model",
    "change_provider",
    "create_deployment",
    "create_model",
    "create_price",
    "create_provider",
    "load_shipped_prices",
    "offer_demo",
    "offer_provider",
    "remove_deployment",
    "remove_model",
    "remove_price",
    "remove_provider",
    "reseal_credentials",
    "withdraw_provider",
]
