"""The doctor's look at the running server: whether it is ours, of our version, well, and takes our key."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from headworks import __version__
from headworks.entrypoints.cli.doctor.report import Check, Outcome, fail, ok, warn
from headworks.entrypoints.cli.failures import Refused, Unreachable
from headworks.entrypoints.cli.records import Record, record, records, text
from headworks.kernel.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from headworks.entrypoints.cli.client import Client

_MOST_SKEW_SECONDS = 60
_OUTCOMES: dict[str, Outcome] = {"ok": "ok", "degraded": "warn", "failed": "fail"}


def check_server(client: Client) -> Iterator[Check]:
    """Everything that the server says of itself. Ends early where nothing answers, or something else does."""
    try:
        answer = client.raw("GET", f"{client.origin}/health/ready")
    except Unreachable as failure:
        yield fail("server", failure.message, failure.hint)
        return
    health = _health(answer)
    if health is None:
        mend = "Another program has the port. Stop it, or start Headworks elsewhere with HEADWORKS_PORT."
        yield fail("server", f"{client.origin} answers, and not as Headworks does.", mend)
        return
    yield ok("server", f"{client.origin} answers, and is {text(health, 'status')}.")
    yield _version(text(health, "version"))
    yield _clock(answer.headers.get("date", ""))
    yield from _parts(health)
    yield _key(client)


def _health(answer: httpx.Response) -> Record | None:
    """The readiness document; None where this is none of ours."""
    try:
        health = record(answer.json())
    except ValueError:
        return None
    return health if text(health, "status") and text(health, "version") else None


def _version(served: str) -> Check:
    if served == __version__:
        return ok("version", f"server and command line are both {served}.")
    mend = "Start the server again, so that it runs what is installed; or use the command line that came with it."
    return warn("version", f"the server is {served}, this command line {__version__}.", mend)


def _clock(date: str) -> Check:
    name = "clock"
    try:
        skew = abs((parsedate_to_datetime(date) - now()).total_seconds())
    except (TypeError, ValueError):
        return warn(name, "the server does not say what time it is.", "Look at a proxy between it and this machine.")
    if skew > _MOST_SKEW_SECONDS:
        mend = "Let both machines take their time from the network (NTP): keys expire and usage is dated by the clock."
        return warn(name, f"the server's clock and this machine's are {skew:.0f} s apart.", mend)
    return ok(name, "the server's clock agrees with this machine's.")


def _parts(health: Record) -> Iterator[Check]:
    """What readiness looked at: databases, the usage spool."""
    for part in records(health.get("checks")):
        detail = text(part, "detail") or "well."
        yield Check(text(part, "name"), _OUTCOMES.get(text(part, "state"), "fail"), detail)


def _key(client: Client) -> Check:
    name = "management key"
    try:
        client.api.status()
    except Refused as failure:
        mend = "Put a management key that works into credentials.json, or name another with --key-env."
        return fail(name, failure.message, mend)
    except Unreachable as failure:
        return fail(name, failure.message, failure.hint)
    return ok(name, "the server takes it.")
