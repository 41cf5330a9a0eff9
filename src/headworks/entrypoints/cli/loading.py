"""Loads a command when it is asked for, so that one does not wait for forty, and a server does not keep them in memory.

Click's own way (its documentation: "Lazily Loading Subcommands") with a table instead of imports; here the table is `contents`.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from headworks.entrypoints.cli.contents import CONTENTS, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typer._click import Command, Context, HelpFormatter

PLAIN: Final[dict[str, Any]] = {
    "add_completion": False,
    # Plain help: it starts twice as fast, and the reference is made from the same text.
    "rich_markup_mode": None,
    # A traceback with local variables would show secrets.
    "pretty_exceptions_enable": False,
}
_ALL_ARGUMENTS: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


class LazyGroup(TyperGroup):
    """The commands of `contents`. Whoever wants all of them, as the reference pages do, reads `commands`."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - as declared there
        super().__init__(**given)
        self.commands = _OnDemand(CONTENTS)

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - as declared there
        """Their names, in order."""
        return list(self.commands)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """As for any group, by the summaries alone."""
        summaries: dict[str, Command] = {entry.name: TyperCommand(entry.name, help=entry.summary) for entry in CONTENTS}
        TyperGroup(name=self.name, commands=summaries, rich_markup_mode=None).format_commands(ctx, formatter)


class _OnDemand(MutableMapping[str, "Command"]):
    """Commands by name; each is loaded when somebody takes it."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._loaded:
            self._loaded[name] = load(self._entries[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __setitem__(self, name: str, command: Command) -> None:
        raise TypeError(f"{name}: commands are listed in headworks.entrypoints.cli.contents")

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"{name}: commands are listed in headworks.entrypoints.cli.contents")


def load(entry: Entry) -> Command:
    """The command itself."""
    module, _, attribute = entry.place.partition(":")
    found = getattr(import_module(f"headworks.entrypoints.cli.{module}"), attribute)
    holder = typer.Typer(**PLAIN)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=entry.name)
    else:
        holder.command(entry.name, context_settings=_ALL_ARGUMENTS if entry.takes_all else None)(found)
    return get_group(holder).commands[entry.name]
