"""The gates: what each figure must be, what it is, and whether that will do."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from harness.results import middle
from harness.scene import DIRECT, GATEWAY, GOVERNED, HAPROXY, HEADWORKS, NGINX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Figures = dict[str, Any]

LEAST_SHARE = 0.1
"""Microseconds: what has less is not worth a word."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure beside its gate. Without a gate it is for orientation."""

    name: str
    unit: str
    value: float | None
    haproxy: float | None = None
    nginx: float | None = None
    gate: float | None = None
    stretch: float | None = None
    ratio_gate: float | None = None
    """The gate as a multiple of HAProxy's figure in the same run."""
    ratio_stretch: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Headworks to HAProxy."""
        return self.value / self.haproxy if self.value is not None and self.haproxy else None

    @property
    def word(self) -> str:
        """Stretch, pass or miss; a dash where there is no gate or no figure."""
        if self.value is None:
            return "-"
        measured = self.ratio if self.ratio_gate is not None else self.value
        gate = self.gate if self.ratio_gate is None else self.ratio_gate
        stretch = self.stretch if self.ratio_gate is None else self.ratio_stretch
        if measured is None or gate is None:
            return "-"
        if stretch is not None and measured <= stretch:
            return "stretch"
        return "pass" if measured <= gate else "MISS"

    @property
    def missed(self) -> bool:
        """Whether a gate was missed."""
        return self.word == "MISS"


def judge(result: Figures) -> list[Line]:
    """All lines for which there are figures."""
    figures = result["figures"]
    lines = [
        *costs(figures),
        *governed(figures),
        *latencies(figures),
        *streams(figures),
        *life(figures),
        *control(figures),
        *management(figures),
        *usage(figures),
        *roles(figures),
        *capacity(figures),
    ]
    return [line for line in lines if line.value is not None or line.haproxy is not None]


def costs(figures: Figures) -> Iterable[Line]:
    """CPU time, the figures that do not depend on what else the machine does."""
    for kib, gate, stretch in ((1, 3.0, 2.0), (32, None, None), (256, 1.7, 1.3)):
        rounds = figures.get(f"saturation_{kib}_kib") or {}
        of, note = of_each(rounds, "cpu_us_per_request"), by_thread(rounds)
        yield Line(f"CPU per request, body of {kib} KiB", "µs", *of, ratio_gate=gate, ratio_stretch=stretch, note=note)
    rounds = figures.get("streams_1000") or {}
    of, note = of_each(rounds, "cpu_us_per_chunk"), by_thread(rounds)
    yield Line("CPU per streamed chunk", "µs", *of, ratio_gate=1.4, ratio_stretch=1.15, note=note)


def governed(figures: Figures) -> Iterable[Line]:
    """The same gates, with limits, budgets and leases on."""
    for name, what, label, gate, stretch in (
        ("governed_requests", "cpu_us_per_request", "request, body of 1 KiB", 3.0, 2.0),
        ("governed_streams", "cpu_us_per_chunk", "streamed chunk", 1.4, 1.15),
    ):
        rounds = figures.get(name) or {}
        value, without = middle(rounds.get(GOVERNED), what), middle(rounds.get(HEADWORKS), what)
        beside = f"{without:.3g} without them" if value and without else ""
        note = ", ".join(filter(None, (beside, by_thread(rounds, GOVERNED))))
        yield Line(
            f"CPU per {label}, with limits and budgets",
            "µs",
            value,
            middle(rounds.get(HAPROXY), what),
            ratio_gate=gate,
            ratio_stretch=stretch,
            note=note,
        )
        entries = [one["interpreter_entries"] for one in rounds.get(GOVERNED) or [] if "interpreter_entries" in one]
        yield Line(
            f"entries into Python, {label}, with limits and budgets",
            "",
            max(entries) if entries else None,
            note="leases are asked for beside the traffic",
        )


def by_thread(rounds: dict[str, list[Figures]], subject: str = HEADWORKS) -> str:
    """What Headworks' threads had of it, by their names, the busiest first."""
    of_headworks = rounds.get(subject) or []
    names = {name for figures in of_headworks for name in figures.get("cpu_us_by_thread", {})}
    shares = {name: middle(of_headworks, "cpu_us_by_thread", name) or 0.0 for name in names}
    busiest = sorted(shares.items(), key=lambda share: -share[1])
    return ", ".join(f"{name} {micros:.3g}" for name, micros in busiest if micros >= LEAST_SHARE)


