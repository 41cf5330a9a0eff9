"""Making a key."""

from enum import StrEnum
from typing import Annotated

import typer

from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.find import find
from headworks.entrypoints.cli.keys.periods import expiry
from headworks.entrypoints.cli.output import note, say, say_json
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.kernel.clock import now


class Scope(StrEnum):
    """What a key is for, in a word."""

    INFERENCE = "inference"
    MANAGEMENT_READ = "management:read"
    MANAGEMENT_WRITE = "management:write"


def create_key(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="What it is for; usage shows it.")] = "Unnamed key",
    expires_in: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help="When it stops working: 30m, 12h, 90d, 52w. Never when left out."),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Allow this model only; repeat it for more.")
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENDPOINT", help="Allow this endpoint only, such as chat/completions; repeat it for more."
        ),
    ] = None,
    address: Annotated[
        list[str] | None,
        typer.Option(metavar="CIDR", help="Allow use from this network only, such as 10.0.0.0/8; repeat it for more."),
    ] = None,
    project: Annotated[
        str | None, typer.Option(metavar="PROJECT", help="Id or name of its project.  [default: yours]")
    ] = None,
    service_account: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="Make it for this service account, by id or name.")
    ] = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it is for; repeat it for more. Instead of --management.")
    ] = None,
    *,
    management: Annotated[
        bool, typer.Option("--management", help="A key for the management API, with all rights of yours.")
    ] = False,
    signing: Annotated[
        bool,
        typer.Option("--signing", help="A key that signs requests: its id is the keyid, what is printed the secret."),
    ] = False,
    bearer: Annotated[
        bool, typer.Option("--bearer", help="With --signing: it may be sent itself as well, as other keys are.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once: KEY=$(headworks keys create ci)."""
    if management and scope:
        raise BadUsage("--management and --scope say the same; give one of them.")
    if bearer and not signing:
        raise BadUsage("--bearer goes with --signing: other keys are sent anyway.")
    wish: dict[str, object] = {"name": name}
    if signing:
        wish |= {"signing": True, "bearer": bearer}
    if not scope:
        wish["kind"] = "management" if management else "inference"
    lists = {"scopes": scope, "allowed_models": model, "allowed_endpoints": endpoint, "allowed_addresses": address}
    wish |= {field: value for field, value in lists.items() if value}
    if expires_in is not None:
        wish["expires_at"] = expiry(expires_in, now()).isoformat()
    with connect(context) as client:
        if project is not None:
            wish["project_id"] = text(find(client, "/projects", "project", project), "id")
        if service_account is not None:
            account = find(client, "/service-accounts", "service account", service_account)
            wish["service_account_id"] = text(account, "id")
        key = client.post("/keys", wish)
    if as_json:
        say_json(key)
        return
    say(text(key, "key"))
    until = f" It works until {text(key, 'expires_at')}." if text(key, "expires_at") else ""
    use = " It is the secret to sign with; the id is the keyid." if signing else ""
    note(f"Made the key {text(key, 'name')!r} ({text(key, 'id')}).{use}{until} Keep it now: it cannot be shown again.")
