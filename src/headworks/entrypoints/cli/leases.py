"""`headworks leases`: what gateways have borrowed of budgets."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.money import usd
from headworks.entrypoints.cli.nouns import BUDGETS, ORGANIZATIONS, find
from headworks.entrypoints.cli.output import field, minute, note, say_json, say_table
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, connect


def leases(
    context: typer.Context,
    gateway: Annotated[str | None, typer.Option(metavar="ID", help="Only of this gateway.")] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="BUDGET", help="Only of this budget, by id or name.", autocompletion=completing(BUDGETS)),
    ] = None,
    organization: Annotated[
        str | None,
        typer.Option(
            "--organization",
            metavar="ORGANISATION",
            help="Of this organisation, by id or name; for operators.  [default: yours]",
            autocompletion=completing(ORGANIZATIONS),
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what gateways hold of your organisation's budgets, in US dollars, and until when.

    A gateway borrows so that it need not ask for each request; what it does not draw comes back.
    """
    if organization is not None and budget is not None and not BUDGETS.is_id(budget):
        raise BadUsage("--budget: of another organisation a budget is named by its id.", "It begins with bud_.")
    with connect(context) as client:
        whose = None if organization is None else find(client, ORGANIZATIONS, organization)["id"]
        budget_id = budget if budget is None or BUDGETS.is_id(budget) else find(client, BUDGETS, budget)["id"]
        found = client.all_of(client.api.list_leases, gateway=gateway, budget_id=budget_id, organization_id=whose)
    if as_json:
        say_json(found)
        return
    if not found:
        note(
            "No gateway holds anything of these budgets. The first request that counts for a budget borrows of it, and what is "
            "not asked for again comes back within two minutes."
        )
        return
    say_table(
        [
            ("GATEWAY", field("gateway")),
            ("BUDGET", field("budget")),
            ("ID", field("budget_id")),
            ("PERIOD FROM", lambda one: minute(one, "period_start")),
            ("HOLDS", lambda one: usd(one, "amount")),
            ("UNTIL", lambda one: text(one, "until")[:19].replace("T", " ")),
        ],
        found,
        right=frozenset({"HOLDS"}),
    )
