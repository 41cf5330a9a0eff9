"""The table of contents of the `headworks` command, and where every failure becomes a sentence and an exit status."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from headworks.entrypoints.cli import (
    audit,
    budgets,
    bus,
    certs,
    completion,
    config,
    db,
    deployments,
    directory,
    doctor,
    env,
    gateways,
    invites,
    keys,
    leases,
    ledger,
    limits,
    login,
    mark_ups,
    members,
    mock_provider,
    models,
    orgs,
    prices,
    projects,
    providers,
    rerate,
    run,
    second_factor,
    secrets,
    service_accounts,
    sessions,
    sso,
    status,
    up,
    usage,
    users,
)
from headworks.entrypoints.cli import version as versions
from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.output import note
from headworks.entrypoints.cli.session import wish_from

app = typer.Typer(
    name="headworks",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: it starts twice as fast, and the reference is made from the same text.
    rich_markup_mode=None,
    # A traceback with local variables would show secrets.
    pretty_exceptions_enable=False,
)

app.command("up")(up.up)
app.command("run")(run.run)
app.command("login")(login.login)
app.command("logout")(login.logout)
app.command("switch")(login.switch)
app.command("whoami")(login.whoami)
app.command("password")(login.password)
app.add_typer(second_factor.app, name="second-factor")
app.add_typer(sessions.app, name="sessions")
app.command("status")(status.status)
app.add_typer(providers.app, name="providers")
app.add_typer(deployments.app, name="deployments")
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(orgs.app, name="orgs")
app.add_typer(projects.app, name="projects")
app.add_typer(members.app, name="members")
app.add_typer(invites.app, name="invites")
app.add_typer(directory.app, name="directory")
app.add_typer(service_accounts.app, name="service-accounts")
app.add_typer(users.app, name="users")
app.add_typer(sso.app, name="sso")
app.add_typer(usage.app, name="usage")
app.add_typer(prices.app, name="prices")
app.add_typer(mark_ups.app, name="mark-ups")
app.add_typer(limits.app, name="limits")
app.add_typer(budgets.app, name="budgets")
app.command("leases")(leases.leases)
app.add_typer(ledger.app, name="ledger")
app.command("rerate")(rerate.rerate)
app.command("gateways")(gateways.gateways)
app.add_typer(bus.app, name="bus")
app.add_typer(audit.app, name="audit")
app.add_typer(secrets.app, name="secrets")
app.add_typer(db.app, name="db")
app.add_typer(config.app, name="config")
app.add_typer(certs.app, name="certs")
app.command("env")(env.env)
app.command("doctor")(doctor.doctor)
app.command("mock-provider", context_settings=mock_provider.PASS_ON)(mock_provider.mock_provider)
app.command("completion")(completion.completion)
app.command("version")(versions.version)


@app.callback()
def root(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="HEADWORKS_URL",
            help="Address of the server, when it is not the one that the data folder tells of.",
        ),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", envvar="HEADWORKS_HOME", help="Data folder of the server.  [default: ~/.headworks]"
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", envvar="HEADWORKS_PORT", min=0, max=65535, help="Port of the server, if it moved."
        ),
    ] = None,
    key_env: Annotated[
        str | None,
        typer.Option(metavar="VARIABLE", help="Variable with a management key to use instead of the stored one."),
    ] = None,
) -> None:
    """One OpenAI-compatible endpoint in front of any model, with exact accounting.

    `headworks up` starts a server, `headworks run` one part of it, `headworks db` speaks to its databases, `headworks certs` and `headworks config` to nobody. The other commands speak to a running server, which they find by its data folder.

    Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no server to speak to.
    """
    context.obj = wish_from(url, home, port, key_env)


def main() -> None:
    """Run the command line of this process."""
    try:
        app(prog_name=completion.PROGRAM)
    except Failure as failure:
        note(*f"headworks: {failure.message}".splitlines())
        if failure.hint:
            note(f"  {failure.hint}")
        sys.exit(failure.exit_code)
