"""`headworks keys`: what callers authenticate with. A key is shown once, alone on standard output."""

import typer

from headworks.entrypoints.cli.keys import changing, importing, listing, making

app = typer.Typer(help="Keys that callers authenticate with.", no_args_is_help=True)

app.command("create")(making.create_key)
app.command("list")(listing.list_keys)
app.command("show")(listing.show_key)
app.command("change")(changing.change_key)
app.command("rotate")(changing.rotate_key)
app.command("revoke")(changing.revoke_key)
app.command("import")(importing.import_keys)
