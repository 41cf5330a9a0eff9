"""`headworks run ROLE`: one part of an installation as a process of its own."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headworks.bootstrap.environment import quiet_libraries
from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.settings import Set, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.bootstrap.settings import Settings

Part = Literal["gateway", "control", "usage", "worker"]


def run(
    context: typer.Context,
    role: Annotated[Part, typer.Argument(help="Which part.")],
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
    ] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="Port to listen on.  [default: 8080]")] = None,
    home: Annotated[Path | None, typer.Option(metavar="DIR", help="Data folder.  [default: ~/.headworks]")] = None,
    *,
    sets: Set = None,
) -> None:
    """Start one part of an installation that has many processes.

    gateway: serves /v1/, asks a control plane, hands usage to the broker. control: the management API, and what gateways ask;
    serves no inference. usage: stores what gateways hand over. worker: what is due by the clock and what takes long, where others leave it (HEADWORKS_UPKEEP=false).

    Each needs a data folder of its own. Settings are read from headworks.toml (`headworks config example` writes one), variables HEADWORKS_… and options, of which the last wins; docs/guides/many-machines.md says which are needed. The first Ctrl-C finishes open requests.
    """
    try:
        serve = _entrypoint(role)
    except ImportError as error:
        raise Failure(
            f"this installation is not complete: {error}",
            "Build it with `make up`, or install the wheel with its extras: headworks[grpc,rabbitmq,postgresql].",
        ) from error
    sys.exit(serve(settings_of(context, role, sets or (), {"host": host, "port": port, "home": home})))


def _entrypoint(role: Part) -> "Callable[[Settings], int]":
    quiet_libraries()
    # Each role loads what it needs, and no more.
    if role == "gateway":
        from headworks.entrypoints import gateway  # noqa: PLC0415

        return gateway.run
    if role == "usage":
        from headworks.entrypoints import usage  # noqa: PLC0415

        return usage.run
    if role == "worker":
        from headworks.entrypoints import worker  # noqa: PLC0415

        return worker.run
    from headworks.entrypoints import control  # noqa: PLC0415

    return control.run
