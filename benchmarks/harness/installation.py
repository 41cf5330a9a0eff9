"""What is asked of a running installation, whoever runs it: its management API, its metrics, and names that lead to the mock."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.processes import Tree

PROVIDER = "bench"
QUIET_CPU_SHARE = 0.03
"""Of a core: below that the work that a load left behind is done."""
QUIET_SECONDS = 30
SETTLE_SECONDS = 0.2
PLENTY = 10**12


class Installation(ABC):
    """One that answers already."""

    port: int
    """Where models are asked."""
    tree: Tree
    """Of the process that answers there."""

    def __init__(self) -> None:
        """Nothing of the mock is known yet."""
        self._aliases: dict[str, str] = {}

    @property
    def api_port(self) -> int:
        """Where it is managed."""
        return self.port

    @property
    @abstractmethod
    def credentials(self) -> dict[str, str]:
        """What its first start wrote."""

    @property
    def key(self) -> str:
        """The first key for inference."""
        return self.credentials["api_key"]

    def add_upstream(self, base_url: str) -> None:
        """Name the mock as a provider."""
        self.manage(
            "POST",
            "/providers",
            {"name": PROVIDER, "dialect": "openai", "base_url": base_url, "api_key": "sk-upstream"},
        )

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

    def new_key(self, name: str, **fields: str) -> tuple[str, str]:
        """A new key for inference: its id and itself."""
        made = self.manage("POST", "/keys", {"name": name, **fields})
        return made["id"], made["key"]

    def governed_key(self, upstream_models: Sequence[str]) -> str:
        """A key with a limit of each kind and budgets on itself and its project, none of which is ever reached.

        The project has no other keys: those of the first have none of it.
        """
        for model in upstream_models:
            rates = {"input": 150_000_000, "output": 600_000_000}
            self.manage("POST", "/prices", {"provider": PROVIDER, "upstream_model": model, "rates": rates})
        project_id = self.manage("POST", "/projects", {"name": "governed"})["id"]
        key_id, key = self.new_key("governed", project_id=project_id)
        of_key, of_project = {"scope": "key", "scope_id": key_id}, {"scope": "project", "scope_id": project_id}
        for unit in ("requests", "tokens", "spend"):
            self.manage("POST", "/limits", {**of_key, "unit": unit, "window": "minute", "amount": PLENTY})
        self.manage("POST", "/limits", {**of_key, "unit": "concurrent", "window": None, "amount": 1_000_000})
        for scope in (of_key, of_project):
            budget = {"name": scope["scope"], "amount_nanodollars": PLENTY * 1000, "period": "month"}
            self.manage("POST", "/budgets", {**scope, **budget})
        return key

    def manage(self, method: str, path: str, body: object | None = None, bearer: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """One call of the management API; the answer's `data`. Raises RuntimeError where it is refused.

        `bearer` is the first management key where it is left out; an empty one is not sent.
        """
        request = urllib.request.Request(f"http://127.0.0.1:{self.api_port}/api/v1{path}", method=method)
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
