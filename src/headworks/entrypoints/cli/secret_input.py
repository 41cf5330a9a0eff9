"""Secrets come from standard input or from the environment, never from an argument, which every process could read."""

from __future__ import annotations

import sys
from getpass import getpass

import typer

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


class Answers:
    """What a person types, or the lines of standard input."""

    def __init__(self) -> None:
        self.are_typed = sys.stdin.isatty()
        self._lines = [] if self.are_typed else sys.stdin.read(_MOST_CHARACTERS).splitlines()

    @property
    def has_more(self) -> bool:
        """Whether there is anybody to ask, or a line left."""
        return self.are_typed or bool(self._lines)

    def plain(self, prompt: str) -> str:
        """Something that may be seen."""
        return str(typer.prompt(prompt, err=True)) if self.are_typed else self._line(prompt)

    def secret(self, prompt: str) -> str:
        """Something that may not."""
        value = getpass(f"{prompt}: ") if self.are_typed else self._line(prompt)
        if not value:
            raise BadUsage(f"{prompt.lower()}: there was nothing to read.")
        return value

    def new_secret(self, prompt: str) -> str:
        """A secret that is to be: typed twice, since nobody sees it."""
        value = self.secret(prompt)
        if self.are_typed and self.secret(f"{prompt} again") != value:
            raise BadUsage(f"{prompt.lower()}: it was typed in two ways; nothing has changed.")
        return value

    def _line(self, prompt: str) -> str:
        if not self._lines:
            raise BadUsage(f"{prompt.lower()}: standard input has no line for it.", "Type it, or pipe it in.")
        return self._lines.pop(0)
