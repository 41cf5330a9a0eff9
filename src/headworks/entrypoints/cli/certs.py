"""`headworks certs`: the certificates by which the processes of an installation know each other. It speaks to no server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.output import Column, note, say, say_json, say_table
from headworks.entrypoints.cli.records import text, texts
from headworks.entrypoints.cli.session import AsJson

if TYPE_CHECKING:
    from headworks.bootstrap.authority import Issued
    from headworks.entrypoints.cli.records import Record

app = typer.Typer(help="Certificates by which the processes of an installation know each other.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option(metavar="DIR", help="Where they lie.")]
_HERE = Path("certs")


@app.command("authority")
def authority(*, folder: Folder = _HERE, as_json: AsJson = False) -> None:
    """Make the authority, once for an installation. Keep ca-key.pem away from the machines that run."""
    from headworks.bootstrap.authority import CertificateError, make_authority  # noqa: PLC0415 - for these commands alone

    try:
        made = make_authority(folder)
    except CertificateError as error:
        raise Failure(str(error)) from error
    _tell(made, as_json=as_json)


@app.command("issue")
def issue(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose, such as control or gateway-1.")],
    host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST", help="A name or address that others reach it by. May be given again.  [default: NAME]"
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, metavar="DAYS", help="How long it is valid.")] = 397,
    *,
    folder: Folder = _HERE,
    as_json: AsJson = False,
) -> None:
    """Make a certificate and its key, in place of the ones that NAME had."""
    from headworks.bootstrap import authority  # noqa: PLC0415 - as above

    try:
        made = authority.issue(folder, name, host or (), days)
    except authority.CertificateError as error:
        raise Failure(str(error)) from error
    _tell(made, as_json=as_json)
    if not as_json:
        note(
            f"On that machine: HEADWORKS_PEER_CA={folder / 'ca.pem'} HEADWORKS_PEER_CERT={made.path} "
            f"HEADWORKS_PEER_KEY={made.key_path}"
        )


@app.command("list")
def list_(*, folder: Folder = _HERE, as_json: AsJson = False) -> None:
    """Show the certificates in the folder, and when they expire."""
    from headworks.bootstrap.authority import CertificateError, issued  # noqa: PLC0415 - as above

    try:
        rows = [_record(one) for one in issued(folder)]
    except CertificateError as error:
        raise Failure(str(error)) from error
    if as_json:
        say_json(rows)
    elif rows:
        columns: list[Column] = [
            ("NAME", lambda row: text(row, "name")),
            ("HOSTS", lambda row: ", ".join(texts(row, "hosts"))),
            ("EXPIRES", lambda row: text(row, "expires_at")[:10]),
            ("FILE", lambda row: text(row, "path")),
        ]
        say_table(columns, rows)
    else:
        note(f"There is none in {folder}. The first: headworks certs authority --folder {folder}")


def _tell(made: "Issued", *, as_json: bool) -> None:
    if as_json:
        say_json(_record(made))
    else:
        say(f"Written: {made.path} and {made.key_path}, until {made.expires_at:%Y-%m-%d}.")


def _record(one: "Issued") -> "Record":
    return {
        "name": one.name,
        "path": str(one.path),
        "key_path": str(one.key_path),
        "hosts": list(one.hosts),
        "expires_at": one.expires_at.isoformat(),
    }
