"""How long a revoked key still works: from asking for its revocation to the first refusal, while it is in constant use.

`python -m tests.prove.revocation --tries 100`. Fails when any try takes longer than the promised second.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.headworks import Headworks

if TYPE_CHECKING:
    from collections.abc import Callable

PROMISED_SECONDS = 1.0


def seconds_until_refused(headworks: Headworks, name: str) -> float:
    """Create a key, use it without pause, revoke it meanwhile; the time from the revocation's start to the first 401."""
    key = headworks.management.create_key(name)
    return until_refused(headworks, key["key"], lambda: headworks.management.delete(f"/keys/{key['id']}"))


def until_refused(headworks: Headworks, key: str, end: Callable[[], object]) -> float:
    """Use a key without pause while `end` ends it; the time from its start to the first 401, in seconds."""
    headers = {"authorization": f"Bearer {key}"}
    connection = http.client.HTTPConnection("127.0.0.1", headworks.port, timeout=10)

    def status() -> int:
        connection.request("GET", "/v1/models", headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    try:
        assert status() == http.client.OK
        ending = threading.Thread(target=end)
        started = time.perf_counter()
        ending.start()
        while status() == http.client.OK:
            assert time.perf_counter() - started < 10 * PROMISED_SECONDS, "the key still works"
        elapsed = time.perf_counter() - started
        ending.join()
        assert status() == http.client.UNAUTHORIZED, "a revoked key came back"
    finally:
        connection.close()
    return elapsed


def prove(tries: int, folder: Path) -> list[float]:
    """The times of `tries` revocations, in seconds."""
    with Headworks(folder / "home") as headworks:
        return [seconds_until_refused(headworks, f"revocation {number}") for number in range(tries)]


def main() -> int:
    """Run the proof from the command line; 1 when it fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tries", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = prove(arguments.tries, Path(folder))
    median, longest = statistics.median(times) * 1000, max(times) * 1000
    print(f"revocation to refusal, {len(times)} tries: median {median:.1f} ms, maximum {longest:.1f} ms")  # noqa: T201
    return 1 if max(times) > PROMISED_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
