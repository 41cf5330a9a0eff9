"""`headworks doctor`: what is wrong with an installation, and how to mend it.

`installation` looks at this machine, `server` asks the running server, `providers` looks whether upstreams can be reached.
"""

from collections.abc import Iterator

import typer

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli.doctor.installation import check_installation
from headworks.entrypoints.cli.doctor.providers import check_providers
from headworks.entrypoints.cli.doctor.report import Check, fail
from headworks.entrypoints.cli.doctor.server import check_server
from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.output import say, say_json
from headworks.entrypoints.cli.server import is_loopback
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.entrypoints.cli.wish import wish_of

__all__ = ["doctor"]

_NAME_WIDTH = 22


def doctor(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Say what is wrong with an installation, and how to mend it.

    It looks at this machine, the running server and its providers. Exit status 1 when something does not work. What could only become a problem is shown as `warn`.
    """
    checks = list(_checks(context))
    if as_json:
        say_json([check.as_record() for check in checks])
    else:
        for check in checks:
            say(*_lines(check))
    broken = [check.name for check in checks if check.outcome == "fail"]
    if broken:
        raise Failure(f"{len(broken)} of {len(checks)} checks failed: {', '.join(broken)}.")


def _checks(context: typer.Context) -> Iterator[Check]:
    if wish_of(context).url is None:
        yield from check_installation(wish_of(context).home)
    try:
        client = connect(context)
    except Failure as failure:
        yield fail("server", failure.message, failure.hint)
        return
    with client:
        found = list(check_server(client))
        yield from found
        if all(check.outcome != "fail" for check in found if check.name in {"server", "management key"}):
            # Another machine's server must not learn this one's keys by naming a provider.
            yield from check_providers(client, environment() if is_loopback(client.origin) else {})


def _lines(check: Check) -> Iterator[str]:
    yield f"{check.outcome:<5} {check.name:<{_NAME_WIDTH}} {check.message}"
    if check.mend and check.outcome != "ok":
        yield f"{'':<5} {'':<{_NAME_WIDTH}} → {check.mend}"
