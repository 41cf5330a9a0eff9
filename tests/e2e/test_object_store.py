"""Exports in an object store, as an operator sets it and somebody uses it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest

from tests.support.child import ROOT, eventually
from tests.support.headworks import Headworks
from tests.support.servers import Missing
from tests.support.swift import SECRET, SwiftServer

if TYPE_CHECKING:
    from pathlib import Path


def run(headworks: Headworks, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headworks.entrypoints.cli", "--home", str(headworks.home), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves


def state(headworks: Headworks) -> str:
    answer = httpx.get(f"{headworks.url}/health/ready", trust_env=False, timeout=15).json()
    (found,) = [check["state"] for check in answer["checks"] if check["name"] == "object store"]
    return str(found)


def test_an_export_is_stored_and_read_by_its_link(tmp_path: Path) -> None:
    try:
        swift = SwiftServer()
    except Missing as missing:
        pytest.skip(str(missing))
    with swift:
        bucket, key = swift.new_bucket(), quote(swift.access_key, safe="")
        url = f"s3://{key}:{quote(swift.secret_key, safe='')}@{swift.url.removeprefix('http://')}/{bucket}/exports"
        with Headworks(tmp_path / "home", objects_url=url) as headworks:
            management = headworks.management
            answer = httpx.post(
                f"{headworks.url}/v1/chat/completions",
                json={"model": "headworks/echo", "messages": [{"role": "user", "content": "hello"}]},
                headers={"authorization": f"Bearer {headworks.credentials.api_key}"},
                trust_env=False,
            )
            assert answer.is_success, answer.text
            eventually(lambda: management.get("/usage-events"), what="the request recorded")
            stored = run(headworks, "usage", "events", "--store", "csv")
            assert stored.returncode == 0, stored.stderr
            link = stored.stdout.strip()
            assert httpx.get(link, trust_env=False).content == management.send("GET", "/usage-events/export").content
            (name,) = swift.keys(bucket)
            assert name.startswith("exports/org_")
            assert name in f"exports/{stored.stderr.split('Stored as ', 1)[1].split(',')[0]}"
            (entry,) = [one for one in management.get("/audit-events") if one["action"] == "usage.exported"]
            assert entry["after"]["object"] == name.removeprefix("exports/")
            assert state(headworks) == "ok"
            swift.kill()
            refused = run(headworks, "usage", "--store", "csv")
            assert (refused.returncode, refused.stdout) == (1, "")
            assert "object store" in refused.stderr
            assert state(headworks) == "degraded"
            assert SECRET not in headworks.child.output() + stored.stderr + refused.stderr