def latencies(figures: Figures) -> Iterable[Line]:
    """What is added to a direct request. Differences are taken within a run, never across runs."""
    for where, label in (("same_core", "one core"), ("two_cores", "two cores")):
        rounds = figures.get(f"one_connection_{where}") or {}
        for quantile, gate, stretch in (("p50", 35.0, 25.0), ("p99", 100.0, 60.0)):
            direct = middle(rounds.get(DIRECT), "latency_us", quantile)
            through = middle(rounds.get(HEADWORKS), "latency_us", quantile)
            note = f"direct {direct:.1f}, through Headworks {through:.1f}" if direct and through else ""
            is_gated = where == "same_core"
            yield Line(
                f"added {quantile}, one connection, {label}",
                "µs",
                *added(rounds, quantile),
                gate=gate if is_gated else None,
                stretch=stretch if is_gated else None,
                note=note,
            )
    for share in ("50", "80"):
        rounds = figures.get(f"open_{share}") or {}
        rate = middle(rounds.get(HEADWORKS) or rounds.get(HAPROXY), "rate")
        for quantile in ("p50", "p99"):
            of = of_each(rounds, "latency_us", quantile)
            direct = middle(rounds.get(DIRECT), "latency_us", quantile)
            note = f"at {rate:,.0f} requests/s; direct {direct:,.0f}" if rate and direct else ""
            yield Line(f"{quantile} at {share} % of Headworks' capacity", "µs", *of, note=note)


def streams(figures: Figures) -> Iterable[Line]:
    """A thousand and more at fifty chunks a second."""
    for name in sorted((name for name in figures if name.startswith("streams_")), key=lambda name: int(name[8:])):
        rounds, count = figures[name], name[8:]
        gate = 0.0 if count == "1000" else None
        yield Line(f"{count} streams: chunks lost", "", *of_each(rounds, "lost_chunks", by=max), gate=gate)
        yield Line(
            f"{count} streams: silences over 200 ms", "", *of_each(rounds, "stalls_over_200_ms", by=max), gate=gate
        )
        for what, label in (("first_byte_us", "first byte"), ("one_way_us", "one-way delay"), ("gap_us", "gap")):
            for quantile in ("p1", "p50", "p99") if what == "gap_us" else ("p50", "p99"):
                of = of_each(rounds, what, quantile, scale=1e-3)
                direct = middle(rounds.get(DIRECT), what, quantile)
                note = f"direct {direct / 1e3:.2f}" if direct else ""
                yield Line(f"{count} streams: {label}, {quantile}", "ms", *of, note=note)
        limit, stretch = (32.0, 16.0) if count == "1000" else (None, None)
        yield Line(
            f"{count} streams: resident memory of each",
            "KiB",
            *of_each(rounds, "resident_kib_per_stream"),
            gate=limit,
            stretch=stretch,
        )


def life(figures: Figures) -> Iterable[Line]:
    """Memory and start."""
    rest, after = figures.get("memory_at_rest_mib") or {}, figures.get("memory_after_load_mib") or {}
    yield Line("resident at rest, everything in one process", "MiB", *three(rest.get), gate=150, stretch=100)
    yield Line("resident after load", "MiB", *three(after.get))
    start = figures.get("start") or {}
    for name, label in (("new_folder_s", "a new folder"), ("known_folder_s", "a known folder")):
        seconds = start.get(name)
        yield Line(f"start to first good answer, {label}", "s", median(seconds) if seconds else None, gate=2, stretch=1)


def control(figures: Figures) -> Iterable[Line]:
    """The controller."""
    miss = (figures.get("flow_miss") or {}).get("added_us") or {}
    for quantile, gate, stretch in (("p50", 1.0, 0.3), ("p99", 10.0, 3.0)):
        value = miss[quantile] / 1e3 if quantile in miss else None
        yield Line(f"flow miss, added {quantile}", "ms", value, gate=gate, stretch=stretch)
    times = figures.get("revocation_ms")
    note = f"of {len(times)}; median {median(times):.1f}" if times else ""
    yield Line(
        "revocation to refusal, longest", "ms", max(times) if times else None, gate=1_000, stretch=200, note=note
    )
    for name, label in (("saturation_1_kib", "requests"), ("streams_1000", "streams")):
        rounds = (figures.get(name) or {}).get(HEADWORKS)
        entries = [round_["interpreter_entries"] for round_ in rounds or [] if "interpreter_entries" in round_]
        counted = sum(round_["good"] for round_ in rounds or [])
        value = max(entries) if entries else None
        # A flow that is used for longer than a minute is asked for anew beside the traffic: one entry.
        note = f"at most, in one window; {counted:,} {label} in all"
        yield Line(f"entries into Python, known flow, {label}", "", value, gate=1, stretch=0, note=note)


def management(figures: Figures) -> Iterable[Line]:
    """Reads and writes of fifty clients at once, in a large installation."""
    for database, label in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        rounds = (figures.get("management") or {}).get(database)
        rate = middle(rounds, "requests_per_second")
        failed = sum(sum(round_["failed"].values()) for round_ in rounds or [])
        note = f"{rate:,.0f} requests/s of both" + (f"; {failed:,} FAILED" if failed else "") if rate else ""
        for quantile, gate in (("p50", None), ("p99", 500.0)):
            for kind in ("reads", "writes"):
                value = middle(rounds, kind, quantile)
                yield Line(f"management, 50 clients, {label}: {quantile} of {kind}", "ms", value, gate=gate, note=note)


