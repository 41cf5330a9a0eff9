"""How long a leaver's key still works: from the directory's word to the first refusal, while it is in constant use.

`python -m tests.prove.leavers --tries 100`. Fails when any try takes longer than the promised second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.prove.revocation import PROMISED_SECONDS, until_refused
from tests.support.headworks import Headworks

PASSWORD = "eleven quartz vows"


class Leaver:
    """Somebody whom the directory knows, with a key of their own."""

    def __init__(self, headworks: Headworks) -> None:
        """Let them in by a link, and then by the directory, so that they can sign in and make a key."""
        self._headworks = headworks
        invitation = {"email": "eve@example.org", "role": "maintainer"}
        link = headworks.management.post("/invitations", invitation)["token"]
        token = headworks.management.post("/directory-tokens", {"name": "Directory"})["token"]
        self._scim = httpx.Client(
            base_url=f"{headworks.url}/scim/v2",
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=30,
        )
        self._post("/invitations/accept", {"token": link, "password": PASSWORD})
        granted = self._post("/auth/login", {"email": "eve@example.org", "password": PASSWORD})
        self.key: str = self._post("/keys", {"name": "Eve's"}, granted["access_token"])["key"]
        answer = self._scim.post("/Users", json={"userName": "eve@example.org", "active": True})
        self._path = f"/Users/{answer.raise_for_status().json()['id']}"

    def set_active(self, *, active: bool) -> None:
        """As the directory says it."""
        body = {"Operations": [{"op": "replace", "path": "active", "value": active}]}
        self._scim.patch(self._path, json=body).raise_for_status()

    def _post(self, path: str, body: object, token: str = "") -> Any:  # noqa: ANN401 - JSON
        headers = {"authorization": f"Bearer {token}"} if token else {}
        url = f"{self._headworks.url}/api/v1{path}"
        return (
            httpx.post(url, json=body, headers=headers, trust_env=False, timeout=30).raise_for_status().json()["data"]
        )


def prove(tries: int, folder: Path) -> list[float]:
    """The times of `tries` departures, in seconds."""
    times = []
    with Headworks(folder / "home", password_cost="10") as headworks:
        leaver = Leaver(headworks)
        for _ in range(tries):
            times.append(until_refused(headworks, leaver.key, lambda: leaver.set_active(active=False)))
            leaver.set_active(active=True)
    return times


def main() -> int:
    """Run the proof from the command line; 1 when it fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tries", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = prove(arguments.tries, Path(folder))
    median, longest = statistics.median(times) * 1000, max(times) * 1000
    print(f"directory to refusal, {len(times)} tries: median {median:.1f} ms, maximum {longest:.1f} ms")  # noqa: T201
    return 1 if max(times) > PROMISED_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
