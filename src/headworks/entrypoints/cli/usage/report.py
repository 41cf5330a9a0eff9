"""`headworks usage`: requests, tokens and cost by any mix of dimensions."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.output import counted, note, say_json, say_table
from headworks.entrypoints.cli.records import Record, number, record, records, text, texts
from headworks.entrypoints.cli.session import AsJson, connect
from headworks.entrypoints.cli.usage import scope
from headworks.entrypoints.cli.usage.files import Store, put, save, wish

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.client.shapes import UsageReport, UsageReportEnvelope, UsageRow

_PER_PAGE = 1000


def usage(  # noqa: PLR0913, PLR0917 - each is an option of the command
    context: typer.Context,
    group_by: scope.GroupBy = "key,model,day",
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
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the rows to a CSV file; - for here.")] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the rows to a Parquet file.")] = None,
    store: Store = None,
    *,
    everyone: scope.Everyone = False,
    as_json: AsJson = False,
) -> None:
    """Show who used what, and what it cost.

    Tokens are counted as the provider counts them; a `~` marks figures of which a part was estimated, because the provider
    did not say. A `+` behind a cost: some of the requests have no price. With --json: the rows.
    """
    if context.invoked_subcommand is not None:
        return
    with connect(context) as client:
        query = scope.scope_of(
            client,
            key=key,
            project=project,
            user=user,
            provider=provider,
            tag=tag,
            everyone=everyone,
            group_by=group_by,
            model=model,
            endpoint=endpoint,
            status=status,
            outcome=outcome,
            time_zone=time_zone,
        )
        asked = {**query, "from": since, "to": until}
        if store is not None:
            put(client, "/usage/export", asked, store, as_json=as_json)
            return
        if (file := wish(csv, parquet)) is not None:
            save(client, "/usage/export", asked, file)
            return
        report = _whole(partial(client.api.show_usage, from_=since, to=until, **query))
    if as_json:
        say_json(report["rows"])
        return
    _show(report)


def _whole(show: "Callable[..., UsageReportEnvelope]") -> "UsageReport":
    """The report with the rows of every page. Raises Refused, Unreachable."""
    rows: list[UsageRow] = []
    page = 1
    while True:
        answer = show(page=page, per_page=_PER_PAGE)
        rows += answer["data"]["rows"]
        if page >= answer["meta"]["total_pages"]:
            return {**answer["data"], "rows": rows}
        page += 1


def _show(report: Record) -> None:
    rows = records(report.get("rows"))
    period = f"{text(report, 'first_day')} to {text(report, 'last_day')} ({text(report, 'time_zone', 'UTC')})"
    if not rows:
        note(f'Nothing was used from {period}. A first request: eval "$(headworks env)", then any OpenAI SDK.')
        return
    columns = [*(scope.dimension(name) for name in texts(report, "group_by")), *scope.FIGURES]
    totals = record(report.get("totals"))
    if number(totals, "charge_nanodollars") != number(totals, "cost_nanodollars"):
        columns.append(scope.CHARGE)
    say_table(columns, rows, right=scope.RIGHT)
    newest = f" The newest record is of {text(report, 'as_of')[:19]}Z." if text(report, "as_of") else ""
    note("", f"{period}: {counted(number(totals, 'requests'), 'request')}, {scope.cost(totals)} USD.{newest}")
    if waiting := number(report, "waiting_records"):
        note(f"{counted(waiting, 'request')} ended and not stored yet.")
    if days := number(report, "days_being_made"):
        note(f"{counted(days, 'day')} being added up anew: until that is done, figures may lack something.")
    if unpriced := number(totals, "unpriced_requests"):
        note(
            f"{counted(unpriced, 'request')} without a price: headworks prices add --provider NAME --upstream-model MODEL --input USD"
        )
