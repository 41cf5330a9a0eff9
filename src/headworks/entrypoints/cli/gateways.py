"""`headworks gateways`: which gateways there are, whether they hear of changes, and which of them drain."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.moments import age
from headworks.entrypoints.cli.output import field, say_list, tell
from headworks.entrypoints.cli.records import Record, number, text
from headworks.entrypoints.cli.session import AsJson, connect

app = typer.Typer(
    help="Gateways in other processes: whether they hear of changes, and which of them drain. For operators.",
    invoke_without_command=True,
)

_Gateway = Annotated[str, typer.Argument(metavar="ID", help="As `headworks gateways` shows it.")]


@app.callback()
def gateways(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the gateways that control planes have heard of. For operators.

    One that is away is forgotten after an hour. What a gateway holds is lent by budgets, in US dollars: `headworks leases`.
    """
    if context.invoked_subcommand is not None:
        return
    with connect(context) as client:
        found = client.all_of(client.api.list_gateways)
    say_list(
        [
            ("ID", field("id")),
            ("ADDRESS", field("address")),
            ("STATE", _state),
            ("HEARD", lambda one: f"{age(one, 'last_heard_at')} ago"),
            ("CHANGES", _changes),
            ("HOLDS", field("held_usd")),
            ("TO SEND", field("waiting_records", "-")),
            ("VERSION", field("version", "-")),
        ],
        found,
        as_json=as_json,
        empty="No gateway has asked this server within the hour. `headworks up` serves inference itself; in a cluster, start one: "
        "headworks run gateway",
    )


@app.command("drain")
def drain(context: typer.Context, gateway: _Gateway, *, as_json: AsJson = False) -> None:
    """Have a gateway tell balancers to go elsewhere: its /ready answers 503. It serves what still comes.

    When `headworks gateways` shows `drained`, nothing is open there and nothing waits to be sent. It stays so until `undrain`.
    """
    with connect(context) as client:
        found = client.api.drain_gateway(gateway)
    tell(found, f"{gateway} drains. `headworks gateways` says when nothing is open there.", as_json=as_json)


@app.command("undrain")
def undrain(context: typer.Context, gateway: _Gateway, *, as_json: AsJson = False) -> None:
    """Have a gateway serve again."""
    with connect(context) as client:
        client.api.undrain_gateway(gateway)
    tell({"id": gateway, "draining": False}, f"{gateway} serves again.", as_json=as_json)


def _state(one: Record) -> str:
    state = text(one, "state")
    if state == "watching" and one.get("drained"):
        return f"drained for {age(one, 'draining_since')}"
    if state == "watching" and one.get("draining_since"):
        return f"draining for {age(one, 'draining_since')}"
    return f"{state} for {age(one, f'{state}_since')}"


def _changes(one: Record) -> str:
    """The last that it was told, and how many came after it."""
    behind = number(one, "behind")
    return f"{number(one, 'revision')}, {behind} behind" if behind else f"{number(one, 'revision')}, all"
