"""The life of an installation: how long it takes to its first good answer, and how much memory it holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.gateway import Headworks

if TYPE_CHECKING:
    from harness.scene import Scene

AT_REST_SECONDS = 2


def start(scene: Scene, tries: int) -> dict[str, list[float]]:
    """Seconds from the start of the process to the first good answer: in a new folder, and in one that has its data."""
    fresh: list[float] = []
    again: list[float] = []
    for number in range(tries):
        home = scene.folder / f"start-{number}"
        for seconds in (fresh, again):
            with Headworks(scene.proxy_core, home, scene.folder / "start.log") as headworks:
                seconds.append(headworks.seconds_to_first_answer)
    return {"new_folder_s": fresh, "known_folder_s": again}


def memory(scene: Scene) -> dict[str, float]:
    """Resident memory of each subject at this moment, in MiB."""
    time.sleep(AT_REST_SECONDS)
    return {subject.name: subject.tree.resident_bytes() / 2**20 for subject in scene.subjects if subject.tree}
