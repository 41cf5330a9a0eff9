"""`headworks mark-ups`: what organisations pay on top of the cost."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.moments import moment
from headworks.entrypoints.cli.money import parts_per_million, percent
from headworks.entrypoints.cli.nouns import MARK_UPS, ORGANIZATIONS, find, seen
from headworks.entrypoints.cli.output import field, minute, say_list, tell
from headworks.entrypoints.cli.records import Record, number, text
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from headworks.client.shapes import NewMarkUpIn
    from headworks.entrypoints.cli.client import Client

app = typer.Typer(help="What organisations pay on top of the cost.", no_args_is_help=True)

_Whose = Annotated[
    str | None,
    typer.Option(
        "--organization",
        metavar="ORGANISATION",
        help="Of this organisation, by id or name; for operators.  [default: yours]",
        autocompletion=completing(ORGANIZATIONS),
    ),
]


@app.command("list")
def list_mark_ups(context: typer.Context, organization: _Whose = None, *, as_json: AsJson = False) -> None:
    """List an organisation's mark-ups, by when they begin. Each holds until the next one does."""
    with connect(context) as client:
        found = MARK_UPS.all(client, organization_id=_whose(client, organization))
    say_list(
        [
            ("ID", field("id")),
            ("PERCENT", lambda one: percent(number(one, "ppm"))),
            ("FROM", lambda one: minute(one, "valid_from")),
            ("SET", lambda one: minute(one, "created_at")),
        ],
        found,
        as_json=as_json,
        empty="There is no mark-up: what is charged is the cost. Set one, as an operator: headworks mark-ups set --percent 15",
    )


@app.command("set")
def set_mark_up(
    context: typer.Context,
    percentage: Annotated[
        str,
        typer.Option(
            "--percent", metavar="PERCENT", help="On top of the cost: 12.5, or -10 for a tenth off; 0 for none."
        ),
    ],
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="From then on: 2026-01-31, or with a time; now when left out."),
    ] = None,
    organization: _Whose = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Set what an organisation pays on top of the cost, until the next one begins. For operators.

    Usage that is recorded already keeps its charge; `headworks rerate` rates it anew.
    """
    wish: NewMarkUpIn = {"ppm": parts_per_million("--percent", percentage), "valid_from": moment("--from", since)}
    with connect(context) as client:
        made = client.api.create_mark_up({**wish, "organization_id": _whose(client, organization)})
    told = f"Set the mark-up {text(made, 'id')}: {_told(made)}, for {text(made, 'organization_id')}."
    tell(made, told, as_json=as_json)


@app.command("remove")
def remove_mark_up(
    context: typer.Context,
    mark_up: Annotated[
        str,
        typer.Argument(
            metavar="MARK-UP", help="Its id; `headworks mark-ups list` shows it.", autocompletion=completing(MARK_UPS)
        ),
    ],
    organization: _Whose = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Remove a mark-up: the one before it holds on. For operators."""
    with connect(context) as client:
        whose = _whose(client, organization)
        found = find(client, MARK_UPS, mark_up, organization_id=whose)
        client.api.remove_mark_up(found["id"], organization_id=whose, if_match=seen(found))
    tell({"removed": found["id"]}, f"Removed the mark-up {found['id']}: {_told(found)}.", as_json=as_json)


def _whose(client: "Client", organization: str | None) -> str | None:
    return None if organization is None else find(client, ORGANIZATIONS, organization)["id"]


def _told(mark_up: Record) -> str:
    return f"{percent(number(mark_up, 'ppm'))} from {minute(mark_up, 'valid_from')} UTC on"
