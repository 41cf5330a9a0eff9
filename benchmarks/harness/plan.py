"""What is measured in which order, and for how long: rounds in which the subjects take turns."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from harness import control, life, roles, steady, streaming
from harness.management import measuring
from harness.management.fill import Amount
from harness.scene import HAPROXY, HEADWORKS
from harness.usage import measuring as usage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from harness.scene import Scene, Subject

STEPS = (
    "memory",
    "saturation",
    "latency",
    "open",
    "streams",
    "governed",
    "misses",
    "revocation",
    "start",
    "management",
    "usage",
    "roles",
)
BODIES_KIB = (1, 32, 256)
SHARES = (0.5, 0.8)
"""Of the capacity that was measured in the same run."""
MOST_STREAM_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of each."""

    rounds: int
    seconds: float
    stream_seconds: float
    streams: tuple[int, ...]
    """The first number for every subject, the others for Headworks alone."""
    keys: int
    revocations: int
    starts: int
    management: measuring.Extent
    usage: usage.Extent
    roles: roles.Extent
    retries: int
    """How many disturbed windows are measured again, at most."""


# The short form is as large: a gate for a hundred thousand keys says nothing at ten thousand.
LARGE = Amount(organizations=1_000, keys=100_000, clients=50)
FULL = Plan(
    rounds=5,
    seconds=4,
    stream_seconds=6,
    streams=(1000, 1600),
    keys=300,
    revocations=100,
    starts=5,
    management=measuring.Extent(LARGE, seconds=20, rounds=3),
    usage=usage.Extent(sqlite=1_000_000, postgresql=10_000_000),
    roles=roles.Extent(seconds=10, starts=5),
    retries=60,
)
QUICK = Plan(
    rounds=1,
    seconds=1.5,
    stream_seconds=3,
    streams=(1000,),
    keys=60,
    revocations=10,
    starts=1,
    management=measuring.Extent(LARGE, seconds=10, rounds=1),
    usage=usage.Extent(sqlite=100_000, postgresql=100_000),
    roles=roles.Extent(seconds=3, starts=2),
    retries=0,
)

Figures = dict[str, Any]


