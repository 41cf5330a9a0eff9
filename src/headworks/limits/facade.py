"""The door for the gateway: which limits a request is held to, from memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headworks.kernel.kept import Ages, Kept
from headworks.limits import queries
from headworks.limits.contracts import Holding
from headworks.limits.errors import LimitsUnavailable

if TYPE_CHECKING:
    from headworks.limits.contracts import LimitsChanged, Subject
    from headworks.limits.domain import Rules
    from headworks.limits.ports import LimitStore

_MS = 1000


class LimitsFacade:
    """Belongs to one event loop, except for what it is told of changes, which any thread may call."""

    def __init__(self, store: LimitStore, ages: Ages = Ages()) -> None:  # noqa: B008 - frozen
        self._store = store
        self._ages = ages
        self._rules: dict[str, Kept[Rules]] = {}

    def changed(self, event: LimitsChanged) -> None:
        """Forget what the event makes old. Subscribe it before whoever makes the engine ask again."""
        if kept := self._rules.get(event.organization_id):
            kept.forget()

    def changed_somehow(self) -> None:
        """As `changed`, of every organisation."""
        for kept in list(self._rules.values()):
            kept.forget()

    async def limits_for(self, subject: Subject) -> Holding:
        """Every limit that a request of `subject` is held to. Raises LimitsUnavailable when the store and memory both fail."""
        organization_id = subject.organization_id
        kept = self._rules.get(organization_id)
        if kept is None:
            kept = self._rules[organization_id] = self._kept(organization_id)
        rules, age = await kept.get()
        return Holding(rules.of(subject), int(age * _MS))

    def _kept(self, organization_id: str) -> Kept[Rules]:
        return Kept(
            lambda: queries.rules(self._store, organization_id),
            lambda: self._store.revision(organization_id),
            self._ages,
            LimitsUnavailable,
        )
