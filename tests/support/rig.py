"""Headworks in front of the mock provider: what most end-to-end tests stand on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.child import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.headworks import Headworks
    from tests.support.mock import MockProvider

PROVIDER = "mock"
PROVIDER_KEY = "sk-provider-canary-5f3a9d"
"""The credential of the mock as a provider; it must never be seen by a client or in a log."""

TOKEN_COLUMNS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "output_tokens",
    "reasoning_tokens",
    "output_audio_tokens",
)


@dataclass
class Rig:
    """A gateway, an upstream, and the aliases that lead from one to the other."""

    headworks: Headworks
    upstream: MockProvider
    _aliases: set[str] = field(default_factory=set)

    def prepare(self) -> None:
        """Name the mock as a provider."""
        self.headworks.management.add_provider(PROVIDER, self.upstream.base_url, api_key=PROVIDER_KEY)

    def model(self, *upstream_models: str) -> str:
        """An alias with these upstream models as its targets, in this order; `mock:status=500` and the like ask for faults."""
        alias = "test-" + hashlib.sha256("|".join(upstream_models).encode()).hexdigest()[:16]
        if alias not in self._aliases:
            self.headworks.management.add_model(alias, *((PROVIDER, model) for model in upstream_models))
            self._aliases.add(alias)
        return alias

    def records(self, request_id: str) -> list[dict[str, Any]]:
        """The stored usage events of one request."""
        records: list[dict[str, Any]] = self.headworks.management.get("/usage-events", event_id=request_id)
        return records

    def record(self, request_id: str) -> dict[str, Any]:
        """The one usage event of a request; waits for it, and fails when there are two."""
        records = eventually(lambda: self.records(request_id), what=f"the usage record of {request_id}")
        assert len(records) == 1, records
        return records[0]


def total_tokens(record: Mapping[str, Any]) -> int:
    """The sum of a record's disjoint buckets: the provider's own total."""
    return sum(record[column] for column in TOKEN_COLUMNS)
