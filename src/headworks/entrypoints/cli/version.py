"""`headworks version`."""

from headworks import __version__
from headworks.entrypoints.cli.output import say, say_json
from headworks.entrypoints.cli.session import AsJson


def version(*, as_json: AsJson = False) -> None:
    """Print the version of this installation."""
    if as_json:
        say_json({"version": __version__})
        return
    say(f"headworks {__version__}")
