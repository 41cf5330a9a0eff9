"""Secrets come from standard input or from the environment, never from an argument, which every process could read."""

from __future__ import annotations

import sys
from getpass import getpass

from headworks.entrypoints.cli.failures import BadUsage

_MOST_CHARACTERS = 65_536


def read_secret(option: str, prompt: str) -> str:
    """One secret from standard input, without its line end; asked for without echo where that is a terminal.

    Raises BadUsage when there is none, or more than one line.
    """
    value = getpass(f"{prompt}: ") if sys.stdin.isatty() else sys.stdin.read(_MOST_CHARACTERS + 1)
    secret = value.strip()
    if not secret:
        raise BadUsage(
            f"{option}: there was nothing on standard input.",
            f'Pipe the key in: printf %s "$KEY" | headworks … {option}',
        )
    if len(secret) > _MOST_CHARACTERS or not secret.isprintable():
        raise BadUsage(f"{option}: standard input must hold the key and nothing else.")
    return secret
