"""What discovery found, as the banner, the page at `/` and the log tell it. It holds no secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["listed", "assumed", "unchanged", "yours", "empty", "refused", "skipped", "failed"]
"""
listed: the provider named its models, and they are offered; assumed: it could not be asked, so well-known names are offered;
unchanged: it could not be asked, and what an earlier start found stays; yours: a provider of that name was added by hand;
empty: it has no models; refused: it does not take the key, or wants one; skipped: it would be wrong to use it;
failed: we could not store what was found.
"""

_OFFERED: frozenset[State] = frozenset({"listed", "assumed", "unchanged"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One provider that is there, whether or not it can be used."""

    name: str
    """The provider's name in the catalog."""
    title: str
    source: str
    """The variable that holds its key, or its address."""
    state: State
    models: tuple[str, ...] = ()
    """Upstream names, the best one for a first try in front."""
    remark: str = ""
    """What is wrong, and how to mend it."""

    @property
    def offered(self) -> bool:
        """Whether its models can be asked for."""
        return self.state in _OFFERED


@dataclass(frozen=True, slots=True)
class Discovery:
    """Everything that was found, hosted providers first."""

    findings: tuple[Finding, ...] = ()

    @property
    def model_count(self) -> int:
        """How many models are offered by what was found."""
        return sum(len(finding.models) for finding in self.findings if finding.offered)
