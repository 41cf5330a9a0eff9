"""`headworks bus`: what travels between the processes of a cluster."""

import typer

from headworks.entrypoints.cli.bus import dead

app = typer.Typer(help="What travels between processes, and what of it is stuck. For operators.", no_args_is_help=True)
app.add_typer(dead.app, name="dead")

__all__ = ["app"]
