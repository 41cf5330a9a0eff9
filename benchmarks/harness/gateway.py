"""Headworks as its users run it: `headworks up` in a folder of its own, everything on, driven over its management API."""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from harness.child import Child, answers_well, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PROVIDER = "bench"
DEMO_MODEL = "headworks/echo"
QUIET_CPU_SHARE = 0.03
"""Of a core: below that the work that a load left behind is done."""
QUIET_SECONDS = 30
SETTLE_SECONDS = 0.2
PLENTY = 10**12


class Headworks(Child):
    """A running installation. A second one in the same folder finds the first one's data."""

    def __init__(self, core: int, home: Path, log: Path, settings: Mapping[str, str] | None = None) -> None:
        """Start it with `settings`, environment variables, and wait for its first good answer."""
        self.home = home
        self._aliases: dict[str, str] = {}
        self.port = free_port()
        command = [sys.executable, "-m", "headworks.entrypoints.cli", "up", "--no-discovery"]
        began = time.perf_counter()
        super().__init__([*command, "--home", home, "--port", str(self.port)], core, log, settings)
        self.wait_until(lambda: self.is_answered(DEMO_MODEL), pause=0.002)
        self.seconds_to_first_answer = time.perf_counter() - began
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """What the first start wrote."""
        found: dict[str, str] = json.loads((self.home / "credentials.json").read_text(encoding="utf-8"))
        return found

    @property
    def key(self) -> str:
        """The first key for inference."""
        return self.credentials["api_key"]

    def add_upstream(self, base_url: str) -> None:
        """Name the mock as a provider, once the management API is there."""
        self.wait_until_managed()
        self.manage(
            "POST",
            "/providers",
            {"name": PROVIDER, "dialect": "openai", "base_url": base_url, "api_key": "sk-upstream"},
        )

    def wait_until_managed(self) -> None:
        """Wait until the management API is there, which opens behind the door for models."""
        self.wait_until(lambda: answers_well(f"{self.url}/ready"))

    def model(self, upstream_model: str) -> str:
        """A name that leads to a model of the mock."""
        if upstream_model not in self._aliases:
            alias = f"bench-{len(self._aliases) + 1}"
            target = {"provider": PROVIDER, "upstream_model": upstream_model}
            self.manage("POST", "/models", {"alias": alias, "targets": [target]})
            self._aliases[upstream_model] = alias
            # What is measured is a known flow, and the controller at rest.
            self.is_answered(alias)
            time.sleep(SETTLE_SECONDS)
        return self._aliases[upstream_model]

    def new_key(self, name: str) -> tuple[str, str]:
        """A new key for inference: its id and itself."""
        made = self.manage("POST", "/keys", {"name": name})
        return made["id"], made["key"]

    def governed_key(self, upstream_models: Sequence[str]) -> str:
        """A key with a limit of each kind and budgets on itself and its organisation, none of which is ever reached."""
        for model in upstream_models:
            rates = {"input": 150_000_000, "output": 600_000_000}
            self.manage("POST", "/prices", {"provider": PROVIDER, "upstream_model": model, "rates": rates})
        key_id, key = self.new_key("governed")
        of_key = {"scope": "key", "scope_id": key_id}
        for unit in ("requests", "tokens", "spend"):
            self.manage("POST", "/limits", {**of_key, "unit": unit, "window": "minute", "amount": PLENTY})
        self.manage("POST", "/limits", {**of_key, "unit": "concurrent", "window": None, "amount": 1_000_000})
        for scope in (of_key, {"scope": "organization"}):
            budget = {"name": scope["scope"], "amount_nanodollars": PLENTY * 1000, "period": "month"}
            self.manage("POST", "/budgets", {**scope, **budget})
        return key

    def manage(self, method: str, path: str, body: object | None = None, bearer: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """One call of the management API; the answer's `data`. Raises RuntimeError where it is refused.

        `bearer` is the first management key where it is left out; an empty one is not sent.
        """
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1{path}", method=method)
        if bearer != "":
            request.add_header("authorization", f"Bearer {bearer or self.credentials['management_key']}")
        data = None
        if body is not None:
            request.add_header("content-type", "application/json")
            data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=30) as answer:  # noqa: S310 - loopback
                text = answer.read()
        except urllib.error.HTTPError as error:
            message = f"{method} {path}: {error.code} {error.read().decode(errors='replace')}"
            raise RuntimeError(message) from error
        return json.loads(text)["data"] if text else {}

    def metric(self, name: str) -> float | None:
        """The sum of a metric's samples; None where it has none."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        samples = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)", text, re.MULTILINE)
        return sum(map(float, samples)) if samples else None

    def wait_until_quiet(self) -> None:
        """Wait until the records of a load are shipped: that work belongs to the load's CPU time."""
        deadline = time.monotonic() + QUIET_SECONDS
        before = self.tree.cpu().total
        while time.monotonic() < deadline:
            time.sleep(1)
            now = self.tree.cpu().total
            if now - before < QUIET_CPU_SHARE:
                return
            before = now

    def is_answered(self, model: str) -> bool:
        """Whether a request for `model` with the first key gets a good answer."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "ready?"}]}).encode()
        try:
            headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
            url = f"http://127.0.0.1:{self.port}/v1/chat/completions"
            request = urllib.request.Request(url, body, headers)
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP
        except (OSError, ValueError):
            return False
