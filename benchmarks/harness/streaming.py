"""Event streams: many at once, at the rate of a fast model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.load import measure
from harness.steady import common, interpreter_entries, quantiles

if TYPE_CHECKING:
    from harness.scene import Scene, Subject

RATE = 50
"""Chunks a second in each stream."""


def answer(seconds: float) -> str:
    """The mock's model that streams for so long."""
    return f"mock:tokens={round(RATE * seconds)},rate={RATE},stamp"


def streams(scene: Scene, subject: Subject, count: int, seconds: float) -> dict[str, Any]:
    """`count` streams of `seconds`, started evenly over one second."""
    chunks = round(RATE * seconds)
    model = scene.model(subject, answer(seconds))
    entries = interpreter_entries(subject)
    options = ("--connections", count, "--chunks", chunks, "--ramp", 1, "--timeout", seconds * 3 + 30)
    window = measure(scene, subject, "streams", "--model", model, *options)
    report = window.report
    figures = common(window) | {
        "streams": count,
        "whole_streams": report["whole_streams"],
        "chunks": report["chunks"],
        "lost_chunks": report["lost_chunks"],
        "stalls_over_200_ms": report["stalls_over_200_ms"],
        "cpu_us_per_chunk": window.cpu_micros(report["chunks"]),
        "cpu_us_by_thread": {
            name: seconds * 1e6 / max(report["chunks"], 1) for name, seconds in window.cpu.by_thread.items()
        },
        "first_byte_us": quantiles(report["first_byte_us"]),
        "one_way_us": quantiles(report["one_way_us"]),
        "gap_us": quantiles(report["gap_us"]),
        "resident_kib_per_stream": (window.resident_peak - window.resident_before) / 1024 / count,
        "resident_mib_peak": window.resident_peak / 2**20,
    }
    after = interpreter_entries(subject)
    if entries is not None and after is not None:
        figures["interpreter_entries"] = after - entries
    return figures
