"""Everything that runs during a measurement: the upstream, and the subjects that a request may go through."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.gateway import Headworks
from harness.machine import cores
from harness.proxies import HAProxy, Mock, Nginx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.build import Programs
    from harness.installation import Installation
    from harness.processes import Tree

DIRECT, HAPROXY, NGINX, HEADWORKS = "direct", "haproxy", "nginx", "headworks"
GOVERNED = "headworks-governed"
"""The same process, asked with a key that is held to limits and budgets."""
GATEWAY = "headworks-gateway"
"""A process that serves inference alone, with the same limits and budgets."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that a request may go through on its way to the mock."""

    name: str
    url: str
    """Without a path."""
    tree: Tree | None = None
    """Of its processes; None for the direct way."""
    bearer: str | None = None
    headworks: Installation | None = None
    """None for what is not Headworks."""


@dataclass(slots=True)
class Scene:
    """The upstream and the subjects, each on its core."""

    programs: Programs
    folder: Path
    mock: Mock
    subjects: list[Subject] = field(default_factory=list)
    headworks: Headworks | None = None
    retries: int = 0
    """How many disturbed windows may still be measured again: a busy machine must not keep us for ever."""

    @property
    def proxy_core(self) -> int:
        """Where subjects run."""
        return cores()[0]

    @property
    def load_core(self) -> int:
        """Where the load generator and the mock run."""
        return cores()[1]

    def subject(self, name: str) -> Subject | None:
        """The subject of that name, where it runs."""
        return next((subject for subject in self.subjects if subject.name == name), None)

    def pin(self, subject: Subject, proxy_core: int, upstream_core: int) -> None:
        """Move a subject and the mock to other cores."""
        self.mock.tree.pin(upstream_core)
        if subject.tree:
            subject.tree.pin(proxy_core)

    @staticmethod
    @contextmanager
    def set_up(
        programs: Programs,
        folder: Path,
        wanted: Sequence[str] | None,
        settings: Mapping[str, str] | None = None,
    ) -> Iterator[Scene]:
        """Start all, stop all; Headworks with `settings`. A subject that does not start is left out with a word, not with an end."""
        proxy_core, load_core = cores()
        with ExitStack() as stack:
            mock = stack.enter_context(Mock(programs.mock_provider, load_core, folder))
            scene = Scene(programs, folder, mock)
            names = set(wanted or (DIRECT, HAPROXY, NGINX, HEADWORKS))
            if DIRECT in names:
                scene.subjects.append(Subject(DIRECT, mock.url))
            if programs.haproxy and HAPROXY in names:
                haproxy = stack.enter_context(HAProxy(programs.haproxy, mock.address, proxy_core, folder))
                scene.subjects.append(Subject(HAPROXY, haproxy.url, haproxy.tree))
            if programs.nginx and NGINX in names:
                nginx = stack.enter_context(Nginx(programs.nginx, mock.address, proxy_core, folder))
                scene.subjects.append(Subject(NGINX, nginx.url, nginx.tree))
            if HEADWORKS in names:
                scene.add_headworks(stack, settings)
            yield scene

    def add_headworks(self, stack: ExitStack, settings: Mapping[str, str] | None) -> None:
        """Start Headworks with a provider, and make it a subject."""
        try:
            headworks = Headworks(self.proxy_core, self.folder / "home", self.folder / "headworks.log", settings)
        except RuntimeError as error:
            print(f"bench: going on without Headworks: {error}", file=sys.stderr)
            return
        stack.enter_context(headworks)
        headworks.wait_until_managed()
        headworks.add_upstream(f"{self.mock.url}/v1")
        self.headworks = headworks
        self.subjects.append(Subject(HEADWORKS, headworks.url, headworks.tree, headworks.key, headworks))

    def governed(self, headworks: Headworks, upstream_models: Sequence[str]) -> Subject:
        """Headworks for a key with limits and hard budgets that are never reached; `upstream_models` get a price."""
        return Subject(GOVERNED, headworks.url, headworks.tree, headworks.governed_key(upstream_models), headworks)

    @staticmethod
    def model(subject: Subject, upstream_model: str) -> str:
        """What a request through `subject` must name to reach `upstream_model`."""
        return subject.headworks.model(upstream_model) if subject.headworks else upstream_model
