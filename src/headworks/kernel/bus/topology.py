"""Which queues there are: the same list in every process, so that nothing is published before its queue exists."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from headworks.kernel.bus.message import TYPE

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_BELOW: Final = ".#"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a queue puts up with."""

    delivery_limit: int = 20
    """How often a message is delivered at most; then it is a dead letter. Consumers that die count as well."""
    seconds_to_live: float | None = None
    """What waits longer is a dead letter. None for ever."""
    max_messages: int = 1_000_000
    """A queue of that length refuses more: BusFull. A broker may take a few more before it does."""
    max_bytes: int = 2 * 1024**3
    """The same by the size of bodies."""
    max_dead: int = 100_000
    """Dead letters beyond these wait in their queue, and are counted against it."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        limits = (self.delivery_limit, self.max_messages, self.max_bytes, self.max_dead)
        if min(limits) < 1 or (self.seconds_to_live is not None and self.seconds_to_live <= 0):
            raise ValueError("every limit of a policy must be positive")


@dataclass(frozen=True, slots=True)
class Group:
    """Who hears events together: each event once for the group, whatever the number of its processes."""

    name: str
    topics: tuple[str, ...]
    """Types, or `usage.#` for all whose types begin with `usage.`."""
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        """Raises ValueError."""
        _check_name(self.name)
        for topic in self.topics:
            example = topic.removesuffix(_BELOW) + ".x.v1" if topic.endswith(_BELOW) else topic
            if not TYPE.fullmatch(example):
                raise ValueError(f"{topic!r} is no topic: say usage.recorded.v1, or usage.# for all of usage")

    def hears(self, kind: str) -> bool:
        """Whether events of that type are for it."""
        return any(
            kind.startswith(topic.removesuffix("#")) if topic.endswith(_BELOW) else kind == topic
            for topic in self.topics
        )


@dataclass(frozen=True, slots=True)
class TaskQueue:
    """Tasks of one kind of worker."""

    name: str
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        """Raises ValueError."""
        _check_name(self.name)


@dataclass(frozen=True)
class Topology:
    """Every queue of an installation."""

    groups: tuple[Group, ...] = ()
    queues: tuple[TaskQueue, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError."""
        counted = Counter([one.name for one in self.groups] + [one.name for one in self.queues])
        twice = sorted(name for name, count in counted.items() if count > 1)
        if twice:
            raise ValueError(f"two queues have one name: {', '.join(twice)}")

    @cached_property
    def policies(self) -> dict[str, Policy]:
        """Of every group and queue, by its name."""
        return {one.name: one.policy for one in self.groups} | {one.name: one.policy for one in self.queues}

    def policy(self, name: str) -> Policy:
        """Raises ValueError for a name that is not in the list."""
        if name not in self.policies:
            raise ValueError(f"{name!r} is no group and no queue of this installation")
        return self.policies[name]

    def is_queue(self, name: str) -> bool:
        """Whether it holds tasks."""
        return any(one.name == name for one in self.queues)

    def task_queue(self, name: str) -> Policy:
        """Its policy. Raises ValueError for a name that is none of a task queue."""
        if not self.is_queue(name):
            raise ValueError(f"{name!r} is no task queue of this installation")
        return self.policy(name)

    def listeners(self, kind: str) -> list[Group]:
        """The groups that hear events of that type."""
        return [group for group in self.groups if group.hears(kind)]


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a queue: small letters, digits and hyphens, 63 at most")
