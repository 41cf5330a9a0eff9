"""Making a key."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import InProject, completing
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.keys.holding import AllowedAddresses, AllowedEndpoints, AllowedModels, ExpiresIn
from headworks.entrypoints.cli.keys.periods import expiry
from headworks.entrypoints.cli.nouns import PROJECTS, SERVICE_ACCOUNTS, find
from headworks.entrypoints.cli.output import note, say, say_json
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.kernel.clock import now

if TYPE_CHECKING:
    from headworks.client.shapes import NewKeyBody


class Scope(StrEnum):
    """What a key is for, in a word."""

    INFERENCE = "inference"
    MANAGEMENT_READ = "management:read"
    MANAGEMENT_WRITE = "management:write"


def create_key(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="What it is for; usage shows it.")] = "Unnamed key",
    expires_in: ExpiresIn = None,
    model: AllowedModels = None,
    endpoint: AllowedEndpoints = None,
    address: AllowedAddresses = None,
    project: InProject = None,
    service_account: Annotated[
        str | None,
        typer.Option(
            metavar="ACCOUNT",
            help="Make it for this service account, by id or name.",
            autocompletion=completing(SERVICE_ACCOUNTS),
        ),
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
    wish = _new_key(name, scope, management=management, signing=signing, bearer=bearer)
    if model:
        wish["allowed_models"] = model
    if endpoint:
        wish["allowed_endpoints"] = endpoint
    if address:
        wish["allowed_addresses"] = address
    if expires_in is not None:
        wish["expires_at"] = expiry(expires_in, now()).isoformat()
    with connect(context) as client:
        if project is not None:
            wish["project_id"] = find(client, PROJECTS, project)["id"]
        if service_account is not None:
            wish["service_account_id"] = find(client, SERVICE_ACCOUNTS, service_account)["id"]
        key = client.api.create_key(wish)
    if as_json:
        say_json(key)
        return
    say(text(key, "key"))
    until = f" It works until {text(key, 'expires_at')}." if text(key, "expires_at") else ""
    use = " It is the secret to sign with; the id is the keyid." if signing else ""
    note(f"Made the key {text(key, 'name')!r} ({text(key, 'id')}).{use}{until} Keep it now: it cannot be shown again.")


def _new_key(name: str, scope: list[Scope] | None, *, management: bool, signing: bool, bearer: bool) -> "NewKeyBody":
    """What it is for, and how it is used. Raises BadUsage."""
    if management and scope:
        raise BadUsage("--management and --scope say the same; give one of them.")
    if bearer and not signing:
        raise BadUsage("--bearer goes with --signing: other keys are sent anyway.")
    wish: NewKeyBody = {"name": name}
    if signing:
        wish |= {"signing": True, "bearer": bearer}
    if scope:
        wish["scopes"] = [one.value for one in scope]
    else:
        wish["kind"] = "management" if management else "inference"
    return wish
