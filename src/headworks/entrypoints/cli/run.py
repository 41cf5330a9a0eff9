"""`headworks run ROLE`: one part of an installation as a process of its own. Settings come from the environment."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headworks.bootstrap.environment import environment, quiet_libraries
from headworks.entrypoints.cli.failures import BadUsage, Failure
from headworks.entrypoints.cli.session import wish_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.bootstrap.settings import Settings

Part = Literal["gateway", "control", "usage"]


def run(
    context: typer.Context,
    role: Annotated[Part, typer.Argument(help="Which part.")],
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
    ] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="Port to listen on.  [default: 8080]")] = None,
    home: Annotated[Path | None, typer.Option(metavar="DIR", help="Data folder.  [default: ~/.headworks]")] = None,
) -> None:
    """Start one part of an installation that has many processes.

    gateway: serves /v1/, asks a control plane, hands usage to the broker. control: the management API, and what gateways ask;
    serves no inference. usage: stores what gateways hand over.

    Each needs a data folder of its own; docs/guides/many-machines.md has the settings. The first Ctrl-C finishes open requests.
    """
    try:
        from headworks.bootstrap.roles import check_role  # noqa: PLC0415 - for servers alone
        from headworks.bootstrap.settings import SettingsError, load_settings  # noqa: PLC0415 - for servers alone

        serve = _entrypoint(role)
    except ImportError as error:
        raise Failure(
            f"this installation is not complete: {error}",
            "Build it with `make up`, or install the wheel with its extras: headworks[grpc,rabbitmq,postgresql].",
        ) from error
    wish = wish_of(context)
    overrides: dict[str, object] = {
        "host": host,
        "port": wish.port if port is None else port,
        "home": home or wish.home,
    }
    try:
        settings = load_settings(environment(), overrides)
        check_role(settings, role)
    except SettingsError as error:
        raise BadUsage(str(error), "docs/reference/configuration.md lists every setting.") from error
    sys.exit(serve(settings))


def _entrypoint(role: Part) -> "Callable[[Settings], int]":
    quiet_libraries()
    # Each role loads what it needs, and no more.
    if role == "gateway":
        from headworks.entrypoints import gateway  # noqa: PLC0415

        return gateway.run
    if role == "usage":
        from headworks.entrypoints import usage  # noqa: PLC0415

        return usage.run
    from headworks.entrypoints import control  # noqa: PLC0415

    return control.run
