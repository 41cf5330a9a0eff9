"""References to secrets that we do not store: `env:NAME` and `file:/path`, read when they are needed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from headworks.kernel.errors import Forbidden, Invalid, Unavailable
from headworks.kernel.secrets.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_MOST_BYTES = 65_536


class CredentialUnresolved(Unavailable):
    """The place that a reference names holds nothing now."""

    code = "credential_unresolved"
    title = "A provider's credential is missing"


class ReferenceNotAllowed(Forbidden):
    """A reference reads what belongs to the operator."""

    code = "reference_not_allowed"

    def __init__(self) -> None:
        super().__init__(
            "Only an operator may point a credential at the server's environment or files; send the secret itself, "
            "or use a key with the permission installation:operate."
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is kept: a variable of the server's environment, or a file on its disk."""

    kind: Literal["env", "file"]
    name: str


def parse_reference(text: str, field: str = "reference") -> Reference:
    """Read `env:NAME` or `file:/path`. Raises Invalid for `field`."""
    kind, _, name = text.partition(":")
    if kind == "env" and _VARIABLE.fullmatch(name):
        return Reference("env", name)
    if kind == "file" and name.startswith("/") and "\0" not in name:
        return Reference("file", name)
    raise Invalid.field(
        field,
        "malformed_reference",
        "must be env:NAME, for a variable of the server's environment, or file:/path, for a file on the server",
    )


def resolve_reference(text: str, environment: Mapping[str, str]) -> Secret:
    """The secret that `env:NAME` or `file:/path` stands for. Raises CredentialUnresolved, or Invalid when malformed."""
    reference = parse_reference(text)
    value = environment.get(reference.name, "") if reference.kind == "env" else _read(Path(reference.name))
    if not value.strip():
        where = (
            f"the environment variable {reference.name} is not set where the server runs; set it and start the server again"
            if reference.kind == "env"
            else f"the file {reference.name} is empty"
        )
        raise CredentialUnresolved(f"The provider's credential is missing: {where}.")
    return Secret(value.strip())


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialUnresolved(
            f"The provider's credential is missing: the server cannot read {path}.", detail=str(error)
        ) from error
