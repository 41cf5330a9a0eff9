"""Which gateways there are, with what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headworks.kernel.pagination import Page, page_of

if TYPE_CHECKING:
    from datetime import datetime

    from headworks.gateway.domain.registered import Registered
    from headworks.gateway.ports import Holdings, Register
    from headworks.kernel.pagination import PageRequest


@dataclass(frozen=True, slots=True)
class Shown:
    """A gateway, and all that it has borrowed, in nanodollars."""

    known: Registered
    held: int


async def gateways(register: Register, holdings: Holdings, at: datetime, paging: PageRequest) -> Page[Shown]:
    """By id. Raises DatabaseUnavailable."""
    page = page_of(await register.gateways(at), paging)
    held = {one.gateway.id: await holdings.held_by(one.gateway.id) for one in page.items}
    return page.map(lambda one: Shown(one, held[one.gateway.id]))
