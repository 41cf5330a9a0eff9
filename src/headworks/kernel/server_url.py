"""The URL of a server as a setting has it: taken apart before anything connects, and never repeated in an error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection
    from urllib.parse import SplitResult

    from headworks.kernel.secrets import Secret

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
"""Where a password may go without TLS."""
_TLS: Final = ("sslmode", "sslrootcert")


class BadServerUrl(ValueError):
    """The URL cannot be used. The text says why, and holds nothing of it but names of options."""

    server: ClassVar[str]
    """Whose URL it should be."""
    example: ClassVar[str]


def split(secret: Secret, schemes: Collection[str], bad: type[BadServerUrl]) -> tuple[SplitResult, str, int | None]:
    """Its parts, its host, and its port where it names one. Raises `bad` where it is no URL of one of the schemes, with a host."""
    try:
        url = urlsplit(secret.reveal())
        port = url.port
    except ValueError:
        # Not chained: the cause repeats the URL.
        raise bad(f"it is no URL of {bad.server}; {bad.example}") from None
    if url.scheme not in schemes or not url.hostname:
        raise bad(f"it is no URL of {bad.server}; {bad.example}")
    return url, url.hostname, port


def options_of(url: SplitResult, bad: type[BadServerUrl], *others: str) -> dict[str, str]:
    """`sslmode` and `sslrootcert`, which drivers of databases call so too, and `others`. Raises `bad` for anything else."""
    known = (*_TLS, *others)
    given = parse_qsl(url.query, keep_blank_values=True)
    options = dict(given)
    if url.fragment or len(options) != len(given) or not options.keys() <= set(known):
        # Not named: a password with an unquoted question mark would be cut in two there.
        raise bad(
            f"it has an option that is not known, or one twice; there are {', '.join(known[:-1])} and {known[-1]}"
        )
    return options


def readable(path: str | None, bad: type[BadServerUrl]) -> str | None:
    """The path of `sslrootcert`, as it was. Raises `bad` where there is no reading it."""
    if path is not None:
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise bad(f"sslrootcert cannot be read: {error.strerror or error}") from error
    return path
