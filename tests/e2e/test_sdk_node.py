"""The official Node client, unmodified. The scripts are in `node/`; `scripts/node.sh` installed what they need."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.node import node

if TYPE_CHECKING:
    from tests.support.rig import Rig

HERE = Path(__file__).parent / "node"
MODELS = {
    "plain": "mock",
    "echo": "mock:echo",
    "split": "mock:tokens=8,split",
    "slow": "mock:tokens=1000,rate=20",
    "broken": "mock:tokens=9,drop_after=4",
    "limited": "mock:status=429,retry_after=3",
}


@pytest.mark.parametrize("script", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_node_client(rig: Rig, script: str) -> None:
    environment = {
        "ENDPOINT": rig.headworks.credentials.endpoint,
        "API_KEY": rig.headworks.credentials.api_key,
        "MODELS": json.dumps({name: rig.model(upstream) for name, upstream in MODELS.items()}),
    }
    result = subprocess.run(  # noqa: S603 - our own script
        [node(), "--test", str(HERE / script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
