"""`headworks sso`: how an organisation's people sign in by its directory."""

from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.nouns import SSO_CONNECTIONS, find, seen
from headworks.entrypoints.cli.output import field, note, say, say_json, say_list, tell
from headworks.entrypoints.cli.records import Record, record, records, text, texts
from headworks.entrypoints.cli.secret_input import read_secret
from headworks.entrypoints.cli.session import AsJson, Role, connect
from headworks.entrypoints.cli.wish import variable_name

if TYPE_CHECKING:
    from headworks.client.shapes import ConnectionChangeBody, GroupRoleBody, NewConnectionBody

app = typer.Typer(help="Single sign-on: how your organisation's people sign in by its directory.", no_args_is_help=True)

_Which = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name or id of the connection.", autocompletion=completing(SSO_CONNECTIONS)),
]
_Issuer = Annotated[
    str | None, typer.Option(metavar="URL", help="The directory's issuer, character by character as it writes it.")
]
_ClientId = Annotated[str | None, typer.Option(metavar="ID", help="What this server is called there.")]
_SecretStdin = Annotated[
    bool,
    typer.Option("--client-secret-stdin", help="Read the client secret from standard input; it is stored encrypted."),
]
_SecretEnv = Annotated[
    str | None,
    typer.Option(metavar="VARIABLE", help="Take the client secret from this variable of the server's environment."),
]
_Scopes = Annotated[
    list[str] | None, typer.Option("--scope", metavar="SCOPE", help="Instead of openid, email, profile; repeatable.")
]
_Claim = Annotated[str | None, typer.Option(metavar="NAME", help="Where the ID token lists groups.  [default: groups]")]
_Groups = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        metavar="GROUP=ROLE",
        help="What a group's members are here; repeatable, the first that fits decides.",
    ),
]
_Default = Annotated[str | None, typer.Option(metavar="ROLE", help="Of who is in no such group; none keeps them out.")]
_Joins = Annotated[bool | None, typer.Option("--join/--no-join", help="Whether people become members by themselves.")]
_Domains = Annotated[
    list[str] | None,
    typer.Option("--domain", metavar="DOMAIN", help="Of email addresses that may come in; repeatable."),
]


@app.command("add")
def add_connection(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it will be called.")],
    issuer: _Issuer = None,
    client_id: _ClientId = None,
    client_secret_env: _SecretEnv = None,
    scope: _Scopes = None,
    group_claim: _Claim = None,
    group: _Groups = None,
    default_role: _Default = None,
    domain: _Domains = None,
    *,
    client_secret_stdin: _SecretStdin = False,
    join: _Joins = None,
    as_json: AsJson = False,
) -> None:
    """Connect a directory that speaks OpenID Connect."""
    if issuer is None or client_id is None or not domain:
        raise BadUsage("a connection needs --issuer, --client-id and at least one --domain.")
    secret = _secret(client_secret_env, from_stdin=client_secret_stdin)
    if not secret:
        raise BadUsage("a connection needs a client secret.", "Give --client-secret-stdin or --client-secret-env.")
    settings = _settings(scope, group_claim, group, default_role, join)
    wish = {"name": name, "issuer": issuer, "client_id": client_id, "allowed_domains": domain, **secret, **settings}
    with connect(context) as client:
        made = client.api.create_sso_connection(cast("NewConnectionBody", wish))
    if as_json:
        say_json(made)
        return
    say(f"Connected {text(made, 'name')} at {text(made, 'issuer')}.")
    _tell_places(made)


