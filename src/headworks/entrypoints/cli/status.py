"""`headworks status`: the running server at a glance."""

from collections.abc import Iterator
from datetime import timedelta

import typer

from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.output import minute, say, say_json
from headworks.entrypoints.cli.records import Record, number, record, records, text
from headworks.entrypoints.cli.session import AsJson, connect

_LABEL_WIDTH = 14
_MIB = 1024 * 1024


def status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show whether the server is well, and what it is doing.

    Exit status 1 when it is not ready to be sent requests.
    """
    with connect(context) as client:
        found = client.api.status()
    if as_json:
        say_json(found)
    else:
        say(*lines_of(found))
    if text(found, "status") == "unready":
        raise Failure("the server is not ready for requests.", "`headworks doctor` says how to mend it.")


def lines_of(found: Record) -> Iterator[str]:
    """The status as lines for people."""
    yield _line("Headworks", f"{text(found, 'version')}, {text(found, 'status')}")
    yield _line("Endpoint", text(found, "endpoint"))
    yield _line("Data", text(found, "data_folder"))
    yield _line("Up for", str(timedelta(seconds=number(found, "uptime_seconds"))))
    engine = record(found.get("engine"))
    spool = record(engine.get("spool"))
    if spool:
        yield _line("Usage spool", _spool(spool))
    for name, value in sorted(engine.items()):
        if isinstance(value, int) and not isinstance(value, bool):
            yield _line(name.replace("_", " ").capitalize(), str(value))
    for check in records(found.get("checks")):
        if text(check, "state") != "ok":
            since = f"since {minute(check, 'since')} UTC, " if check.get("since") else ""
            yield _line(text(check, "state").upper(), f"{since}{text(check, 'name')}: {text(check, 'detail')}")


def _spool(spool: Record) -> str:
    level = f"{number(spool, 'bytes') / _MIB:.1f} of {number(spool, 'limit_bytes') / _MIB:.0f} MiB"
    return (
        f"{level}, {number(spool, 'unshipped_records')} records to store, {number(spool, 'open_intents')} requests open"
    )


def _line(label: str, value: str) -> str:
    return f"{label:<{_LABEL_WIDTH}} {value}"
