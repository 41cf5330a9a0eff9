"""`headworks directory show` and `set-default`: how your organisation takes what its directory says."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.output import tell
from headworks.entrypoints.cli.records import text
from headworks.entrypoints.cli.session import AsJson, Role, connect


def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what those are whose groups give them nothing. For admins."""
    with connect(context) as client:
        found = client.api.show_directory()
    tell(found, f"Whom the directory tells of is {text(found, 'default_role')} at least.", as_json=as_json)


def set_default(
    context: typer.Context,
    role: Annotated[Role, typer.Argument(help="What those are whose groups give them nothing.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say what those are whose groups give them nothing. They follow at once. For admins."""
    with connect(context) as client:
        changed = client.api.change_directory({"default_role": role})
    tell(changed, f"Whom the directory tells of is {text(changed, 'default_role')} at least.", as_json=as_json)
