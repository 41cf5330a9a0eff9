"""Requests that are not streamed: capacity, latency at one connection, latency at a given share of the capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.load import Window, measure

if TYPE_CHECKING:
    from harness.scene import Scene, Subject

KIB = 1024
ANSWER = "mock:size=1024"
"""Every answer has 1 KiB; what varies is the request."""
CONNECTIONS = 64
OPEN_CONNECTIONS = 512
"""So many that an arrival seldom waits for one."""


def saturation(scene: Scene, subject: Subject, kib: int, seconds: float) -> dict[str, Any]:
    """As many requests as go through, 64 connections, a body of `kib` KiB."""
    model = scene.model(subject, ANSWER)
    entries = interpreter_entries(subject)
    options = ("--connections", CONNECTIONS, "--seconds", seconds, "--warmup", 0.5, "--body-bytes", kib * KIB)
    window = measure(scene, subject, "closed", "--model", model, *options)
    count = window.report["good_in_all"]
    figures = common(window) | {
        "requests_per_second": window.report["requests_per_second"],
        "cpu_us_per_request": window.cpu_micros(count),
        "cpu_us_by_thread": {name: seconds * 1e6 / max(count, 1) for name, seconds in window.cpu.by_thread.items()},
        "latency_us": quantiles(window.report["latency_us"]),
    }
    after = interpreter_entries(subject)
    if entries is not None and after is not None:
        figures["interpreter_entries"] = after - entries
    return figures


def one_connection(scene: Scene, subject: Subject, seconds: float, *, same_core: bool) -> dict[str, Any]:
    """One caller, one connection. On the same core nobody waits for another core to wake, so that the work shows."""
    core = scene.proxy_core if same_core else scene.load_core
    scene.pin(subject, scene.proxy_core, core)
    try:
        options = ("--connections", 1, "--seconds", seconds, "--warmup", 0.3)
        window = measure(scene, subject, "closed", "--model", scene.model(subject, ANSWER), *options, core=core)
    finally:
        scene.pin(subject, scene.proxy_core, scene.load_core)
    return common(window) | {"latency_us": quantiles(window.report["latency_us"])}


def open_loop(scene: Scene, subject: Subject, rate: float, seconds: float) -> dict[str, Any]:
    """Poisson arrivals; latency from the moment when a request should have been sent."""
    options = ("--connections", OPEN_CONNECTIONS, "--seconds", seconds, "--warmup", 0.5, "--rate", round(rate))
    window = measure(scene, subject, "open", "--model", scene.model(subject, ANSWER), *options)
    return common(window) | {
        "rate": round(rate),
        "latency_us": quantiles(window.report["latency_us"]),
        "send_slip_us": quantiles(window.report["send_slip_us"]),
    }


def common(window: Window) -> dict[str, Any]:
    """What every window tells."""
    requests = window.report["requests"]
    return {
        "good": requests["good"],
        "non_2xx": requests["non_2xx"],
        "timeouts": requests["timeouts"],
        "errors": requests["errors"],
        "proxy_core_busy": window.busy,
        "foreign_cores": window.foreign,
        "is_clean": window.is_clean,
    }


def quantiles(times: dict[str, Any]) -> dict[str, float]:
    """A report's times without their histogram."""
    return {name: value for name, value in times.items() if name != "histogram"}


def interpreter_entries(subject: Subject) -> float | None:
    """How often the engine has gone into Python for a request; None for other subjects."""
    return subject.headworks.metric("headworks_interpreter_entries_total") if subject.headworks else None
