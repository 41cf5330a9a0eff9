"""`headworks deployments`: a model at one of the providers. `headworks models` gives names to one or more of them."""

from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.nouns import DEPLOYMENTS, PROVIDERS, find, seen
from headworks.entrypoints.cli.output import field, minute, say, say_json, say_list, tell
from headworks.entrypoints.cli.records import Record, text
from headworks.entrypoints.cli.session import AsJson, connect, of_the_catalog

if TYPE_CHECKING:
    from headworks.client.shapes import DeploymentChangesIn, NewDeploymentIn

app = typer.Typer(help="Deployments: a model at one of your providers.", no_args_is_help=True, callback=of_the_catalog)

_Which = Annotated[
    str,
    typer.Argument(
        metavar="DEPLOYMENT", help="Its id, or PROVIDER/UPSTREAM-MODEL.", autocompletion=completing(DEPLOYMENTS)
    ),
]
_Weight = Annotated[
    int | None, typer.Option(metavar="N", min=0, max=1000, help="Its share where several serve one model.")
]
_StreamUsage = Annotated[
    bool | None,
    typer.Option(
        "--stream-usage/--no-stream-usage", help="Whether streams are asked for their usage; some servers refuse."
    ),
]
_SHOWN = (
    "id",
    "provider",
    "upstream_model",
    "weight",
    "stream_usage",
    "max_output_tokens",
    "state",
    "origin",
    "changed",
)
_LARGEST_CAP = 10_000_000
_CAP_HELP = "The most tokens that the model can answer: what a request that sets no limit is held to cost at most."


@app.command("list")
def list_deployments(
    context: typer.Context,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this one.", autocompletion=completing(PROVIDERS))
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the deployments. Each can be called as PROVIDER/UPSTREAM-MODEL, whatever models there are."""
    with connect(context) as client:
        found = DEPLOYMENTS.all(client, provider=provider)
    say_list(
        [
            ("ID", field("id")),
            ("PROVIDER", field("provider")),
            ("UPSTREAM MODEL", field("upstream_model")),
            ("WEIGHT", field("weight")),
            ("STATE", _state),
            ("ORIGIN", field("origin")),
        ],
        found,
        as_json=as_json,
        empty="No deployment matches. Add one: headworks deployments add PROVIDER UPSTREAM-MODEL",
    )


@app.command("add")
def add(
    context: typer.Context,
    provider: Annotated[
        str, typer.Argument(metavar="PROVIDER", help="Its name or id.", autocompletion=completing(PROVIDERS))
    ],
    upstream_model: Annotated[str, typer.Argument(metavar="UPSTREAM-MODEL", help="What the model is called there.")],
    weight: _Weight = None,
    stream_usage: _StreamUsage = None,
    max_output_tokens: Annotated[int | None, typer.Option(metavar="N", min=1, max=_LARGEST_CAP, help=_CAP_HELP)] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a provider's model callable, as PROVIDER/UPSTREAM-MODEL."""
    wish: NewDeploymentIn = {"provider": provider, "upstream_model": upstream_model}
    if weight is not None:
        wish["weight"] = weight
    if stream_usage is not None:
        wish["stream_usage"] = stream_usage
    if max_output_tokens is not None:
        wish["max_output_tokens"] = max_output_tokens
    with connect(context) as client:
        made = client.api.create_deployment(wish)
    tell(made, f"Added the deployment {_name(made)} ({made['id']}).", as_json=as_json)


@app.command("change")
def change(
    context: typer.Context,
    deployment: _Which,
    weight: _Weight = None,
    stream_usage: _StreamUsage = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Put it into service, or take it out.")
    ] = None,
    max_output_tokens: Annotated[
        str | None, typer.Option(metavar="N", help=f"{_CAP_HELP} 'none': it is not known.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Change a deployment's share, or take it out of service and back, from the next request on."""
    wish: DeploymentChangesIn = {}
    if weight is not None:
        wish["weight"] = weight
    if stream_usage is not None:
        wish["stream_usage"] = stream_usage
    if enabled is not None:
        wish["enabled"] = enabled
    if max_output_tokens is not None:
        wish["max_output_tokens"] = _cap(max_output_tokens)
    if not wish:
        raise BadUsage(
            "there is nothing to change.",
            "Give --weight, --enable, --disable, --[no-]stream-usage or --max-output-tokens.",
        )
    with connect(context) as client:
        found = find(client, DEPLOYMENTS, deployment)
        changed = client.api.change_deployment(found["id"], wish, if_match=seen(found))
    tell(
        changed,
        f"Changed the deployment {_name(changed)}: {_state(changed)}, weight {text(changed, 'weight')}.",
        as_json=as_json,
    )


@app.command("show")
def show(context: typer.Context, deployment: _Which, *, as_json: AsJson = False) -> None:
    """Show one deployment."""
    with connect(context) as client:
        found = find(client, DEPLOYMENTS, deployment)
    if as_json:
        say_json(found)
        return
    shown = {**found, "state": _state(found), "changed": minute(found, "updated_at")}
    for name in _SHOWN:
        say(f"{name:<17} {text(shown, name, '-')}")


@app.command("remove")
def remove(context: typer.Context, deployment: _Which, *, as_json: AsJson = False) -> None:
    """Remove a deployment that no model needs."""
    with connect(context) as client:
        found = find(client, DEPLOYMENTS, deployment)
        client.api.remove_deployment(found["id"], if_match=seen(found))
    tell({"removed": found["id"]}, f"Removed the deployment {_name(found)}.", as_json=as_json)


def _cap(given: str) -> int | None:
    if given == "none":
        return None
    if given.isdecimal() and 1 <= int(given) <= _LARGEST_CAP:
        return int(given)
    raise BadUsage(f"--max-output-tokens is {given!r}.", f"Give a number from 1 to {_LARGEST_CAP}, or none.")


def _name(deployment: Record) -> str:
    return f"{text(deployment, 'provider')}/{text(deployment, 'upstream_model')}"


def _state(deployment: Record) -> str:
    return "enabled" if deployment.get("enabled", True) else "disabled"
