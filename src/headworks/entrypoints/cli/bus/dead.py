"""`headworks bus dead`: messages that nobody could handle. They harm nobody, and wait until somebody looks."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.confirming import confirm
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.moments import age
from headworks.entrypoints.cli.output import counted, field, note, say, say_json, say_table, tell
from headworks.entrypoints.cli.records import Record, number, records, text
from headworks.entrypoints.cli.session import AsJson, connect

app = typer.Typer(help="Messages that nobody could handle: look at them, and put them back.", no_args_is_help=True)

_Queue = Annotated[
    str | None, typer.Option("--queue", metavar="QUEUE", help="Of this queue, such as usage.  [default: any]")
]
_REASONS = {
    "rejected": "whoever got it could make nothing of it; the log of `headworks run usage` says why",
    "delivery_limit": "handling it failed again and again; the log of `headworks run usage` says how",
    "expired": "nobody took it in time",
}


@app.command("list")
def list_dead(
    context: typer.Context,
    queue: _Queue = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="At most so many.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List dead messages, the oldest first. While they are looked at, others see fewer."""
    with connect(context) as client:
        found = client.api.list_dead_letters(queue=queue, limit=limit)
    if as_json:
        say_json(found)
        return
    queues, letters = records(found.get("queues")), records(found.get("letters"))
    if letters:
        say_table(
            [
                ("ID", field("id")),
                ("QUEUE", field("queue")),
                ("TOPIC", field("type")),
                ("AGE", lambda one: age(one, "occurred_at")),
                ("DEAD FOR", lambda one: age(one, "died_at")),
                ("WHY", field("reason")),
                ("TRIED", field("deliveries", "-")),
                ("BYTES", lambda one: f"{number(one, 'size_bytes'):,}"),
            ],
            letters,
            right=frozenset({"AGE", "DEAD FOR", "TRIED", "BYTES"}),
        )
    dead = sum(number(one, "dead") for one in queues)
    if dead > len(letters):
        note(
            f"{dead - len(letters):,} more are dead: see --limit. What Headworks did not send is counted, and not shown."
        )
    waiting = ", ".join(f"{text(one, 'name')} {number(one, 'waiting'):,}" for one in queues)
    if not letters and not dead:
        note(f"No message is dead. Waiting to be handled: {waiting}.")


@app.command("show")
def show_dead(
    context: typer.Context,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Its id; `headworks bus dead list` shows it.")],
    queue: _Queue = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a dead message, and the beginning of what is in it."""
    with connect(context) as client:
        found = client.api.show_dead_letter(message, queue=queue)
    if as_json:
        say_json(found)
        return
    reason = text(found, "reason")
    say(
        f"{text(found, 'type')} of the queue {text(found, 'queue')} ({text(found, 'id')})",
        f"happened  {text(found, 'occurred_at')}, {age(found, 'occurred_at')} ago",
        f"died      {text(found, 'died_at', 'the broker does not say when')}",
        f"because   {reason}: {_REASONS.get(reason, reason)}",
        f"tried     {_times(found)}",
        f"about     {text(found, 'subject') or '-'}",
        f"payload   {number(found, 'size_bytes'):,} bytes, {text(found, 'content_type')}:",
        text(found, "payload"),
    )
    if found.get("payload_is_cut") is True:
        note("That is its beginning; there is more of it.")


@app.command("replay")
def replay_dead(
    context: typer.Context,
    message: Annotated[str | None, typer.Argument(metavar="[MESSAGE]", help="Its id.")] = None,
    queue: _Queue = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that are dead, or all of --queue.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether --all is meant.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a dead message back into the queue that it died in, as it was. What is handled already is not handled twice.

    Mend first what it died of, or it dies again.
    """
    if everything == (message is not None):
        raise BadUsage("give the id of a message, or --all.")
    with connect(context) as client:
        if message is not None:
            of = client.api.show_dead_letter(message, queue=queue)["queue"]
            done = client.api.replay_dead_letters({"queue": of, "ids": [message]})
            tell(done, f"Put {message} back into the queue {of}.", as_json=as_json)
            return
        dead = [one for one in client.api.list_dead_letters(queue=queue, limit=1)["queues"] if one["dead"]]
        told = ", ".join(f"{counted(one['dead'], 'dead message')} of {one['name']}" for one in dead)
        if dead:
            confirm(f"Put {told} back?", yes=yes)
        replayed = [client.api.replay_dead_letters({"queue": one["name"]}) for one in dead]
    if as_json:
        say_json(replayed)
    elif not dead:
        note("No message is dead: there is nothing to put back.")
    else:
        say(*(f"Put {counted(one['replayed'], 'message')} back into the queue {one['queue']}." for one in replayed))


def _times(found: Record) -> str:
    if found.get("deliveries") is None:
        return "the broker does not say how often"
    return counted(number(found, "deliveries"), "time")
