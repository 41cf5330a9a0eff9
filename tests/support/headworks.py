"""Headworks as its users run it: `headworks up` in a folder of its own, on a free port, killed and started again at will."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx
import openai

from tests.support.child import Child, Failure, eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the first start wrote to `credentials.json`."""

    endpoint: str
    """Ends in `/v1`."""
    api_key: str
    management_key: str
    api: str
    """Base of the management API."""


class Management:
    """The management API, with the operator's key; answers are the envelope's `data`."""

    def __init__(self, credentials: Credentials) -> None:
        """Talk to the API at `credentials.api`."""
        self._api = credentials.api
        self._http = httpx.Client(
            headers={"authorization": f"Bearer {credentials.management_key}"},
            timeout=30,
            trust_env=False,
        )

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def send(self, method: str, path: str, body: object | None = None, **query: str) -> httpx.Response:
        """One request; an assertion unless it succeeds."""
        address = path if "://" in path else self._api + path
        answer = self._http.request(method, address, json=body, params=query or None)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def get(self, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        """The `data` of a GET."""
        return self.send("GET", path, **query).json()["data"]

    def post(self, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        """The `data` of a POST."""
        return self.send("POST", path, body).json()["data"]

    def delete(self, path: str) -> None:
        """A DELETE."""
        self.send("DELETE", path)

    def add_provider(self, name: str, base_url: str, *, api_key: str | None = None) -> dict[str, Any]:
        """A provider of the OpenAI dialect."""
        body = {"name": name, "dialect": "openai", "base_url": base_url}
        provider: dict[str, Any] = self.post("/providers", body | ({"api_key": api_key} if api_key else {}))
        return provider

    def add_model(self, alias: str, *targets: tuple[str, str]) -> dict[str, Any]:
        """A model with targets (provider, upstream model)."""
        listed = [{"provider": provider, "upstream_model": upstream} for provider, upstream in targets]
        model: dict[str, Any] = self.post("/models", {"alias": alias, "targets": listed})
        return model

    def create_key(self, name: str, **fields: object) -> dict[str, Any]:
        """A key; its secret is under `key`, this once."""
        key: dict[str, Any] = self.post("/keys", {"name": name} | fields)
        return key

    def usage_events(self) -> list[dict[str, Any]]:
        """Every usage event that is stored, newest first."""
        events: list[dict[str, Any]] = []
        address = httpx.URL(f"{self._api}/usage-events", params={"per_page": "200"})
        while True:
            page = self.send("GET", str(address)).json()
            events += page["data"]
            if page["links"]["next"] is None:
                return events
            address = address.join(page["links"]["next"])


class Headworks:
    """An installation: a data folder and a port, and the process that serves them while it runs."""

    def __init__(self, home: Path, *, role: str = "", within: Sequence[str] = (), **settings: str) -> None:
        """Prepare one in `home`; `settings` are HEADWORKS_… variables without their prefix, in lower case.

        `role` is that of one process of many; without, it is all of them in one. `within` is what its command begins with.
        """
        self.home = home
        self.role = role
        self.host = settings.get("host", "127.0.0.1")
        self._within = tuple(within)
        self.port = free_port()
        self.settings = settings
        self._child: Child | None = None
        self._management: Management | None = None

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """End it, whatever state it is in."""
        if self._management is not None:
            self._management.close()
        if self._child is not None:
            self._child.kill()

    @property
    def child(self) -> Child:
        """The process. Raises Failure when there is none."""
        if self._child is None:
            message = "Headworks was not started"
            raise Failure(message)
        return self._child

    @property
    def credentials(self) -> Credentials:
        """What `credentials.json` says."""
        document = json.loads((self.home / "credentials.json").read_text(encoding="utf-8"))
        return Credentials(**{name: document[name] for name in Credentials.__dataclass_fields__})

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT`, unless a `host` was set."""
        return f"http://{self.host}:{self.port}"

    @property
    def management(self) -> Management:
        """The management API."""
        if self._management is None:
            self._management = Management(self.credentials)
        return self._management

    def openai(self, *, api_key: str | None = None, max_retries: int = 0) -> openai.OpenAI:
        """The official client, with the first key unless another is given."""
        return openai.OpenAI(
            base_url=self.credentials.endpoint,
            api_key=api_key or self.credentials.api_key,
            max_retries=max_retries,
            timeout=60,
            http_client=openai.DefaultHttpxClient(trust_env=False),
        )

    def start(
        self, *, ready: bool = True, found: Mapping[str, str] | None = None, fail_point: str | None = None
    ) -> Self:
        """Start the process and wait until it is ready.

        Nothing is looked for on this machine, unless `found` says which variables are to be found in the environment.
        `fail_point` kills it at a step of a request's record.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        what = ("run", self.role) if self.role else ("up",)
        command = [*self._within, sys.executable, "-m", "headworks.entrypoints.cli", *what]
        if found is None and not self.role:
            command.append("--no-discovery")
        environment = self._environment() | dict(found or {})
        if fail_point is not None:
            environment["HEADWORKS_FAIL_POINT"] = fail_point
        self._child = Child(command, log=self.home.with_suffix(".log"), settings=environment)
        if ready:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Wait for `/health/ready`. Raises Failure, with what it wrote, when the process ends or stays silent."""
        eventually(self._is_ready, what="Headworks ready", seconds=60)

    def stop(self, seconds: float = 30) -> int:
        """End it as Ctrl-C does; its exit status."""
        self.child.send(signal.SIGINT)
        return self.child.wait(seconds)

    def restart(self, seconds: float = 60, *, ready: bool = True) -> None:
        """As whoever rolls out a new version does it: SIGTERM, wait for its end, start, wait until it is ready."""
        self.child.send(signal.SIGTERM)
        status = self.child.wait(seconds)
        assert status == 0, self.child.output()[-4000:]
        self.start(ready=ready)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.child.kill()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that bear `labels`."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=10).raise_for_status().text
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = [line for line in text.splitlines() if line.partition("{")[0].partition(" ")[0] == name]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in wanted))

    def _environment(self) -> dict[str, str]:
        chosen = {"home": str(self.home), "port": str(self.port)} | self.settings
        return {f"HEADWORKS_{name.upper()}": value for name, value in chosen.items()}

    def _is_ready(self) -> bool:
        if not self.child.alive:
            message = f"Headworks ended with status {self.child.wait(1)}:\n{self.child.output()[-4000:]}"
            raise Failure(message)
        try:
            return httpx.get(f"{self.url}/health/ready", trust_env=False, timeout=5).is_success
        except httpx.TransportError:
            return False