@app.command("change")
def change_connection(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    name: _Which,
    new_name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name.")] = None,
    issuer: _Issuer = None,
    client_id: _ClientId = None,
    client_secret_env: _SecretEnv = None,
    scope: _Scopes = None,
    group_claim: _Claim = None,
    group: _Groups = None,
    default_role: _Default = None,
    domain: _Domains = None,
    *,
    client_secret_stdin: _SecretStdin = False,
    no_groups: Annotated[bool, typer.Option("--no-groups", help="The directory has no say in roles any more.")] = False,
    join: _Joins = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether people may sign in by it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change a connection. It holds for the next sign-in; what is not named stays.

    Another issuer is another directory: give its client secret with it.
    """
    if no_groups and group:
        raise BadUsage("--group and --no-groups exclude each other.")
    change = {
        **_secret(client_secret_env, from_stdin=client_secret_stdin),
        **_settings(scope, group_claim, group, default_role, join),
        **({"group_roles": []} if no_groups else {}),
        **_given(name=new_name, issuer=issuer, client_id=client_id, allowed_domains=domain or None, enabled=enabled),
    }
    if not change:
        raise BadUsage("there is nothing to change.", "`headworks sso change --help` lists what can be.")
    with connect(context) as client:
        found = find(client, SSO_CONNECTIONS, name)
        changed = client.api.change_sso_connection(
            found["id"], cast("ConnectionChangeBody", change), if_match=seen(found)
        )
    tell(changed, f"Changed the connection {text(changed, 'name')}.", as_json=as_json)


@app.command("list")
def list_connections(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the connections. For admins."""
    with connect(context) as client:
        found = SSO_CONNECTIONS.all(client)
    say_list(
        [
            ("NAME", field("name")),
            ("ISSUER", field("issuer")),
            ("DOMAINS", lambda one: ", ".join(texts(one, "allowed_domains"))),
            ("JOIN", lambda one: "yes" if one.get("joins") else "no"),
            ("ROLES", _roles),
            ("STATE", lambda one: "enabled" if one.get("enabled") else "disabled"),
        ],
        found,
        as_json=as_json,
        empty="No directory is connected. Connect one: headworks sso add NAME --issuer URL --client-id ID --domain DOMAIN",
    )


@app.command("show")
def show_connection(context: typer.Context, name: _Which, *, as_json: AsJson = False) -> None:
    """Show one connection, and the address to register at the directory. Its secret cannot be read back."""
    with connect(context) as client:
        found = find(client, SSO_CONNECTIONS, name)
    if as_json:
        say_json(found)
        return
    secret = record(found.get("client_secret"))
    shown = {
        **found,
        "client_secret": text(secret, "reference") or "stored",
        "scopes": " ".join(texts(found, "scopes")),
        "roles": _roles(found),
        "allowed_domains": ", ".join(texts(found, "allowed_domains")),
        "joins": "yes" if found.get("joins") else "no",
        "enabled": "yes" if found.get("enabled") else "no",
    }
    for name_of_field in (
        *("name", "id", "issuer", "client_id", "client_secret", "scopes", "group_claim", "roles", "allowed_domains"),
        *("joins", "enabled", "redirect_uri", "start_path", "created_at"),
    ):
        say(f"{name_of_field:<16} {text(shown, name_of_field, '-')}")


@app.command("remove")
def remove_connection(context: typer.Context, name: _Which, *, as_json: AsJson = False) -> None:
    """Remove a connection: nobody signs in by it any more. Members stay members."""
    with connect(context) as client:
        found = find(client, SSO_CONNECTIONS, name)
        client.api.remove_sso_connection(found["id"], if_match=seen(found))
    tell({"removed": text(found, "id")}, f"Removed the connection {text(found, 'name')}.", as_json=as_json)


def _secret(variable: str | None, *, from_stdin: bool) -> dict[str, object]:
    if from_stdin and variable is not None:
        raise BadUsage("--client-secret-stdin and --client-secret-env exclude each other.", "Give one of them.")
    if variable is not None:
        return {"client_secret_reference": f"env:{variable_name('--client-secret-env', variable)}"}
    return {"client_secret": read_secret("--client-secret-stdin", "Client secret")} if from_stdin else {}


def _settings(
    scopes: list[str] | None,
    claim: str | None,
    groups: list[str] | None,
    default_role: str | None,
    joins: bool | None,  # noqa: FBT001 - of an option that is on, off, or not there
) -> dict[str, object]:
    given = _given(
        scopes=scopes or None, group_claim=claim, group_roles=[_group(one) for one in groups or ()] or None, joins=joins
    )
    if default_role is not None:
        given["default_role"] = None if default_role == "none" else _role("--default-role", default_role)
    return given


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _group(written: str) -> "GroupRoleBody":
    # A group may have an = in its name, as in a directory's distinguished names; a role has none.
    group, _, role = written.rpartition("=")
    if not group:
        raise BadUsage(f"--group takes GROUP=ROLE, such as engineering=maintainer; not {written!r}.")
    return {"group": group, "role": _role("--group", role)}


def _role(option: str, written: str) -> Role:
    if written not in get_args(Role):
        raise BadUsage(f"{option}: {written!r} is no role; there are {', '.join(get_args(Role))}.")
    return cast("Role", written)


def _roles(found: Record) -> str:
    named = [f"{text(one, 'group')}={text(one, 'role')}" for one in records(found.get("group_roles"))]
    return ", ".join([*named, f"else {text(found, 'default_role', 'nobody')}"])


def _tell_places(made: Record) -> None:
    if address := text(made, "redirect_uri"):
        note(f"Register this redirect URI at the directory: {address}")
    else:
        note("Set HEADWORKS_PUBLIC_URL where the server runs: it does not know how browsers reach it.")
    note(f"People sign in with `headworks login --sso {text(made, 'organization_id')}`, or in a browser at")
    note(f"  {text(made, 'start_path')}")