def usage(figures: Figures) -> Iterable[Line]:
    """Storing, adding up, and reports, beside many records."""
    for database, label in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        found = (figures.get("usage") or {}).get(database) or {}
        of = f"usage, {found.get('records', 0):,} records, {label}"
        slowest = max((found.get("report_ms_by_name") or {"": 0}).items(), key=lambda one: one[1])
        yield Line(
            f"{of}: p99 of ten reports", "ms", found.get("report_ms_p99"), gate=300, note=f"slowest: {slowest[0]}"
        )
        yield Line(f"{of}: sums that are wrong", "", found.get("wrong_sums"), gate=0)
        yield Line(f"{of}: storing 2,000, p50", "ms", found.get("batch_ms_p50"))
        yield Line(f"{of}: stored", "records/s", found.get("ingested_per_second"))
        yield Line(f"{of}: made anew", "records/s", found.get("rebuilt_per_second"))


def roles(figures: Figures) -> Iterable[Line]:
    """A gateway of many, with limits, budgets and leases."""
    found = figures.get("roles") or {}
    for name, what, label, gate, stretch in (
        ("requests", "cpu_us_per_request", "request, body of 1 KiB", 3.0, 2.0),
        ("streams", "cpu_us_per_chunk", "streamed chunk", 1.4, 1.15),
    ):
        rounds = found.get(name) or {}
        yield Line(
            f"gateway of many: CPU per {label}",
            "µs",
            middle(rounds.get(GATEWAY), what),
            middle(rounds.get(HAPROXY), what),
            ratio_gate=gate,
            ratio_stretch=stretch,
        )
    both = found.get("two_gateways")
    yield Line(
        "two gateways on one core: CPU per request",
        "µs",
        middle(both, "cpu_us_per_request"),
        middle((found.get("requests") or {}).get(HAPROXY), "cpu_us_per_request"),
    )
    yield Line("gateway of many: resident at rest", "MiB", found.get("resident_mib_at_rest"), gate=60, stretch=40)
    starts = found.get("start_s")
    yield Line(
        "gateway of many: start to first answer", "s", median(starts) if starts else None, gate=0.5, stretch=0.25
    )
    pipeline = found.get("pipeline") or {}
    note = "broker, PostgreSQL, control plane, load and upstream on one core"
    yield Line("usage through RabbitMQ: stored and settled", "records/s", pipeline.get("stored_per_second"), note=note)
    for quantile in ("p50", "p99"):
        yield Line(f"usage through RabbitMQ: how late, {quantile}", "ms", pipeline.get(f"lag_ms_{quantile}"), note=note)


def capacity(figures: Figures) -> Iterable[Line]:
    """For orientation: throughput on one core, and latency there."""
    for kib in (1, 32, 256):
        rounds = figures.get(f"saturation_{kib}_kib") or {}
        busy = middle(rounds.get(HAPROXY), "proxy_core_busy")
        note = f"HAProxy's core was {busy:.0%} busy" if busy is not None else ""
        yield Line(
            f"capacity, 64 connections, body of {kib} KiB",
            "requests/s",
            *of_each(rounds, "requests_per_second"),
            note=note,
        )
        for quantile in ("p50", "p99"):
            yield Line(f"{quantile} there", "µs", *of_each(rounds, "latency_us", quantile))


def of_each(
    rounds: dict[str, list[Figures]] | None,
    *path: str,
    scale: float = 1,
    by: Callable[[Iterable[float]], float] | None = None,
) -> tuple[float | None, float | None, float | None]:
    """The figure of Headworks, HAProxy and nginx."""

    def figure(name: str) -> float | None:
        of_subject = (rounds or {}).get(name)
        value = by(round_[path[0]] for round_ in of_subject) if by and of_subject else middle(of_subject, *path)
        return None if value is None else value * scale

    return three(figure)


def added(rounds: dict[str, list[Figures]] | None, quantile: str) -> tuple[float | None, float | None, float | None]:
    """The same less the direct one."""
    direct = middle((rounds or {}).get(DIRECT), "latency_us", quantile)

    def figure(name: str) -> float | None:
        value = middle((rounds or {}).get(name), "latency_us", quantile)
        return None if value is None or direct is None else value - direct

    return three(figure)


def three(figure: Callable[[str], float | None]) -> tuple[float | None, float | None, float | None]:
    """In the order of the columns."""
    return figure(HEADWORKS), figure(HAPROXY), figure(NGINX)


def table(lines: Sequence[Line]) -> str:
    """Plain text in columns, which is Markdown too."""
    head = ("figure", "unit", "Headworks", "HAProxy", "nginx", "ratio", "gate", "stretch", "verdict", "note")
    rows = [head, *(cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(texts)


def cells(line: Line) -> tuple[str, ...]:
    """A line's cells."""
    is_ratio = line.ratio_gate is not None
    gate = f"{line.ratio_gate:g}x" if is_ratio else short(line.gate)
    stretch = f"{line.ratio_stretch:g}x" if line.ratio_stretch is not None else short(line.stretch)
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}x"
    return (
        line.name, line.unit, short(line.value), short(line.haproxy), short(line.nginx), ratio, gate, stretch, line.word, line.note,
    )  # fmt: skip


def short(value: float | None) -> str:
    """Three digits that count, thousands parted."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004 - digits
