"""`headworks usage top` and `forecast`: where most of it went, and what it will come to."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.output import note, say, say_json, say_table
from headworks.entrypoints.cli.records import Record, number, record, records, text, texts
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.entrypoints.cli.usage import scope


def _change(row: Record) -> str:
    ppm = row.get("charge_change_ppm")
    if not isinstance(ppm, int):
        return "new" if number(row, "charge_nanodollars") else ""
    tenths = abs(ppm) // 1_000
    return f"{'-' if ppm < 0 else '+'}{tenths // 10}.{tenths % 10} %"


def top(  # noqa: PLR0913, PLR0917 - each is an option of the command
    context: typer.Context,
    by: Annotated[
        str, typer.Argument(metavar="LIST", help="What to split by, as `headworks usage --group-by`.")
    ] = "model",
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many.")] = 10,
    since: scope.Since = None,
    until: scope.Until = None,
    time_zone: scope.Zone = None,
    project: scope.Project = None,
    key: scope.Key = None,
    user: scope.User = None,
    model: scope.Model = None,
    provider: scope.Provider = None,
    endpoint: scope.Endpoint = None,
    status: scope.Status = None,
    outcome: scope.Outcome = None,
    tag: scope.Tag = None,
    *,
    everyone: scope.Everyone = False,
    as_json: AsJson = False,
) -> None:
    """Show what was charged most, and how that changed from the period of the same length before."""
    with connect(context) as client:
        query = scope.scope_of(
            client,
            key=key,
            project=project,
            user=user,
            provider=provider,
            tag=tag,
            everyone=everyone,
            model=model,
            endpoint=endpoint,
            status=status,
            outcome=outcome,
        )
        answer = client.api.show_usage(
            group_by=by,
            from_=since,
            to=until,
            time_zone=time_zone,
            compare="previous",
            sort="-charge_nanodollars,-requests",
            per_page=count,
            **query,
        )
    report: Record = answer["data"]
    rows = records(report.get("rows"))
    if as_json:
        say_json(rows)
        return
    if not rows:
        note("Nothing was used then.")
        return
    columns = [scope.dimension(name) for name in texts(report, "group_by")]
    say_table([*columns, *scope.FIGURES, scope.CHARGE, ("CHANGE", _change)], rows, right=scope.RIGHT)
    totals = record(report.get("totals"))
    note("", f"{len(rows)} of {answer['meta']['total']}; all of them: {text(totals, 'charge_usd')} USD.")


def forecast(  # noqa: PLR0913, PLR0917 - each is an option of the command
    context: typer.Context,
    period: Annotated[str, typer.Option(metavar="PERIOD", help="The running day, week or month.")] = "month",
    time_zone: scope.Zone = None,
    project: scope.Project = None,
    key: scope.Key = None,
    user: scope.User = None,
    model: scope.Model = None,
    provider: scope.Provider = None,
    endpoint: scope.Endpoint = None,
    status: scope.Status = None,
    outcome: scope.Outcome = None,
    tag: scope.Tag = None,
    *,
    everyone: scope.Everyone = False,
    as_json: AsJson = False,
) -> None:
    """Estimate what the running period will come to, if things go on as they did lately."""
    with connect(context) as client:
        query = scope.scope_of(
            client,
            key=key,
            project=project,
            user=user,
            provider=provider,
            tag=tag,
            everyone=everyone,
            model=model,
            endpoint=endpoint,
            status=status,
            outcome=outcome,
        )
        found: Record = client.api.forecast_usage(period=period, time_zone=time_zone, **query)  # type: ignore[arg-type]
    if as_json:
        say_json(found)
        return
    lines = [{"what": "so far", **record(found.get("so_far"))}, {"what": "expected", **record(found.get("expected"))}]
    say_table([("", lambda row: text(row, "what")), *scope.FIGURES, scope.CHARGE], lines, right=scope.RIGHT)
    say("", f"An estimate for {text(found, 'start')[:10]} until {text(found, 'end')[:16]}Z.")
    note(text(found, "method"))
