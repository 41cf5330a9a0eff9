"""The mock provider as a process, and what it says it served: the upstream's side of every proof."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import httpx

from tests.support.child import Child, Failure, eventually

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Served:
    """One request that reached the upstream: a line of `mock-provider/src/records`."""

    sequence: int
    request_id: str | None
    endpoint: str
    model: str
    stream: bool
    status: int
    produced: int
    """Output tokens made: what a provider would bill for."""
    delivered: int
    outcome: str
    """`complete`, `client_left` or `cut`."""
    input_tokens: int
    output_tokens: int
    """Of a complete answer."""
    cached_tokens: int
    reasoning_tokens: int
    last_write_us: int
    ended_us: int

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read one line of `/mock/requests` or of the log."""
        row = json.loads(line)
        tokens = {f"{name}_tokens": count for name, count in row.pop("tokens").items()}
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in (row | tokens).items() if name in known})


class MockProvider:
    """A running mock provider on a free port. It outlives the gateways that are killed in front of it."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Start one with its output in `folder`, and wait for its address. `options` are its own, such as `--log`."""
        command = [sys.executable, "-m", "headworks.entrypoints.cli", "mock-provider", "--port", "0", *options]
        self.child = Child(command, log=folder / "mock.log")
        self.base_url = eventually(self._address, what="the mock provider's address")
        self._http = httpx.Client(base_url=self.base_url.removesuffix("/v1"), timeout=10, trust_env=False)

    def __enter__(self) -> Self:
        """Nothing to do: it has started."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._http.close()
        self.child.kill()

    def requests(self, after: int = 0) -> list[Served]:
        """What ended so far, oldest first. A request that is being served is not among it."""
        served: list[Served] = []
        while True:
            answer = self._http.get("/mock/requests", params={"after": after}).raise_for_status()
            lines = answer.text.splitlines()
            if not lines:
                return served
            served += [Served.from_json(line) for line in lines]
            after = served[-1].sequence

    def served(self, request_id: str) -> list[Served]:
        """What ended so far of one request of ours: an entry for each attempt."""
        return [served for served in self.requests() if served.request_id == request_id]

    def stats(self) -> dict[str, int]:
        """Totals, and the connections of this moment."""
        stats: dict[str, int] = self._http.get("/mock/stats").raise_for_status().json()
        return stats

    def reset(self) -> None:
        """Forget records, totals and counted calls."""
        self._http.post("/mock/reset").raise_for_status()

    def wait_until_idle(self, seconds: float = 20) -> None:
        """Wait until it serves nothing. Raises Failure."""
        eventually(
            lambda: self.stats()["open_requests"] == 0, what="no open request at the mock provider", seconds=seconds
        )

    def _address(self) -> str | None:
        if not self.child.alive:
            message = f"the mock provider ended:\n{self.child.output()}"
            raise Failure(message)
        found = re.search(r"listening on (http://\S+/v1)", self.child.output())
        return found[1] if found else None
