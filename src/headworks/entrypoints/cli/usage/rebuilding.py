"""`headworks usage rebuild` and `check`: the sums beside the records that they come from. For operators."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.failures import Failure
from headworks.entrypoints.cli.output import counted, note, say, say_json
from headworks.entrypoints.cli.records import number, texts
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from headworks.client.shapes import DaysBody

_LOOK_SECONDS = 1.0


def rebuild(
    context: typer.Context,
    first_day: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First UTC day.  [default: that of the first record]")
    ] = None,
    last_day: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last UTC day, included.  [default: today]")
    ] = None,
    *,
    wait: Annotated[bool, typer.Option(help="Wait until it is done.")] = True,
    as_json: AsJson = False,
) -> None:
    """Make the sums of usage anew from the records, hour by hour, while usage goes on being stored.

    They come out the same to the nanodollar, unless something was wrong with them.
    """
    body: DaysBody = {"first_day": first_day, "last_day": last_day}
    with connect(context) as client:
        asked = client.api.rebuild_usage(body)
        left = texts(asked, "days")
        while wait and left:
            note(f"{counted(len(left), 'day')} left, {left[0]} is next.")
            time.sleep(_LOOK_SECONDS)
            left = texts(client.api.show_usage_rebuilds(), "days")
    if as_json:
        say_json({**asked, "left": left})
    elif wait:
        say(f"Made anew: {counted(len(asked['days']), 'day')}.")
    else:
        say(f"To be made anew: {counted(len(left), 'day')}.")


def check(
    context: typer.Context,
    day: Annotated[str, typer.Argument(metavar="DAY", help="Which UTC day, such as 2026-01-31.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Compare the sums of a day with its records. Exit status 1 where one is wrong."""
    with connect(context) as client:
        found = client.api.check_usage(day=day)
    if as_json:
        say_json(found)
    if wrong := number(found, "wrong"):
        message = f"{counted(wrong, 'sum')} of {number(found, 'sums'):,} wrong, charges by {found['nanodollars']:,} nanodollars."
        raise Failure(message, hint=f"`headworks usage rebuild --from {day} --to {day}` makes them anew.")
    if not as_json:
        say(f"{counted(number(found, 'sums'), 'sum')}, all of them right.")
