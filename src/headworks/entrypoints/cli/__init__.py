"""The `headworks` command. `contents` is its table of contents; each noun has a file of its own.

Every command but `up`, `db` and `mock-provider` is a client: it finds a running server and speaks the management API.
"""

from headworks.entrypoints.cli.app import main

__all__ = ["main"]
