"""`headworks mock-provider`: an upstream for tests and rehearsals, with faults on demand."""

import sys

import typer

from headworks.entrypoints.cli.failures import Failure


def mock_provider(context: typer.Context) -> None:
    """Run an upstream for tests, with faults on demand.

    All options are its own; --help lists them.
    """
    try:
        from headworks.dataplane.engine import run_mock_provider  # noqa: PLC0415 - clients do without the engine
    except ImportError as error:
        raise Failure(
            f"the extension module does not load: {error}", "Build it with `make up`, or install the wheel again."
        ) from error
    sys.exit(run_mock_provider(list(context.args)))
