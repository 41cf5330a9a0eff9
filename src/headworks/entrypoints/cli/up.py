"""`headworks up`: the one command that is a server. Everything that a server needs is imported here, and only here."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.settings import Set, settings_of

LogLevel = Literal["debug", "info", "warning", "error"]


def up(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for every network.  [default: 127.0.0.1]"),
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Port to listen on; 0 takes a free one.  [default: 8080]")
    ] = None,
    home: Annotated[Path | None, typer.Option(metavar="DIR", help="Data folder.  [default: ~/.headworks]")] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="PEM", help="Certificate chain; HTTPS is spoken then.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="PEM", help="The certificate's private key.")] = None,
    log_level: Annotated[LogLevel | None, typer.Option(help="What is logged, and above.  [default: info]")] = None,
    operator_email: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Email of the first operator, at the first start.  [default: operator@localhost]"
        ),
    ] = None,
    *,
    sets: Set = None,
    no_discovery: Annotated[
        bool, typer.Option("--no-discovery", help="Do not look for providers' keys and for local model servers.")
    ] = False,
) -> None:
    """Start a server; print what it found and what to do next.

    Everything runs in this one process. Each option is also a variable, HEADWORKS_PORT, and a line of headworks.toml, which `headworks config example` writes; docs/reference/configuration.md lists the
    rest. Ctrl-C finishes open requests and stops; a second Ctrl-C cuts them.
    """
    try:
        from headworks.entrypoints.all_in_one import run  # noqa: PLC0415 - for the server alone
    except ImportError as error:
        raise Failure(
            f"this installation is not complete: {error}", "Build it with `make up`, or install the wheel again."
        ) from error
    options: dict[str, object] = {
        "host": host,
        "port": port,
        "home": home,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "log_level": log_level,
        "operator_email": operator_email,
        "discovery": False if no_discovery else None,
    }
    sys.exit(run(settings_of(context, "up", sets or (), options)))
