"""Asking whether something large is meant. A script says so beforehand."""

from __future__ import annotations

import sys

import typer

from headworks.entrypoints.cli.failures import BadUsage, Refused


def confirm(question: str, *, yes: bool) -> None:
    """Go on, or raise Refused where the answer is no, BadUsage where there is nobody to ask."""
    if yes:
        return
    if not _is_somebody_there():
        raise BadUsage(f"{question} There is nobody to ask.", "Say that it is meant: --yes.")
    if not typer.confirm(question, err=True):
        raise Refused("nothing was done.")


def _is_somebody_there() -> bool:
    return sys.stdin.isatty()
