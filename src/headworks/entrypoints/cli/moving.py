"""How `headworks migrate-store` moves: from its options to what it says in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from headworks.bootstrap import moving
from headworks.bootstrap.environment import environment
from headworks.bootstrap.home import Home
from headworks.bootstrap.moving import Wish
from headworks.bootstrap.moving.plan import CONTEXTS
from headworks.entrypoints.cli.db import run
from headworks.entrypoints.cli.failures import BadUsage, Failure
from headworks.entrypoints.cli.output import counted, note, say
from headworks.kernel.database import Address, BadAddress
from headworks.kernel.errors import Invalid
from headworks.kernel.money import Nanodollars, format_usd
from headworks.kernel.secrets import CredentialUnresolved, Secret, resolve_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headworks.bootstrap.moving import Moved
    from headworks.bootstrap.settings import Settings


def wish_from(contexts: Sequence[str], to: str | None, source: str | None, batch: int, *, anew: bool) -> Wish:
    """Raises BadUsage."""
    for name in contexts:
        if name not in CONTEXTS:
            raise BadUsage(f"--context: {name} is no context with a database; there are {', '.join(CONTEXTS)}.")
    return Wish(tuple(contexts), _checked("--to", to), _checked("--from", source), batch, anew)


def _checked(option: str, text: str | None) -> Secret | None:
    if text is None:
        return None
    url = _read(option, text) if text.startswith(("env:", "file:")) else Secret(text)
    try:
        address = Address.parse(url)
        address.tls_context()
    except BadAddress as error:
        # Its text holds nothing of the URL.
        raise BadUsage(f"{option}: {error}.") from None
    if text == url.reveal() and address.url().password is not None:
        raise BadUsage(
            f"{option} would show a password to everybody who lists this machine's processes.",
            f"Write {option} env:VARIABLE or {option} file:/path, and have the URL there.",
        )
    return url


def _read(option: str, text: str) -> Secret:
    try:
        return resolve_reference(text, environment())
    except (Invalid, CredentialUnresolved) as error:
        raise BadUsage(f"{option}: {text} leads to no URL.", "Write env:VARIABLE or file:/path.") from error


def move(settings: Settings, wish: Wish, *, shows: bool) -> Moved:
    """With a bar on standard error, where it shows. Raises Failure."""
    home = Home(settings.home)
    if not home.is_there:
        raise Failure(
            f"{home.path} is no data folder of Headworks.", "Set HEADWORKS_HOME, or give --home before the command."
        )
    columns = TextColumn("{task.description:<34}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    try:
        with Progress(*columns, console=Console(stderr=True), disable=not shows) as bar:

            async def work() -> Moved:
                with home.lock():
                    return await moving.move(home, settings, wish, _Shown(bar))

            return run(work())
    except (ValueError, OSError) as error:
        raise Failure(str(error)) from error


class _Shown:
    """The port `Progress`, as a bar on standard error."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("looking", total=None)

    def expect(self, rows: int) -> None:
        """All of them."""
        self._bar.update(self._task, total=max(rows, 1))

    def doing(self, what: str) -> None:
        """As the bar's text."""
        self._bar.update(self._task, description=what)

    def advance(self, rows: int) -> None:
        """Of the bar."""
        self._bar.advance(self._task, rows)


def record_of(moved: Moved) -> dict[str, object]:
    """For programs."""
    books, files = moved.books, moved.files
    return {
        "contexts": [
            {
                "context": leg.context,
                "from": str(leg.source),
                "to": str(leg.address),
                "tables": [
                    {"table": one.table, "rows": one.rows, "sha256": one.digest} for one in moved.tables[leg.context]
                ],
            }
            for leg in moved.legs
        ],
        "moved_before": list(moved.already),
        "ledger": {
            "accounts": books.accounts,
            "imbalance_nanodollars": books.imbalance,
            "transactions": books.transactions,
        },
        "usage": {
            "records": books.records,
            "cost_nanodollars": books.cost,
            "charge_nanodollars": books.charge,
        },
        "trails": [{"trail": name, "entries": entries} for name, entries in books.trails.items()],
        "remarks": list(books.remarks),
        "carry": {"keyring": str(files.keyring), "credentials": str(files.credentials or "")},
        "spool": {"folder": str(files.spool), "records": files.waiting, "unfinished": files.unfinished},
    }


def tell(moved: Moved) -> None:
    """For people."""
    for leg in moved.legs:
        tables = moved.tables[leg.context]
        rows = sum(one.rows for one in tables)
        say(
            f"{leg.context}: {counted(rows, 'row')} of {counted(len(tables), 'table')}, each the same in {leg.address}."
        )
    books = moved.books
    if "usage" in moved.tables:
        say(
            f"The books: {counted(books.accounts, 'account')}, each with the same balance; together they come to "
            f"{books.imbalance}. {counted(books.transactions, 'transaction')} and {counted(books.records, 'usage record')} agree: "
            f"cost {format_usd(Nanodollars(books.cost))} USD, charge {format_usd(Nanodollars(books.charge))} USD."
        )
    for name, entries in books.trails.items():
        say(f"The audit trail of {name}: {counted(entries, 'entry', 'entries')}, unbroken.")
    for remark in books.remarks:
        note(remark)
    if moved.already:
        note(f"Moved before, and left as they are: {', '.join(moved.already)}.")
    _tell_of_files(moved)


def _tell_of_files(moved: Moved) -> None:
    files = moved.files
    note("", f"Carry the keyring to every process that has these databases: {files.keyring}")
    if files.credentials is not None:
        note(f"The command line finds the first keys in {files.credentials}.")
    if files.spool_is_empty:
        note("The spool is empty: nothing is left in the data folder that is not stored.")
    else:
        note(
            f"THE SPOOL IS NOT EMPTY: {counted(files.waiting, 'record')} and {counted(files.unfinished, 'unfinished request')} are in "
            f"{files.spool}. The next start on this data folder stores them; whoever starts on another one must carry it along."
        )
    note("The databases that were moved from are as they were. Set HEADWORKS_DATABASE_URL, then: headworks up")
