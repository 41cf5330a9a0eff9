"""The mock provider behind the samples: the one that runs already, or one for as long as the samples are made."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headworks.entrypoints.cli.failures import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

_SECONDS = 30.0
_PAUSE = 0.05


@contextmanager
def mock_provider(http: httpx.Client, port: int) -> Iterator[str]:
    """Its base URL. Raises Failure where something else has the port, or it does not start."""
    base_url = f"http://127.0.0.1:{port}/v1"
    if _is_taken(port):
        if not _answers(http, base_url):
            raise Failure(f"port {port} is taken by another program.", "Give another one: ARGS='--mock-port PORT'.")
        yield base_url
        return
    command = [sys.executable, "-m", "headworks.entrypoints.cli", "mock-provider", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own
    try:
        ends = time.monotonic() + _SECONDS
        while not (_is_taken(port) and _answers(http, base_url)):
            if process.poll() is not None or time.monotonic() > ends:
                raise Failure("the mock provider does not start.", f"Try: headworks mock-provider --port {port}")
            time.sleep(_PAUSE)
        yield base_url
    finally:
        process.terminate()
        process.wait()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(http: httpx.Client, base_url: str) -> bool:
    answer = http.get(f"{base_url.removesuffix('/v1')}/mock/stats")
    return answer.is_success and "open_requests" in answer.text
