"""Why a command failed: what happened, how to mend it, and the exit status that scripts read.

0 is success and 2 a wrong command line (the argument parser's own); the rest is here.
"""

from __future__ import annotations

from typing import ClassVar


class Failure(Exception):
    """A command could not do what was asked. `hint` says how to mend it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        """The server's `error.code`, where it was the server that refused."""


class Refused(Failure):
    """The server answered, and said no; or what we were given cannot be right."""


class BadUsage(Failure):
    """The command line, or what came on standard input, is not what the command takes."""

    exit_code = 2


class Unreachable(Failure):
    """There is no server to speak to, or it does not answer as one."""

    exit_code = 3
