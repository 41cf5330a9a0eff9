"""Headworks as its users run it: `headworks up` in a folder of its own, everything on, driven over its management API."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from harness.child import Child, answers_well, free_port
from harness.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEMO_MODEL = "headworks/echo"


class Headworks(Child, Installation):
    """A running installation. A second one in the same folder finds the first one's data."""

    def __init__(self, core: int, home: Path, log: Path, settings: Mapping[str, str] | None = None) -> None:
        """Start it with `settings`, environment variables, and wait for its first good answer."""
        self.home = home
        Installation.__init__(self)
        self.port = free_port()
        command = [sys.executable, "-m", "headworks.entrypoints.cli", "up", "--no-discovery"]
        began = time.perf_counter()
        Child.__init__(self, [*command, "--home", home, "--port", str(self.port)], core, log, settings)
        self.wait_until(lambda: self.is_answered(DEMO_MODEL), pause=0.002)
        self.seconds_to_first_answer = time.perf_counter() - began
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """What the first start wrote."""
        found: dict[str, str] = json.loads((self.home / "credentials.json").read_text(encoding="utf-8"))
        return found

    def wait_until_managed(self) -> None:
        """Wait until the management API is there, which opens behind the door for models."""
        self.wait_until(lambda: answers_well(f"{self.url}/ready"))
