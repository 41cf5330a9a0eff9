"""`headworks audit`: who changed what, all of it for an archive, and whether anybody tampered with it."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.moments import moment
from headworks.entrypoints.cli.output import field, note, say, say_json, say_list
from headworks.entrypoints.cli.records import Record, number, record, records, text
from headworks.entrypoints.cli.session import AsJson, connect

app = typer.Typer(help="Who changed what, and whether the record of it is whole.", no_args_is_help=True)

Actor = Annotated[str | None, typer.Option(metavar="ID", help="Only what this key, user or service account did.")]
Action = Annotated[str | None, typer.Option(metavar="ACTION", help="Only this, such as key.revoked, or 'key.*'.")]
Resource = Annotated[str | None, typer.Option(metavar="ID", help="Only what was done to this thing.")]
RequestId = Annotated[str | None, typer.Option("--request", metavar="ID", help="Only what this request did.")]
Since = Annotated[str | None, typer.Option("--from", metavar="TIME", help="From then on: 2026-01-31, or with a time.")]
Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before then.")]

_PROBLEMS = {
    "missing": "entries are missing there",
    "changed": "it is not what was written",
    "unlinked": "it does not follow the entry before it",
    "unkeyed": "it was written without a key: past Headworks, or by an older version of it",
    "unknown_key": "the key that it was written with is not known here: another keyring, or another installation's entries",
    "cut": "the end of the trail from there on is gone",
    "beyond_head": "it was added past the end of the trail",
    "head_changed": "the kept end of the trail is not this entry, or was not written by Headworks: entries may have been cut off",
    "end_was_changed": "the kept end was not the one that Headworks had written, so entries may have been cut off before it",
    "not_the_anchor": "it is not the entry that the anchor was noted of: the trail was written anew",
}


@app.command("list")
def list_events(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    actor: Actor = None,
    action: Action = None,
    resource: Resource = None,
    request: RequestId = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="At most so many.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List changes, the newest first."""
    query = _query(actor_id=actor, action=action, resource_id=resource, request_id=request, since=since, until=until)
    with connect(context) as client:
        events = client.first_of(client.api.list_audit_events, limit, **query)
    say_list(
        [
            ("TIME", lambda event: text(event, "at")[:19].replace("T", " ")),
            ("ACTOR", lambda event: text(event, "actor_id", text(event, "actor_kind"))),
            ("ACTION", field("action")),
            ("RESOURCE", field("resource_id")),
            ("CHANGED", _changed),
            ("FROM", field("source", "-")),
            ("REQUEST", field("request_id", "-")),
        ],
        events,
        as_json=as_json,
        empty="No change matches.",
    )


@app.command("export")
def export_events(
    context: typer.Context,
    actor: Actor = None,
    action: Action = None,
    resource: Resource = None,
    request: RequestId = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Print every change as one JSON object a line, the newest first: headworks audit export > audit.jsonl."""
    query = _query(actor_id=actor, action=action, resource_id=resource, request_id=request, since=since, until=until)
    with connect(context) as client:
        named = {name.rstrip("_"): value for name, value in query.items()}
        for line in client.lines("/audit-events/export", named):
            typer.echo(line)


@app.command("verify")
def verify_trail(
    context: typer.Context,
    anchor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TRAIL:SEQUENCE:HASH",
            help="Hold the trail against this end, which the log noted earlier; repeat it for more.",
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check that no entry was changed, removed, put elsewhere, cut off or written by others. Exit status 1 when one was.

    Who can write to the database can put an older state of it back. The log notes the trail's end from time to time; keep
    it elsewhere, and give one such line with --anchor.
    """
    with connect(context) as client:
        found = client.api.verify_audit_trail(anchor=anchor)
    if as_json:
        say_json(found)
    else:
        for trail in records(found.get("trails")):
            say(_told(trail))
    if found.get("intact") is not True:
        raise typer.Exit(1)
    if not as_json and not anchor:
        note("Keep these ends outside of this machine, and check against them with --anchor.")


def _told(trail: Record) -> str:
    name = text(trail, "trail")
    if trail.get("intact") is True:
        unkeyed = number(trail, "unkeyed")
        older = f", {unkeyed:,} of them from before there were keys" if unkeyed else ""
        return f"{name}: whole, {number(trail, 'entries'):,} entries{older}; {text(trail, 'anchor')}"
    fault = record(trail.get("fault"))
    entry = f"entry {number(fault, 'sequence')}" + (f" ({text(fault, 'id')})" if text(fault, "id") else "")
    problem = text(fault, "problem")
    return f"{name}: TAMPERED WITH at {entry}: {_PROBLEMS.get(problem, problem)}; what is before holds"


def _changed(event: Record) -> str:
    """The names of the fields that differ."""
    before, after = record(event.get("before")), record(event.get("after"))
    if not before or not after:
        return "-"
    return ", ".join(name for name in after if before.get(name) != after.get(name)) or "-"


def _query(*, since: str | None, until: str | None, **others: str | None) -> dict[str, str]:
    """As the client's methods name them."""
    moments = {"from_": moment("--from", since), "to": moment("--to", until)}
    return {name: value for name, value in {**others, **moments}.items() if value is not None}
