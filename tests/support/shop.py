"""Headworks in front of the mock provider, where what is used costs something: what tests and proofs of money stand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.child import eventually
from tests.support.rig import PROVIDER

if TYPE_CHECKING:
    from tests.support.headworks import Headworks
    from tests.support.rig import Rig

INPUT, OUTPUT = 1_000, 3_000
"""Nanodollars a token."""
MILLION = 1_000_000


@dataclass(frozen=True)
class Shop:
    """A rig whose one model has a price."""

    rig: Rig
    model: str
    doors: tuple[Headworks, ...] = ()
    """Gateways of their own; without, what is managed serves as well."""
    of_input: int = INPUT
    """What a token of the question costs."""

    @property
    def gateways(self) -> tuple[Headworks, ...]:
        """Who is asked for answers."""
        return self.doors or (self.rig.headworks,)

    def key(self, name: str) -> tuple[str, str]:
        """A new key: its id and its secret."""
        made = self.rig.headworks.management.create_key(name)
        return made["id"], made["key"]

    def budget(self, key_id: str, amount: int, **fields: object) -> str:
        """The id of a hard budget on a key, for a month."""
        body = {"name": key_id, "scope": "key", "scope_id": key_id, "amount_nanodollars": amount, "period": "month"}
        return str(self.rig.headworks.management.post("/budgets", body | fields)["id"])

    def limit(self, key_id: str, unit: str, amount: int, window: str | None = "minute") -> str:
        """The id of a limit on a key."""
        body = {"scope": "key", "scope_id": key_id, "unit": unit, "window": window, "amount": amount}
        return str(self.rig.headworks.management.post("/limits", body)["id"])

    def ask(self, key: str, model: str | None = None, **fields: object) -> httpx.Response:
        """A chat request."""
        body = {"model": model or self.model, "messages": [{"role": "user", "content": "hello"}]} | fields
        headers = {"authorization": f"Bearer {key}"}
        return httpx.post(
            f"{self.gateways[0].url}/v1/chat/completions", json=body, headers=headers, trust_env=False, timeout=30
        )

    def standing(self, budget_id: str) -> dict[str, int]:
        """Spent, held and left, in nanodollars."""
        current = self.rig.headworks.management.get(f"/budgets/{budget_id}")["current"]
        return {name: current[name]["nanodollars"] for name in ("spent", "held", "left", "authorized")}

    def settled(self, budget_id: str) -> dict[str, int]:
        """The same, when all that was served since is recorded."""
        self.rig.upstream.wait_until_idle()
        waiting = ("headworks_spool_unshipped_records", "headworks_reservations_open")
        eventually(
            lambda: not any(gateway.metric(name) for gateway in self.gateways for name in waiting),
            what="everything settled",
        )
        return self.standing(budget_id)

    def cost_of(self, key_id: str) -> int:
        """What the records of a key come to, from their tokens."""
        records = [one for one in self.rig.headworks.management.usage_events() if one["key_id"] == key_id]
        return sum(one["input_tokens"] * self.of_input + one["output_tokens"] * OUTPUT for one in records)

    def verified(self) -> dict[str, Any]:
        """The ledger's own proof, which must hold."""
        report: dict[str, Any] = self.rig.headworks.management.get("/ledger/verification")
        assert report["agrees"], report
        return report


def price(rig: Rig, upstream_model: str, of_input: int = INPUT) -> str:
    """The alias of an upstream model that has a price from now on."""
    rates = {"input": of_input * MILLION, "output": OUTPUT * MILLION}
    rig.headworks.management.post("/prices", {"provider": PROVIDER, "upstream_model": upstream_model, "rates": rates})
    return rig.model(upstream_model)
