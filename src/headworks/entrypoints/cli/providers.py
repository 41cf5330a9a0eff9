"""`headworks providers`: the servers that models live on, and how we authenticate to them."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.nouns import PROVIDERS
from headworks.entrypoints.cli.output import field, note, say, say_json, say_list, tell
from headworks.entrypoints.cli.records import Record, record, text
from headworks.entrypoints.cli.secret_input import read_secret
from headworks.entrypoints.cli.session import AsJson, connect, of_the_catalog
from headworks.entrypoints.cli.wish import variable_name

if TYPE_CHECKING:
    from headworks.client.shapes import NewProviderIn, ProviderChangesIn

app = typer.Typer(
    help="The servers that models live on, hosted or your own.", no_args_is_help=True, callback=of_the_catalog
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name or id of the provider.", autocompletion=completing(PROVIDERS))
]
_ADD = "Add a provider: headworks providers add NAME --base-url URL --api-key-stdin"
KeyStdin = Annotated[
    bool, typer.Option("--api-key-stdin", help="Read its key from standard input; it is stored encrypted.")
]
KeyEnv = Annotated[
    str | None,
    typer.Option(
        metavar="VARIABLE",
        help="Take its key from this variable of the server's environment, each time. Only the name is stored.",
    ),
]


class Dialect(StrEnum):
    """The protocols that an upstream may speak."""

    OPENAI = "openai"


@app.command("add")
def add_provider(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it will be called, such as openai or my-vllm.")],
    base_url: Annotated[
        str, typer.Option(metavar="URL", help="Up to and including the version, such as https://api.openai.com/v1.")
    ],
    dialect: Annotated[Dialect, typer.Option(help="The protocol that it speaks.")] = Dialect.OPENAI,
    *,
    api_key_stdin: KeyStdin = False,
    api_key_env: KeyEnv = None,
    as_json: AsJson = False,
) -> None:
    """Add a provider. Without a key option, requests to it carry none.

    With --api-key-env the variable must be set where the server runs, not here; the answer says so when it is not.
    """
    wish: NewProviderIn = {"name": name, "dialect": dialect.value, "base_url": base_url}
    api_key, reference = credential(name, api_key_env, from_stdin=api_key_stdin)
    if api_key is not None:
        wish["api_key"] = api_key
    if reference is not None:
        wish["credential_reference"] = reference
    with connect(context) as client:
        provider = client.api.create_provider(wish)
    if as_json:
        say_json(provider)
        return
    say(f"Added the provider {text(provider, 'name')} at {text(provider, 'base_url')}.")
    _warn(provider)
    note(f"Offer a model of it: headworks models add ALIAS --provider {name} --upstream-model MODEL")


@app.command("change")
def change_provider(
    context: typer.Context,
    name: Name,
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="Its new address.")] = None,
    *,
    api_key_stdin: KeyStdin = False,
    api_key_env: KeyEnv = None,
    no_key: Annotated[bool, typer.Option("--no-key", help="Send no key any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a provider another address or another key.

    A stored key goes to no other server than the one that it was given for: with another address, give it again.
    """
    wish: ProviderChangesIn = {}
    api_key, reference = credential(name, api_key_env, from_stdin=api_key_stdin)
    if api_key is not None:
        wish["api_key"] = api_key
    if reference is not None:
        wish["credential_reference"] = reference
    if base_url is not None:
        wish["base_url"] = base_url
    if no_key:
        wish["remove_credential"] = True
    if not wish:
        raise BadUsage("there is nothing to change.", "Give --base-url, --api-key-stdin, --api-key-env or --no-key.")
    with connect(context) as client:
        provider = client.api.change_provider(name, wish)
    if as_json:
        say_json(provider)
        return
    say(f"Changed the provider {text(provider, 'name')}.")
    _warn(provider)


@app.command("list")
def list_providers(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the providers."""
    with connect(context) as client:
        providers = PROVIDERS.all(client)
    say_list(
        [
            ("NAME", field("name")),
            ("DIALECT", field("dialect")),
            ("BASE URL", field("base_url")),
            ("CREDENTIAL", credential_of),
            ("ORIGIN", field("origin")),
            ("PROBLEM", field("problem", "-")),
        ],
        providers,
        as_json=as_json,
        empty=_ADD,
    )
    if providers and all(text(provider, "origin") == "builtin" for provider in providers):
        note("", f"There is only the built-in demo. {_ADD}")


@app.command("show")
def show_provider(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Show one provider. Its key is never shown: it cannot be read back."""
    with connect(context) as client:
        provider = client.api.show_provider(name)
    if as_json:
        say_json(provider)
        return
    shown = {**provider, "credential": credential_of(provider)}
    for part in ("name", "id", "dialect", "base_url", "credential", "origin", "problem", "created_at", "updated_at"):
        say(f"{part:<12} {text(shown, part, '-')}")


@app.command("remove")
def remove_provider(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Remove a provider that no model needs any more."""
    with connect(context) as client:
        client.api.remove_provider(name)
    tell({"removed": name}, f"Removed the provider {name}.", as_json=as_json)


def credential_of(provider: Record) -> str:
    """How its credential is kept, in a few characters that give nothing away."""
    credential = record(provider.get("credential"))
    if not credential:
        return "none"
    if reference := text(credential, "reference"):
        return reference
    return f"…{text(credential, 'last4')}" if text(credential, "last4") else "stored"


def credential(name: str, variable: str | None, *, from_stdin: bool) -> tuple[str | None, str | None]:
    """The key and the reference that the key options stand for; None where there is no such option. Raises BadUsage."""
    if from_stdin and variable is not None:
        raise BadUsage("--api-key-stdin and --api-key-env exclude each other.", "Give one of them.")
    if variable is not None:
        return None, f"env:{variable_name('--api-key-env', variable)}"
    return read_secret("--api-key-stdin", f"Key of {name}") if from_stdin else None, None


def _warn(provider: Record) -> None:
    if problem := text(provider, "problem"):
        note(f"It cannot be used yet. {problem}")
