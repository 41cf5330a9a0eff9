"""What a limit or a budget is of: the options that the commands of both share."""

from typing import Annotated, Literal

import typer

from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.failures import BadUsage
from headworks.entrypoints.cli.nouns import KEYS, MEMBERS, MODELS, PROJECTS, find
from headworks.entrypoints.cli.records import Record, text

Scope = Literal["organization", "project", "user", "key", "model"]

OfKey = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Of this key, by id or name.", autocompletion=completing(KEYS)),
]
OfProject = Annotated[
    str | None,
    typer.Option(
        "--project", metavar="PROJECT", help="Of this project, by id or name.", autocompletion=completing(PROJECTS)
    ),
]
OfUser = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="USER",
        help="Of all keys that this user owns, by id, or for admins by email.",
        autocompletion=completing(MEMBERS),
    ),
]
OfModel = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME", help="Of this model, as callers name it.", autocompletion=completing(MODELS)
    ),
]


def only(key: str | None, project: str | None, user: str | None, model: str | None) -> tuple[Scope, str] | None:
    """The one that is given; None stands for the organisation, or for everything. Raises BadUsage."""
    options: dict[Scope, str | None] = {"key": key, "project": project, "user": user, "model": model}
    given = [(scope, value) for scope, value in options.items() if value is not None]
    if len(given) > 1:
        named = " and ".join(f"--{scope}" for scope, _ in given)
        raise BadUsage(
            f"{named} are given, and it is of one thing.", "Give one of --key, --project, --user and --model."
        )
    return given[0] if given else None


def id_of(client: Client, scope: Scope, value: str) -> str:
    """What the API calls it. Raises Refused when there is none, or more than one."""
    if scope == "key":
        return find(client, KEYS, value)["id"]
    if scope == "project":
        return find(client, PROJECTS, value)["id"]
    if scope == "user" and not value.startswith("usr_"):
        return find(client, MEMBERS, value)["user_id"]
    return value


def of(one: Record) -> str:
    """A column that shows what it is of."""
    scope = text(one, "scope")
    return "the organisation" if scope == "organization" else f"{scope} {text(one, 'scope_id')}"
