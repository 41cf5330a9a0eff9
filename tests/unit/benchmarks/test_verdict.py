"""What the table says follows from the figures, and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import readme, results, verdict
from harness.verdict import Line

if TYPE_CHECKING:
    from pathlib import Path

MACHINE: dict[str, object] = {"cores": 2, "architecture": "x86_64", "cpu": "A processor", "kernel": "6.1"}


def rounds(*values: float, clean: bool = True) -> list[dict[str, object]]:
    return [{"cpu_us_per_request": value, "is_clean": clean, "good": 1_000} for value in values]


def windows(p50: float) -> list[dict[str, object]]:
    return [{"latency_us": {"p50": p50, "p99": 2 * p50}, "is_clean": True}]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (Line("x", "µs", 20.0, gate=35, stretch=25), "stretch"),
        (Line("x", "µs", 35.0, gate=35, stretch=25), "pass"),
        (Line("x", "µs", 36.0, gate=35, stretch=25), "MISS"),
        (Line("x", "µs", 30.0, haproxy=11.0, ratio_gate=3, ratio_stretch=2), "pass"),
        (Line("x", "µs", 34.0, haproxy=11.0, ratio_gate=3, ratio_stretch=2), "MISS"),
        (Line("x", "µs", 34.0, ratio_gate=3), "-"),
        (Line("x", "µs", None, gate=1), "-"),
        (Line("x", "", 0.0, gate=0), "pass"),
        (Line("x", "", 1.0, gate=0), "MISS"),
    ],
)
def test_a_line_is_judged_by_its_gate(line: Line, word: str) -> None:
    assert line.word == word
    assert line.missed == (word == "MISS")


def test_medians_leave_disturbed_rounds_out() -> None:
    assert results.middle([*rounds(10, 12), *rounds(99, clean=False)], "cpu_us_per_request") == 11
    assert results.middle(rounds(99, 97, clean=False), "cpu_us_per_request") == 98
    assert results.middle(None, "cpu_us_per_request") is None
    assert results.middle([{"latency_us": {"count": 0}}], "latency_us", "p50") is None


def test_losses_are_told_by_the_worst_round() -> None:
    streams = [{"lost_chunks": lost, "stalls_over_200_ms": 0, "good": 1_000} for lost in (0, 3)]
    lines = verdict.judge({"figures": {"streams_1000": {"headworks": streams}}})
    found = {line.name: line for line in lines}
    assert found["1000 streams: chunks lost"].value == 3
    assert found["1000 streams: chunks lost"].missed


def test_added_latency_is_taken_from_the_direct_way() -> None:
    figures = {
        "one_connection_same_core": {"direct": windows(20.0), "haproxy": windows(33.0), "headworks": windows(50.0)}
    }
    found = {line.name: line for line in verdict.judge({"figures": figures})}
    line = found["added p50, one connection, one core"]
    assert (line.value, line.haproxy, line.nginx) == (30, 13, None)
    assert line.word == "pass"


def test_a_result_is_written_beside_another_of_the_same_day(tmp_path: Path) -> None:
    result = results.assemble({"saturation_1_kib": {"headworks": rounds(1 / 3)}}, MACHINE, quick=False, label=None)
    lines = verdict.judge(result)
    first, second = results.write(tmp_path, result, lines), results.write(tmp_path, result, lines)
    assert first.name.endswith("-2-cores-x86_64.json")
    assert second.name.endswith("-2-cores-x86_64-2.json")
    assert "0.3333" in first.read_text(encoding="utf-8")
    assert results.newest(tmp_path)["figures"]


def test_no_result_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make bench"):
        results.newest(tmp_path)


def test_the_table_replaces_what_was_between_the_marks(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{readme.START}\nold\n{readme.END}\nafter\n", encoding="utf-8")
    figures = {"saturation_1_kib": {"headworks": rounds(22.0), "haproxy": rounds(11.0)}}
    readme.render(path, results.assemble(figures, MACHINE, quick=False, label=None))
    text = path.read_text(encoding="utf-8")
    assert "| CPU per request, body of 1 KiB (µs) | 22 | 11 |  | 3x |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")


def test_a_readme_without_marks_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no marks"):
        readme.render(path, results.assemble({}, MACHINE, quick=False, label=None))
