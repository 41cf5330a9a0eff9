"""What a check of the doctor says: how it stands, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Outcome = Literal["ok", "warn", "fail"]
"""warn: it works, and may not for long, or not as well as it could; fail: something does not work."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's."""

    name: str
    """What was looked at; stable, for programs."""
    outcome: Outcome
    message: str
    mend: str = ""
    """What to do; empty where there is nothing to mend."""

    def as_record(self) -> dict[str, object]:
        """The check as JSON."""
        return asdict(self)


def ok(name: str, message: str) -> Check:
    """All is well."""
    return Check(name, "ok", message)


def warn(name: str, message: str, mend: str) -> Check:
    """It works, but."""
    return Check(name, "warn", message, mend)


def fail(name: str, message: str, mend: str) -> Check:
    """It does not work."""
    return Check(name, "fail", message, mend)
