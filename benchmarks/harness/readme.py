"""The newest result in README.md, between its two marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness import verdict

if TYPE_CHECKING:
    from pathlib import Path

START, END = "<!-- benchmark:start -->", "<!-- benchmark:end -->"
SHOWN = (
    "CPU per request, body of 1 KiB",
    "CPU per request, body of 1 KiB, with limits and budgets",
    "CPU per request, body of 256 KiB",
    "CPU per streamed chunk",
    "added p50, one connection, one core",
    "added p99, one connection, one core",
    "1000 streams: chunks lost",
    "1000 streams: silences over 200 ms",
    "1000 streams: resident memory of each",
    "resident at rest, everything in one process",
    "gateway of many: resident at rest",
    "start to first good answer, a new folder",
    "gateway of many: start to first answer",
    "flow miss, added p50",
    "flow miss, added p99",
    "revocation to refusal, longest",
    "capacity, 64 connections, body of 1 KiB",
)


def render(path: Path, result: dict[str, Any]) -> None:
    """Rewrite what is between the marks. Raises ValueError where they are missing."""
    text = path.read_text(encoding="utf-8")
    if START not in text or END not in text:
        message = f"{path} has no marks {START} and {END}"
        raise ValueError(message)
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{START}\n{table(result)}\n{END}{after}", encoding="utf-8")


def table(result: dict[str, Any]) -> str:
    """A short table, and where it comes from."""
    machine = result["machine"]
    rows = ["| figure | Headworks | HAProxy | nginx | gate |", "| --- | --: | --: | --: | --: |"]
    for line in verdict.judge(result):
        if line.name in SHOWN:
            _, unit, headworks, haproxy, nginx, _, gate, *_ = verdict.cells(line)
            name = f"{line.name} ({unit})" if unit else line.name
            rows.append(f"| {name} | {headworks} | {haproxy} | {nginx} | {gate} |")
    where = (
        f"{result['date']}, {machine['cpu']}, {machine['cores']} cores, kernel {machine['kernel']}; the proxy on one core, "
        "the load generator and the upstream on the other; key check, usage recording and metrics on. HAProxy and nginx are "
        "plain reverse proxies there, one worker each. Ratios in the gate column are to HAProxy. "
        "[Method](benchmarks/METHOD.md), [all figures](benchmarks/results/)."
    )
    return "\n".join([*rows, "", where])
