"""`headworks usage`: who used what, what it cost, and what it will come to."""

import typer

from headworks.entrypoints.cli.usage import events, outlook, rebuilding, rejected, report

app = typer.Typer(invoke_without_command=True, callback=report.usage)

app.command("top")(outlook.top)
app.command("forecast")(outlook.forecast)
app.command("events")(events.events)
app.command("rejected")(rejected.rejected)
app.command("rebuild")(rebuilding.rebuild)
app.command("check")(rebuilding.check)
