"""`headworks version`."""

from headworks import __version__
from headworks.entrypoints.cli.output import tell
from headworks.entrypoints.cli.session import AsJson


def version(*, as_json: AsJson = False) -> None:
    """Print the version of this installation."""
    tell({"version": __version__}, f"headworks {__version__}", as_json=as_json)
