"""`headworks usage`: requests, tokens and cost by key, model and day."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from headworks.entrypoints.cli.completion import completing
from headworks.entrypoints.cli.nouns import KEYS, MODELS, find
from headworks.entrypoints.cli.output import Column, counted, note, say_json, say_table
from headworks.entrypoints.cli.records import Record, number, record, records, text
from headworks.entrypoints.cli.session import AsJson, connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from headworks.client.shapes import UsageReport, UsageReportEnvelope, UsageRow


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
    key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Only of this key, by id or name.", autocompletion=completing(KEYS)),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this model.", autocompletion=completing(MODELS))
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show who used what, and what it cost.

    Tokens are counted as the provider counts them; a `~` marks figures of which a part was estimated, because the provider
    did not say. A `+` behind a cost: some of the requests have no price. With --json: the rows.
    """
    with connect(context) as client:
        key_id = None if key is None else find(client, KEYS, key)["id"]
        report = _whole(
            partial(client.api.show_usage, group_by=group_by, from_=first_day, to=last_day, key_id=key_id, model=model)
        )
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
