"""`headworks run ROLE`: one part of an installation as a process of its own."""

from pathlib import Path
from typing import Annotated

import typer

from headworks.bootstrap.environment import set_up_libraries
from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.settings import Set, settings_of
from headworks.entrypoints.process import INCOMPLETE, Part, hand_over


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
    set_up_libraries()
    try:
        settings = settings_of(context, role, sets or (), {"host": host, "port": port, "home": home})
    except ImportError as error:
        raise Failure(f"this installation is not complete: {error}", INCOMPLETE) from error
    try:
        hand_over(role, settings)
    except OSError as error:
        raise Failure(f"the process of {role} cannot begin: {error}") from error