def measure(scene: Scene, plan: Plan, steps: Collection[str] | None = None) -> Figures:
    """All figures. Of each measurement a list with one entry a round, under step, subject and what was varied."""
    wanted = steps or STEPS
    scene.retries = plan.retries
    run = Run(scene, plan)
    for step in STEPS:
        if step in wanted:
            began = time.monotonic()
            getattr(run, step)()
            print(f"bench: {step}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return run.figures


class Run:
    """The steps, which share the scene and the figures."""

    def __init__(self, scene: Scene, plan: Plan) -> None:
        self._scene = scene
        self._plan = plan
        self.figures: Figures = {}

    def memory(self) -> None:
        """Before any load. How much there is after it, `results` reads from the last windows."""
        self.figures["memory_at_rest_mib"] = life.memory(self._scene)

    def saturation(self) -> None:
        """Every subject, every size of body."""
        for kib in BODIES_KIB:
            take = partial(steady.saturation, kib=kib, seconds=self._plan.seconds)
            self.figures[f"saturation_{kib}_kib"] = self._in_turns(take)
        self.figures["memory_after_load_mib"] = life.memory(self._scene)

    def latency(self) -> None:
        """One connection, on one core and across two."""
        for name, same_core in (("one_connection_same_core", True), ("one_connection_two_cores", False)):
            take = partial(steady.one_connection, seconds=self._plan.seconds / 2, same_core=same_core)
            self.figures[name] = self._in_turns(take)

    def open(self) -> None:
        """At shares of what Headworks can do, or, where it is not there, HAProxy: the same rate for all."""
        found = self.figures.get("saturation_1_kib", {})
        reference = found.get(HEADWORKS) or found.get(HAPROXY)
        if not reference:
            print("bench: open needs the capacity that saturation measures; left out", file=sys.stderr)
            return
        capacity = median(figures["requests_per_second"] for figures in reference)
        for share in SHARES:
            take = partial(steady.open_loop, rate=capacity * share, seconds=self._plan.seconds)
            self.figures[f"open_{share * 100:.0f}"] = self._in_turns(take)

    def streams(self) -> None:
        """All subjects at the first count, Headworks at the others."""
        first, *others = self._plan.streams
        rounds = min(self._plan.rounds, MOST_STREAM_ROUNDS)
        for count in (first, *others):
            take = partial(streaming.streams, count=count, seconds=self._plan.stream_seconds)
            subjects = [one for one in self._scene.subjects if count == first or one.name == HEADWORKS]
            self.figures[f"streams_{count}"] = self._in_turns(take, subjects=subjects, rounds=rounds)

    def governed(self) -> None:
        """Headworks with limits, budgets and leases, beside itself without, and HAProxy."""
        headworks = self._scene.headworks
        if headworks is None:
            return
        seconds, count = self._plan.stream_seconds, self._plan.streams[0]
        subject = self._scene.governed(headworks, (steady.ANSWER, streaming.answer(seconds)))
        beside = [one for one in self._scene.subjects if one.name in {HAPROXY, HEADWORKS}]
        take = partial(steady.saturation, kib=BODIES_KIB[0], seconds=self._plan.seconds)
        self.figures["governed_requests"] = self._in_turns(take, subjects=[*beside, subject])
        take = partial(streaming.streams, count=count, seconds=seconds)
        rounds = min(self._plan.rounds, MOST_STREAM_ROUNDS)
        self.figures["governed_streams"] = self._in_turns(take, subjects=[*beside, subject], rounds=rounds)

    def misses(self) -> None:
        """New keys."""
        self.figures["flow_miss"] = control.misses(self._scene, self._plan.keys)

    def revocation(self) -> None:
        """Keys that are revoked while they are used."""
        if headworks := self._scene.headworks:
            model = headworks.model(steady.ANSWER)
            self.figures["revocation_ms"] = control.revocations(headworks, model, self._plan.revocations)

    def start(self) -> None:
        """New processes."""
        if self._scene.headworks:
            self.figures["start"] = life.start(self._scene, self._plan.starts)

    def management(self) -> None:
        """New installations, with many organisations and keys."""
        if self._scene.headworks:
            self.figures["management"] = measuring.measure(self._scene, self._plan.management)

    def usage(self) -> None:
        """Databases of usage, with many records."""
        self.figures["usage"] = usage.measure(self._scene, self._plan.usage)

    def roles(self) -> None:
        """A cluster, with limits, budgets and leases; beside HAProxy."""
        if not roles.is_possible():
            print("bench: RabbitMQ or PostgreSQL is not installed; roles are left out", file=sys.stderr)
            return
        seconds, count = self._plan.stream_seconds, self._plan.streams[0]
        beside = [one for one in self._scene.subjects if one.name == HAPROXY]
        rounds = min(self._plan.rounds, MOST_STREAM_ROUNDS)
        with roles.opened(self._scene, [steady.ANSWER, streaming.answer(seconds)]) as opened:
            self.figures["roles"] = {
                "resident_mib_at_rest": opened.resident_mib(),
                "requests": self._in_turns(
                    partial(steady.saturation, kib=BODIES_KIB[0], seconds=self._plan.seconds),
                    subjects=[*beside, opened.subject],
                ),
                "streams": self._in_turns(
                    partial(streaming.streams, count=count, seconds=seconds),
                    subjects=[*beside, opened.subject],
                    rounds=rounds,
                ),
                "two_gateways": [opened.both(self._plan.seconds) for _ in range(rounds)],
                "pipeline": opened.pipeline(self._plan.roles.seconds),
                "start_s": opened.starts(self._plan.roles.starts),
            }

    def _in_turns(
        self,
        take: Callable[[Scene, Subject], Figures],
        subjects: Sequence[Subject] | None = None,
        rounds: int | None = None,
    ) -> dict[str, list[Figures]]:
        """A list of rounds for each subject. Each round begins with another one, so that drift hits all alike."""
        subjects = self._scene.subjects if subjects is None else subjects
        found: dict[str, list[Figures]] = defaultdict(list)
        for number in range(rounds or self._plan.rounds):
            for place in range(len(subjects)):
                subject = subjects[(place + number) % len(subjects)]
                found[subject.name].append(take(self._scene, subject))
        return dict(found)
