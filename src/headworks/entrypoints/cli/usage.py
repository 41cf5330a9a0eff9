"""`headworks usage`: requests, tokens and cost by key, model and day."""

from typing import Annotated

import typer

from headworks.entrypoints.cli.client import Client
from headworks.entrypoints.cli.keys.changing import find_key
from headworks.entrypoints.cli.output import Column, counted, note, say_json, say_table
from headworks.entrypoints.cli.records import Record, number, record, records, text
from headworks.entrypoints.cli.session import AsJson, connect


def _cost(row: Record) -> str:
    estimated = "~" if number(row, "estimated_requests") else ""
    more = "+" if number(row, "unpriced_requests") else ""
    return f"{estimated}{text(row, 'cost_usd')}{more}"


_DIMENSIONS: dict[str, Column] = {
    "key": ("KEY", lambda row: text(row, "key_name") or text(row, "key_id", "-")),
    "model": ("MODEL", lambda row: text(row, "model") or "(none)"),
    "day": ("DAY", lambda row: text(row, "day")),
}
_FIGURES: tuple[Column, ...] = (
    ("REQUESTS", lambda row: f"{number(row, 'requests'):,}"),
    ("INPUT", lambda row: f"{number(row, 'input_tokens'):,}"),
    ("OUTPUT", lambda row: f"{number(row, 'output_tokens'):,}"),
    ("ERRORS", lambda row: f"{number(row, 'errors'):,}"),
    ("COST USD", _cost),
)
_PER_PAGE = 1000


def usage(
    context: typer.Context,
    group_by: Annotated[
        str, typer.Option(metavar="LIST", help="What to split by: key, model, day, with commas between.")
    ] = "key,model,day",
    first_day: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First UTC day, such as 2026-01-31.  [default: 30 days]")
    ] = None,
    last_day: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last UTC day, included.  [default: today]")
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Only of this key, by id or name.")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this model.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show who used what, and what it cost.

    Tokens are counted as the provider counts them; a `~` marks figures of which a part was estimated, because the provider
    did not say. A `+` behind a cost: some of the requests have no price. With --json: the rows.
    """
    with connect(context) as client:
        query: dict[str, str | int] = {"group_by": group_by}
        given = {"from": first_day, "to": last_day, "model": model}
        query.update({name: value for name, value in given.items() if value is not None})
        if key is not None:
            query["key_id"] = find_key(client, key)
        report = whole_report(client, query)
    if as_json:
        say_json(report.get("rows"))
        return
    _show(report)


def whole_report(client: Client, query: dict[str, str | int]) -> Record:
    """The report with the rows of every page. Raises Refused, Unreachable."""
    rows: list[Record] = []
    page = 1
    while True:
        answer = client.call("GET", "/usage", query={**query, "page": page, "per_page": _PER_PAGE})
        report = record(answer.get("data"))
        rows += records(report.get("rows"))
        if page >= number(record(answer.get("meta")), "total_pages"):
            return {**report, "rows": rows}
        page += 1


def _show(report: Record) -> None:
    rows = records(report.get("rows"))
    period = f"{text(report, 'first_day')} to {text(report, 'last_day')} (UTC)"
    if not rows:
        note(f'Nothing was used from {period}. A first request: eval "$(headworks env)", then any OpenAI SDK.')
        return
    group_by = report.get("group_by")
    split = [name for name in _DIMENSIONS if isinstance(group_by, list) and name in group_by]
    columns = [*(_DIMENSIONS[name] for name in split), *_FIGURES]
    totals = record(report.get("totals"))
    say_table(columns, rows, right=frozenset(title for title, _ in _FIGURES))
    newest = f" The newest record is of {text(report, 'as_of')[:19]}Z." if text(report, "as_of") else ""
    note("", f"{period}: {counted(number(totals, 'requests'), 'request')}, {_cost(totals)} USD.{newest}")
    if unpriced := number(totals, "unpriced_requests"):
        note(
            f"{counted(unpriced, 'request')} without a price: headworks prices add --provider NAME --upstream-model MODEL --input USD"
        )
