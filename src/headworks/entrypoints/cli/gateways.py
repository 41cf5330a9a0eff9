"""`headworks gateways`: which gateways there are, and whether they hear of changes."""

import typer

from headworks.entrypoints.cli.moments import age
from headworks.entrypoints.cli.output import field, say_list
from headworks.entrypoints.cli.records import Record, number, text
from headworks.entrypoints.cli.session import AsJson, connect


def gateways(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the gateways that the control plane has heard of since it began. For operators.

    One that is away is forgotten after an hour. What a gateway holds is lent by budgets, in US dollars: `headworks leases`.
    """
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
        empty="No gateway has asked this server since it began. `headworks up` serves inference itself; in a cluster, start one: "
        "headworks run gateway",
    )


def _state(one: Record) -> str:
    state = text(one, "state")
    return f"{state} for {age(one, f'{state}_since')}"


def _changes(one: Record) -> str:
    """The last that it was told, and how many came after it."""
    behind = number(one, "behind")
    return f"{number(one, 'revision')}, {behind} behind" if behind else f"{number(one, 'revision')}, all"
