#!/usr/bin/env python3
"""Fifty clients at once, each sending as soon as it is answered; reads a JSON document and writes one with every latency.

A process of its own, so that it can be kept on the load generator's core: `clients.py < plan.json > report.json`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from harness.management.mix import Ask, Mix

GOOD = range(200, 300)
_HEAD_END = b"\r\n\r\n"


@dataclass(slots=True)
class Report:
    """What all clients saw within the window."""

    reads_ms: list[float] = field(default_factory=list)
    writes_ms: list[float] = field(default_factory=list)
    by_name_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Answers other than 2xx, by request and status; they are never among the latencies."""

    def note(self, ask: Ask, status: int, milliseconds: float) -> None:
        """One answer."""
        if status not in GOOD:
            self.failed[f"{ask.name}: {status}"] += 1
            return
        (self.writes_ms if ask.writes else self.reads_ms).append(milliseconds)
        self.by_name_ms[ask.name].append(milliseconds)


class Connection:
    """One kept connection: HTTP/1.1 by hand, which costs the core a tenth of what a client library does."""

    def __init__(self, port: int, bearer: str) -> None:
        self._port = port
        self._head = f"host: 127.0.0.1:{port}\r\nauthorization: Bearer {bearer}\r\ncontent-type: application/json\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, ask: Ask) -> tuple[int, bytes]:
        """Status and body. Raises ConnectionError, or ValueError for an answer without a length."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        line = f"{ask.method} /api/v1{ask.path} HTTP/1.1\r\n{self._head}content-length: {len(ask.body)}\r\n\r\n"
        writer.write(line.encode() + ask.body)
        head = (await reader.readuntil(_HEAD_END)).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        length = next((line[15:] for line in head.split("\r\n") if line.startswith("content-length:")), None)
        if length is None and status != 204:  # noqa: PLR2004 - HTTP
            message = f"an answer without a length: {head}"
            raise ValueError(message)
        return status, await reader.readexactly(int(length or 0))

    def close(self) -> None:
        """End it."""
        if self._streams is not None:
            self._streams[1].close()


async def run(plan: dict[str, Any]) -> Report:
    """Warm up, then measure: only what is asked within the window counts, however long its answer takes."""
    report = Report()
    begin = time.perf_counter() + plan["warmup_seconds"]
    end = begin + plan["seconds"]
    async with asyncio.TaskGroup() as group:
        for number, client in enumerate(plan["clients"]):
            group.create_task(_client(plan["port"], number, client, report, (begin, end)))
    return report


async def _client(port: int, number: int, client: dict[str, str], report: Report, window: tuple[float, float]) -> None:
    connection, mix = Connection(port, client["bearer"]), Mix(number, client["project_id"])
    begin, end = window
    while (sent := time.perf_counter()) < end:
        ask = mix.next()
        status, body = await connection.send(ask)
        milliseconds = (time.perf_counter() - sent) * 1000
        if sent >= begin:
            report.note(ask, status, milliseconds)
        if status in GOOD and body:
            mix.answered(ask, json.loads(body))
    connection.close()


def main() -> None:
    """Read the plan, write the report."""
    report = asyncio.run(run(json.load(sys.stdin)))
    json.dump(
        {
            "reads_ms": report.reads_ms,
            "writes_ms": report.writes_ms,
            "by_name_ms": report.by_name_ms,
            "failed": report.failed,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
