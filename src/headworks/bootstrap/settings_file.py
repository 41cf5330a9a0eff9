"""`headworks.toml`: settings as a file, for whoever keeps an installation in files. Variables and the command line win over it.

Names are those of the variables in small letters, without `HEADWORKS_`. What stands in `[gateway]`, `[control]`, `[usage]` or `[up]` is
for a process of that role alone, so that one file does for a whole installation.
"""

from __future__ import annotations

import stat
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args

from headworks.bootstrap.roles import Role
from headworks.bootstrap.settings import ADDRESSES, PREFIX, SECRETS, Settings, SettingsError, Written, hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAME: Final = "headworks.toml"
_MOST_BYTES: Final = 1 << 20
_ROLES: Final = get_args(Role)


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What a file says: nothing has been checked but that there are such settings."""

    path: Path
    common: Mapping[str, object]
    sections: Mapping[str, Mapping[str, object]]

    def for_role(self, role: Role | None) -> Written:
        """What it says to a process of that role; to None, what it says to all of them."""
        own = self.section(role)
        places = {name: f"{name} in {self.path}" for name in self.common}
        return Written({**self.common, **own.values}, {**places, **own.places})

    def section(self, role: Role | None) -> Written:
        """What it says to processes of that role and to no other."""
        own = self.sections.get(role, {}) if role is not None else {}
        return Written(own, {name: f"{name} in [{role}] of {self.path}" for name in own})


def in_folder(home: Path) -> SettingsFile:
    """The one that lies in a data folder; where none does, one that says nothing. Raises SettingsError."""
    path = home / NAME
    if not path.exists():
        return SettingsFile(path, {}, {})
    found = read(path)
    if any("home" in part for part in (found.common, *found.sections.values())):
        message = f"home in {path}: the file was found by that folder, so it cannot name another. Remove it, or name the file with --config"
        raise SettingsError(message)
    return found


def read(path: Path) -> SettingsFile:
    """Raises SettingsError where it cannot be read, is no TOML, says what is no setting, or shows a secret to everybody."""
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            message = f"{path} is longer than {_MOST_BYTES} bytes; settings are not"
            raise SettingsError(message)
        tables = tomllib.loads(text.decode())
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise SettingsError(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        # Such an error repeats a character, never a value.
        message = f"{path} is no TOML: {error}"
        raise SettingsError(message) from None
    sections = {role: tables.pop(role) for role in _ROLES if isinstance(tables.get(role), dict)}
    wrong = list(_wrong(path, tables, sections))
    if wrong:
        raise SettingsError("\n".join(wrong))
    if mode & stat.S_IROTH and any(SECRETS.intersection(part) for part in (tables, *sections.values())):
        message = f"{path} holds a secret and everybody may read it: chmod o-r {path}"
        raise SettingsError(message)
    return SettingsFile(path, tables, sections)


def example() -> Iterator[str]:
    """Every setting as a line of such a file, with what it is and its default, all of them commented out."""
    yield "# Every setting. A variable HEADWORKS_… or an option of the command line wins over what stands here."
    yield "# A section [gateway], [control], [usage] or [up] at the end holds for processes of that role alone."
    for name, field in Settings.model_fields.items():
        yield ""
        yield f"# {field.description}"
        if name == ADDRESSES:
            yield f'# {name} = {{ ollama = "http://10.0.0.7:11434/v1", openai = "" }}'
        elif name == "home":
            yield '# home = "~/.headworks"'
        else:
            yield f"# {name} = {_toml(field.default)}"


def _toml(value: object) -> str:
    if value is None:
        return '"…"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'


def _wrong(path: Path, common: Mapping[str, object], sections: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    parts = [(str(path), common), *((f"[{role}] of {path}", part) for role, part in sections.items())]
    for place, part in parts:
        for name in set(part).difference(Settings.model_fields):
            plain = name.removeprefix(PREFIX).lower()
            meant = (
                f"write {plain}" if plain in Settings.model_fields else hint(plain, (*Settings.model_fields, *_ROLES))
            )
            yield f"{name} in {place} is no setting: {meant}"
