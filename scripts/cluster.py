"""`make cluster`: an installation as many processes on this machine, for a look; `make cluster-down` ends it.

PostgreSQL, RabbitMQ and Redis from the distribution's packages in temporary folders, two control planes, one that stores usage, a worker, two
gateways, and nginx before them, all on free ports of loopback. What was in it is gone when it ends.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.cluster import Cluster  # noqa: E402 - the tests' own servers
from tests.support.front import Front  # noqa: E402
from tests.support.redis import RedisServer  # noqa: E402
from tests.support.servers import Missing  # noqa: E402

_STATE = ROOT / ".cluster.json"
_START_SECONDS = 180
_END_SECONDS = 60


def serve(state: Path) -> None:
    """Until SIGINT or SIGTERM."""
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: stopped.append(got))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headworks-cluster-")))
        folder.chmod(0o755)
        redis = stack.enter_context(RedisServer())
        cluster = stack.enter_context(Cluster(folder, gateways=2, controls=2, redis=redis))
        gateways = [f"127.0.0.1:{gateway.port}" for gateway in cluster.gateways]
        controls = [f"127.0.0.1:{control.port}" for control in cluster.controls]
        front = stack.enter_context(Front(folder, gateways, controls))
        told = {
            "pid": os.getpid(),
            "url": front.url,
            "controls": [control.url for control in cluster.controls],
            "gateways": [gateway.url for gateway in cluster.gateways],
            "usage": [process.url for process in cluster.usage],
            "worker": cluster.worker.url,
            "home": str(cluster.control.home),
            "logs": str(folder),
            "api_key": cluster.control.credentials.api_key,
        }
        # The key opens it, so it is its owner's alone; and whole when it is seen.
        part = state.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(json.dumps(told, indent=2) + "\n")
        part.replace(state)
        while not stopped:
            signal.pause()


def up(state: Path) -> int:
    """Start it, and say what to do with it."""
    if running(state):
        print(f"It runs already: {state}. End it with `make cluster-down`.", file=sys.stderr)
        return 1
    state.unlink(missing_ok=True)
    print(
        "Starting PostgreSQL, RabbitMQ, Redis, two control planes, usage, a worker, two gateways and nginx; half a minute ...",
        file=sys.stderr,
    )
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, __file__, "serve", "--state", str(state)]
        child = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + _START_SECONDS
        while not state.exists():
            if child.poll() is not None or time.monotonic() > deadline:
                child.terminate()
                log.seek(0)
                print(log.read().decode(errors="replace").strip().splitlines()[-1], file=sys.stderr)
                return 1
            time.sleep(0.1)
    told = json.loads(state.read_text())
    print(
        f"""
  one address for all   {told["url"]}
  gateways              {", ".join(told["gateways"])}
  control planes        {", ".join(told["controls"])}
  usage                 {", ".join(told["usage"])}
  worker                {told["worker"]}
  logs                  {told["logs"]}

  curl {told["url"]}/v1/chat/completions -H 'authorization: Bearer {told["api_key"]}' \\
    -H 'content-type: application/json' -d '{{"model":"headworks/echo","messages":[{{"role":"user","content":"Hello"}}]}}'
  .venv/bin/headworks --home {told["home"]} gateways
  make cluster-down
"""
    )
    return 0


def down(state: Path) -> int:
    """End it, and wait for that."""
    pid = running(state)
    if not pid:
        print("No cluster runs.", file=sys.stderr)
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _END_SECONDS
    while running(state):
        if time.monotonic() > deadline:
            print(f"Process {pid} does not end.", file=sys.stderr)
            return 1
        time.sleep(0.1)
    return 0


def running(state: Path) -> int:
    """Its process; 0 where there is none."""
    with suppress(OSError, ValueError, KeyError):
        pid = int(json.loads(state.read_text())["pid"])
        if __file__.rpartition("/")[2] in Path(f"/proc/{pid}/cmdline").read_text():
            return pid
    return 0


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["up", "down", "serve"])
    parser.add_argument("--state", type=Path, default=_STATE, help="file that tells where it is")
    wish = parser.parse_args()
    if wish.what == "serve":
        try:
            serve(wish.state)
        except Missing as missing:
            sys.exit(str(missing))
        finally:
            # Only now: it is there as long as anything is.
            wish.state.unlink(missing_ok=True)
        return 0
    return up(wish.state) if wish.what == "up" else down(wish.state)


if __name__ == "__main__":
    sys.exit(main())
