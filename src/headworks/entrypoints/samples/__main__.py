"""Fill a running installation with samples: `make seed-mock-data`. Safe to repeat: what is there stays."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.failures import Failure, Refused
from headworks.entrypoints.cli.output import note, say
from headworks.entrypoints.cli.server import Server, find_server, is_loopback
from headworks.entrypoints.cli.wish import Wish, default_home
from headworks.entrypoints.samples.catalog import for_everybody, of_a_company
from headworks.entrypoints.samples.keys import make_keys
from headworks.entrypoints.samples.mock import mock_provider
from headworks.entrypoints.samples.people import (
    Entrances,
    furnish,
    one_time_passwords,
    signed_in,
    the_operator,
    the_organization,
)
from headworks.entrypoints.samples.plan import COMPANIES, OPERATOR
from headworks.entrypoints.samples.traffic import send

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEPS = 4
"""Of a company, besides its requests."""


def seed(server: Server, mock_port: int, progress: Progress) -> dict[str, str]:
    """Make what is not there; the one-time passwords of who came, by address. Raises Failure."""
    if not is_loopback(server.origin):
        raise Refused("samples are made on the server's own machine: its mock provider listens there.")
    bar = progress.add_task("The installation", total=sum(_STEPS + company.requests for company in COMPANIES))
    entrances = Entrances()
    with (
        Client(server) as client,
        httpx.Client(timeout=60, trust_env=False, verify=server.origin.startswith("https")) as http,
        mock_provider(http, mock_port) as base_url,
    ):
        for_everybody(client, base_url)
        password = the_operator(client)
        for company in COMPANIES:
            progress.update(bar, description=company.name)
            organization_id = the_organization(client, company.name)
            with signed_in(server.origin, OPERATOR, password, organization_id) as inside:
                furnish(inside, company, entrances)
                progress.advance(bar, 2)
                of_a_company(inside, base_url)
                progress.advance(bar)
                keys = make_keys(inside, company)
                progress.advance(bar)
            if not keys:
                progress.advance(bar, company.requests)
                continue
            for _status in send(http, server.origin, keys, company.requests):
                progress.advance(bar)
        entrances.passwords[OPERATOR] = password
        return one_time_passwords(client, entrances)


def _say(made: dict[str, str], mock_port: int) -> None:
    say(f"{'SIGN IN AS':<28} ONE-TIME PASSWORD")
    for email, password in made.items():
        say(f"{email:<28} {password}")
    note(
        "",
        "Each password works until its owner has chosen another one. They are not shown again; who was there before kept theirs.",
        "",
        "What to try next:",
        "  headworks login ada@acme.example           an admin; then headworks password, to choose your own",
        "  headworks usage                            what her company used, by key, model and day",
        "  headworks keys list                        also: members, invites, projects, service-accounts, models, prices",
        "  headworks audit list                       who made all this",
        f"  headworks login {OPERATOR}     an operator, in every organisation: headworks orgs list, headworks switch",
        f"  headworks mock-provider --port {mock_port}      while it runs, the sample models answer",
    )


def main(arguments: Sequence[str]) -> int:
    """Find the server as every command does, and fill it; the exit status."""
    parser = argparse.ArgumentParser(prog="make seed-mock-data", description=__doc__)
    parser.add_argument("--home", type=Path, help="data folder of the server")
    parser.add_argument("--mock-port", type=int, default=9797, help="where the mock provider listens; 9797")
    given = parser.parse_args(arguments)
    variables = environment()
    home = given.home or Path(variables.get("HEADWORKS_HOME") or default_home())
    try:
        server = find_server(Wish(home.expanduser().absolute()), variables)
        columns = TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn()
        with Progress(*columns, console=Console(stderr=True)) as progress:
            made = seed(server, given.mock_port, progress)
    except Failure as failure:
        note(f"seed-mock-data: {failure.message}", *([f"  {failure.hint}"] if failure.hint else []))
        return failure.exit_code
    _say(made, given.mock_port)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
