"""What the commands of usage are asked about: options that they share, and how they become a query."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headworks.entrypoints.cli import scopes
from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.nouns import KEYS, MEMBERS, MODELS, PROJECTS, PROVIDERS, find
from headworks.entrypoints.cli.output import Column
from headworks.entrypoints.cli.records import Record, number, record, text

if TYPE_CHECKING:
    from headworks.entrypoints.cli.client import Client

GroupBy = Annotated[
    str,
    typer.Option(
        metavar="LIST",
        help="What to split by, with commas between: organization, project, key, user, model, provider, deployment, "
        "upstream_model, endpoint, outcome, status, tag:NAME, minute, hour, day.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option("--from", metavar="WHEN", help="First day, such as 2026-01-31, or a time.  [default: 30 days]"),
]
Until = Annotated[
    str | None, typer.Option("--to", metavar="WHEN", help="Last day, included, or a time, not.  [default: today]")
]
Zone = Annotated[str | None, typer.Option(metavar="ZONE", help="Whose days, such as Europe/Berlin.  [default: UTC]")]
Key = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Only of this key, by id or name.", autocompletion=completing(KEYS)),
]
Project = Annotated[
    str | None,
    typer.Option(metavar="PROJECT", help="Only of this project, by id or name.", autocompletion=completing(PROJECTS)),
]
Provider = Annotated[
    str | None,
    typer.Option(
        metavar="PROVIDER", help="Only of this provider, by id or name.", autocompletion=completing(PROVIDERS)
    ),
]
Model = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only of this model.", autocompletion=completing(MODELS))
]
User = Annotated[
    str | None,
    typer.Option(
        metavar="USER",
        help="Only of this user's keys, by id, or for admins by email.",
        autocompletion=completing(MEMBERS),
    ),
]
Endpoint = Annotated[str | None, typer.Option(metavar="NAME", help="Only of this endpoint, such as chat/completions.")]
Status = Annotated[
    int | None, typer.Option(metavar="STATUS", min=0, help="Only what was answered with this HTTP status.")
]
Outcome = Annotated[str | None, typer.Option(metavar="OUTCOME", help="Only of these, such as success or truncated.")]
Tag = Annotated[list[str] | None, typer.Option(metavar="NAME:VALUE", help="Only with this tag. May be given again.")]
Everyone = Annotated[bool, typer.Option("--all", help="Of every organisation; for operators.")]


def scope_of(
    client: "Client",
    *,
    key: str | None = None,
    project: str | None = None,
    user: str | None = None,
    provider: str | None = None,
    tag: list[str] | None = None,
    everyone: bool = False,
    **given: Any,  # noqa: ANN401 - of any kind
) -> dict[str, Any]:
    """The query; names become ids. Raises Refused, Unreachable."""
    found = {
        "key_id": None if key is None else find(client, KEYS, key)["id"],
        "project_id": None if project is None else find(client, PROJECTS, project)["id"],
        "user_id": None if user is None else scopes.id_of(client, "user", user),
        "provider_id": None if provider is None else find(client, PROVIDERS, provider)["id"],
        "tag": tag or None,
        "organization_id": "*" if everyone else None,
    }
    return {**{name: value for name, value in found.items() if value is not None}, **given}


def cost(row: Record) -> str:
    """With a `~` where a part is estimated, and a `+` where a part has no price."""
    estimated = "~" if number(row, "estimated_requests") else ""
    more = "+" if number(row, "unpriced_requests") else ""
    return f"{estimated}{text(row, 'cost_usd')}{more}"


def dimension(name: str) -> Column:
    """What a report is split by, as a column."""
    title = name.upper().replace("_", " ")
    if name.startswith("tag:"):
        tag = name.removeprefix("tag:")
        return title, lambda row: text(record(row.get("tags")), tag, "-")
    if name in {"organization", "project", "key", "user", "provider"}:
        return title, lambda row: text(row, f"{name}_name") or text(row, f"{name}_id") or "-"
    if name == "deployment":
        return title, lambda row: text(row, "deployment_id") or "-"
    if name in {"minute", "hour"}:
        return title, lambda row: text(row, "start")[:16].replace("T", " ")
    if name == "model":
        return title, lambda row: text(row, "model") or "(none)"
    return title, lambda row: text(row, name)


FIGURES: tuple[Column, ...] = (
    ("REQUESTS", lambda row: f"{number(row, 'requests'):,}"),
    ("INPUT", lambda row: f"{number(row, 'input_tokens'):,}"),
    ("OUTPUT", lambda row: f"{number(row, 'output_tokens'):,}"),
    ("ERRORS", lambda row: f"{number(row, 'errors'):,}"),
    ("COST USD", cost),
)
CHARGE: Column = ("CHARGE USD", lambda row: text(row, "charge_usd"))
RIGHT = frozenset({*(title for title, _ in FIGURES), CHARGE[0], "CHANGE"})
