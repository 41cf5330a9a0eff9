"""What happens once the door is open: discovery looks around, and the banner tells what there is."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from headworks import __version__
from headworks.bootstrap.banner import Place, command_of, render
from headworks.bootstrap.discovery.search import Surroundings, discover, forget
from headworks.bootstrap.summary import Summary, summarize
from headworks.kernel.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headworks.bootstrap.credentials import FirstOperator
    from headworks.bootstrap.discovery import Discovery
    from headworks.bootstrap.settings import Settings
    from headworks.catalog.facade import CatalogFacade
    from headworks.kernel.secrets import Secret

_log = logger(__name__)


@dataclass(slots=True)
class Welcome:
    """Knows what was found; the page at `/` asks it too."""

    settings: Settings
    environment: Mapping[str, str]
    catalog: CatalogFacade
    organization_id: str
    endpoint: str
    first_api_key: Secret | None
    """Only at the first start."""
    found: Discovery | None = field(default=None)
    operator: FirstOperator | None = field(default=None)
    """Only until they have chosen a password of their own."""

    async def __call__(self) -> Summary:
        """The state of things now."""
        visible = await self.catalog.visible_models(self.organization_id)
        return summarize(__version__, self.endpoint, visible, self.found)

    async def greet(self) -> None:
        """Look around for a few seconds, then print the banner. Nothing that goes wrong here stops the server."""
        try:
            await self._look_around()
            banner = render(await self(), self._place(), colour=self._colour())
        except Exception:  # noqa: BLE001 - whatever it is, the server runs
            _log.exception("discovery failed")
            banner = f"Headworks is ready at {self.endpoint}\n"
        sys.stdout.write(banner)
        sys.stdout.flush()

    async def _look_around(self) -> None:
        if not self.settings.discovery:
            await forget(self.catalog, self.organization_id)
            return
        own_port = urlsplit(self.endpoint).port or 0
        here = Surroundings(self.environment, own_port, self.settings.discovery_addresses)
        self.found = await discover(self.catalog, self.organization_id, here)

    def _place(self) -> Place:
        home = self.settings.home
        return Place(
            home=home,
            command=command_of(sys.argv[0], Path.cwd()),
            is_default_home=home == type(self.settings)().home,
            first_api_key=self.first_api_key,
            operator=self.operator,
            certificate_file=self.settings.tls_cert,
        )

    def _colour(self) -> bool:
        return sys.stdout.isatty() and not self.environment.get("NO_COLOR")
