"""What a key can be held to: the options that making and changing one share."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.nouns import MODELS

ExpiresIn = Annotated[
    str | None,
    typer.Option("--expires-in", metavar="PERIOD", help="When it stops working: 30m, 12h, 90d, 52w from now."),
]
AllowedModels = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Allow this model only; repeat it for more.",
        autocompletion=completing(MODELS),
    ),
]
AllowedEndpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint",
        metavar="ENDPOINT",
        help="Allow this endpoint only, such as chat/completions; repeat it for more.",
    ),
]
AllowedAddresses = Annotated[
    list[str] | None,
    typer.Option(
        "--address",
        metavar="CIDR",
        help="Allow use from this network only, such as 10.0.0.0/8; repeat it for more.",
    ),
]
