"""Where the controller is asked: the first request of a key, and the first one after its revocation."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from harness.load import once
from harness.scene import HEADWORKS
from harness.steady import ANSWER, quantiles

if TYPE_CHECKING:
    from harness.gateway import Headworks
    from harness.scene import Scene

REFUSED = 401
PATIENCE_SECONDS = 30


def misses(scene: Scene, count: int) -> dict[str, Any]:
    """The first and the second request of `count` new keys: the difference is what asking the controller costs."""
    subject = scene.subject(HEADWORKS)
    if not scene.headworks or not subject:
        return {}
    keys = [scene.headworks.new_key(f"miss {number}")[1] for number in range(count + 1)]
    path = scene.folder / "keys"
    path.write_text("\n".join(keys), encoding="utf-8")
    model = scene.model(subject, ANSWER)
    # A key is new only once, so there is no second try.
    report = once(scene, subject, "each", "--bearers", path, "--model", model).report
    first, second = quantiles(report["first"]["latency_us"]), quantiles(report["second"]["latency_us"])
    known = second.get("p50", 0.0)
    added = {name: first[name] - known for name in ("p50", "p99", "max") if name in first}
    return {
        "keys": report["keys"],
        "requests": report["first"]["requests"],
        "first_us": first,
        "second_us": second,
        "added_us": added,
    }


def revocations(headworks: Headworks, model: str, tries: int) -> list[float]:
    """Milliseconds from asking for a key's revocation to the first request that is refused, asking all the while."""
    return [revocation(headworks, model, number) for number in range(tries)]


def revocation(headworks: Headworks, model: str, number: int) -> float:
    """One of them. Raises RuntimeError where the key is never refused."""
    key_id, key = headworks.new_key(f"revocation {number}")
    caller = Caller(headworks.port, key, model)
    caller.wait_until_served()
    began = time.perf_counter()
    headworks.manage("DELETE", f"/keys/{key_id}")
    return (caller.refused_at() - began) * 1000


class Caller:
    """Asks with one key, again and again, until it is refused."""

    def __init__(self, port: int, key: str, model: str) -> None:
        """Begin at once, on a thread."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]})
        self._served = threading.Event()
        self._refused_at: float | None = None
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def wait_until_served(self) -> None:
        """Wait for the first good answer."""
        if not self._served.wait(PATIENCE_SECONDS):
            raise RuntimeError("a new key was never served")

    def refused_at(self) -> float:
        """When the first refusal came."""
        self._thread.join(PATIENCE_SECONDS)
        self._connection.close()
        if self._refused_at is None:
            raise RuntimeError("a revoked key was never refused")
        return self._refused_at

    def _ask(self) -> None:
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while time.perf_counter() < deadline:
            self._connection.request("POST", "/v1/chat/completions", self._body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
            if answer.status == REFUSED:
                self._refused_at = time.perf_counter()
                return
            self._served.set()
