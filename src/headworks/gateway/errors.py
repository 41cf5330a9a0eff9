"""The gateway's errors for people who operate it."""

from __future__ import annotations

from headworks.kernel.errors import NotFound


class GatewayNotFound(NotFound):
    """No control plane has heard of it within the hour."""

    code = "gateway_not_found"
    title = "There is no such gateway"

    def __init__(self, gateway: str) -> None:
        super().__init__(
            f"No gateway {gateway} has asked a control plane within the last hour; `headworks gateways` lists those that have."
        )
