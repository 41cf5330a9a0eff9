"""Single sign-on, put together: what its routes ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.identity.adapters.openid import HttpDirectories
from headworks.identity.commands.sso.begin import BeginSso
from headworks.identity.commands.sso.finish import FinishSso
from headworks.identity.commands.sso.letting_in import LettingIn
from headworks.identity.commands.sso.secrets import ClientSecrets
from headworks.identity.settings import SsoSettings
from headworks.kernel.clock import now
from headworks.kernel.outbound.fetch import Outbound

if TYPE_CHECKING:
    from headworks.bootstrap.container import Container
    from headworks.bootstrap.sign_in import SignInParts


def single_sign_on(container: Container, parts: SignInParts) -> dict[type, object]:
    """By the use case, or the settings, that the routes name."""
    foundation, store = container.foundation, container.identity.store
    directories = HttpDirectories(Outbound(), private_networks=foundation.sso_settings.private_networks)
    secrets = ClientSecrets(foundation.keyring.sealer, foundation.environment)
    letting_in = LettingIn(store, parts.store, parts.signer, parts.settings, now)
    return {
        BeginSso: BeginSso(store, parts.store, directories, now),
        FinishSso: FinishSso(store, parts.store, directories, secrets, letting_in, now),
        LettingIn: letting_in,
        ClientSecrets: secrets,
        SsoSettings: foundation.sso_settings,
    }
