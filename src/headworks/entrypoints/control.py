"""The role `control`: the management API, and what gateways in other processes ask. It serves no inference itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.entrypoints import all_in_one

if TYPE_CHECKING:
    from headworks.bootstrap.settings import Settings


def run(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; the exit status. Why a start failed is said on standard error."""
    return all_in_one.run(settings, serves_inference=False)
