"""`headworks directory`: a company's directory, and what it says of people and groups (SCIM 2.0)."""

import typer

from headworks.entrypoints.cli.directory import groups, taking, tokens

app = typer.Typer(help="The directory that says who belongs to your organisation (SCIM 2.0).", no_args_is_help=True)
app.add_typer(tokens.app, name="token")
app.add_typer(groups.app, name="groups")
app.command("show")(taking.show)
app.command("set-default")(taking.set_default)

__all__ = ["app"]
