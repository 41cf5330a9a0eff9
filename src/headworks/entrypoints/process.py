"""A role's own process: the command line ends here, and the same process goes on as another program.

What reads a command line and checks settings (Typer, Pydantic) is needed once, and would stay in memory for months: a fifth of what
a gateway takes. The program that serves is given the settings that were found to be right, and loads neither.
"""

from __future__ import annotations

import gc
import io
import os
import pickle
import sys
from collections import namedtuple
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast

from headworks.kernel.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.bootstrap.settings import Settings

Part = Literal["gateway", "control", "usage", "worker"]

INCOMPLETE = "Build it with `make up`, or install the wheel with its extras: headworks[grpc,rabbitmq,postgresql]."
"""What to do where something cannot be imported."""
_FAILED = 1


def hand_over(part: Part, settings: Settings) -> NoReturn:
    """Become the process of that part, under the same id. Raises OSError, also for settings that are longer than a pipe holds."""
    pickled = io.BytesIO()
    _Pickler(pickled).dump(dict(settings))
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    if os.write(writing, pickled.getbuffer()) < len(pickled.getbuffer()):
        message = "all settings together are longer than 64 KiB"
        raise OSError(message)
    os.close(writing)
    os.set_inheritable(reading, True)  # noqa: FBT003
    # With -P, what lies in the folder where somebody stands is no module of ours.
    os.execv(sys.executable, [sys.executable, "-P", "-m", __name__, part, str(reading)])  # noqa: S606 - ourselves


def main() -> int:
    """Serve by what `hand_over` gave; the exit status."""
    part, reading = sys.argv[1:]
    with os.fdopen(int(reading), "rb") as pipe:
        values = pickle.load(pipe)  # noqa: S301 - written by this process
    gc.disable()  # What is loaded stays.
    try:
        serve = _entrypoint(part)
    except ImportError as error:
        sys.stderr.write(f"headworks: this installation is not complete: {error}\n{INCOMPLETE}\n")
        return _FAILED
    gc.enable()
    return serve(cast("Settings", namedtuple("Settings", values)(**values)))  # noqa: PYI024 - its fields are not known here


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:  # noqa: ANN401 - a tuple, or that there is none
        """A secret, which refuses this to everybody else, goes from this process to itself."""
        return (Secret, (value.reveal(),)) if isinstance(value, Secret) else NotImplemented


def _entrypoint(part: str) -> Callable[[Settings], int]:
    # Each loads what it needs, and no more.
    if part == "gateway":
        from headworks.entrypoints import gateway  # noqa: PLC0415

        return gateway.run
    if part == "usage":
        from headworks.entrypoints import usage  # noqa: PLC0415

        return usage.run
    if part == "worker":
        from headworks.entrypoints import worker  # noqa: PLC0415

        return worker.run
    from headworks.entrypoints import control  # noqa: PLC0415

    return control.run


if __name__ == "__main__":
    sys.exit(main())
