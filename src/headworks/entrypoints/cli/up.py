"""`headworks up`: the one command that is a server. Everything that a server needs is imported here, and only here."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from headworks.bootstrap.environment import environment
from headworks.entrypoints.cli.failures import BadUsage, Failure
from headworks.entrypoints.cli.session import wish_of

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
    no_discovery: Annotated[
        bool, typer.Option("--no-discovery", help="Do not look for providers' keys and for local model servers.")
    ] = False,
) -> None:
    """Start a server; print what it found and what to do next.

    Everything runs in this one process. Each option is also a variable: HEADWORKS_PORT, HEADWORKS_HOME and so on; docs/reference/configuration.md lists the
    rest. Ctrl-C finishes open requests and stops; a second Ctrl-C cuts them.
    """
    try:
        from headworks.bootstrap.settings import SettingsError, load_settings  # noqa: PLC0415 - for the server alone
        from headworks.entrypoints.all_in_one import run  # noqa: PLC0415
    except ImportError as error:
        raise Failure(
            f"this installation is not complete: {error}", "Build it with `make up`, or install the wheel again."
        ) from error
    wish = wish_of(context)
    overrides: dict[str, object] = {
        "host": host,
        "port": wish.port if port is None else port,
        "home": home or wish.home,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "log_level": log_level,
        "operator_email": operator_email,
        "discovery": False if no_discovery else None,
    }
    try:
        settings = load_settings(environment(), overrides)
    except SettingsError as error:
        raise BadUsage(str(error), "docs/reference/configuration.md lists every setting.") from error
    sys.exit(run(settings))
