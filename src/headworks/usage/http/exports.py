"""Reports and records as files, written while they are read: none is ever held whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from headworks.kernel.clock import now
from headworks.kernel.principal import Principal
from headworks.kernel.web import Router, provided, raises, require
from headworks.usage import queries
from headworks.usage.domain.exporting import CSV, Column, Format, Kind, Line, csv_line
from headworks.usage.errors import ParquetMissing
from headworks.usage.http.events import RecordsScope, UsageEventOut, event_out
from headworks.usage.http.shapes import GroupOut, SplitQuery, UsageRow, row_out
from headworks.usage.ports import Names, Tables, UsageStore
from headworks.usage.settings import UsageSettings

router = Router()

_Store = Annotated[UsageStore, provided(UsageStore)]
_Tables = Annotated[Tables, provided(Tables)]
_Reader = Annotated[Principal, require("usage:read")]


class ReportExportQuery(SplitQuery):
    """What to report, and as what."""

    format: Format = Field("csv", description="`csv`, or `parquet`.")


class RecordsExportQuery(RecordsScope):
    """Which requests, and as what."""

    format: Format = Field("csv", description="`csv`, or `parquet`.")


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is written while its lines are read."""

    organization_id: str
    name: str
    """Of the file, without what tells its format."""
    format: Format
    columns: list[Column]
    lines: AsyncIterator[list[Line]]
    tables: Tables

    def pieces(self) -> AsyncIterator[bytes]:
        """What is in it. Raises ParquetMissing, at once."""
        if self.format == CSV:
            return _csv(self.columns, self.lines)
        return self.tables.parquet(self.columns, self.lines)


async def report(
    principal: _Reader,
    store: _Store,
    names: Annotated[Names, provided(Names)],
    settings: Annotated[UsageSettings, provided(UsageSettings)],
    tables: _Tables,
    query: Annotated[ReportExportQuery, Query()],
) -> Export:
    """A report, all of its rows."""
    group_by = query.dimensions()
    wanted, _ = query.wanted(principal, settings, now())
    page = query.order(1, 1)
    columns = _report_columns(group_by, compares=wanted.previous_from_s is not None)

    async def lines() -> AsyncIterator[list[Line]]:
        async with store.read(wanted.organization_id) as reading:
            async for rows in queries.every_row(reading, wanted, group_by, page):
                known = await queries.names_of(names, wanted.organization_id, group_by, rows.items)
                yield [_report_line(row_out(row, group_by, known), columns) for row in rows.items]

    return Export(principal.organization_id, "usage", query.format, columns, lines(), tables)


async def records(
    principal: _Reader, store: _Store, tables: _Tables, query: Annotated[RecordsExportQuery, Query()]
) -> Export:
    """Single requests, all of them. Raises what `queries.must_be_kept` does."""
    wanted = query.wanted(principal)
    async with store.read(wanted.organization_id) as reading:
        await queries.must_be_kept(reading, wanted)
    columns = [Column(name, _kind(name)) for name in UsageEventOut.model_fields]

    async def lines() -> AsyncIterator[list[Line]]:
        async for found in queries.every_record(store, wanted):
            numbers = [record.sequence for record in found]
            adjusted = await store.bookkeeper.adjustments(principal.organization_id, numbers)
            shown = [event_out(record, adjusted.get(record.sequence)) for record in found]
            yield [tuple(_plain(one, column.name) for column in columns) for one in shown]

    return Export(principal.organization_id, "usage-events", query.format, columns, lines(), tables)


@router.get(
    "/usage/export",
    summary="Export a report",
    response_class=StreamingResponse,
    dependencies=[raises(ParquetMissing)],
)
async def export_usage(export: Annotated[Export, Depends(report)]) -> StreamingResponse:
    """A report as a file, all of its rows. Amounts and counts are whole numbers; amounts are in nanodollars, too."""
    return _file(export)


@router.get(
    "/usage-events/export",
    summary="Export requests",
    response_class=StreamingResponse,
    dependencies=[raises(ParquetMissing)],
)
async def export_usage_events(export: Annotated[Export, Depends(records)]) -> StreamingResponse:
    """Single requests as a file, all of them, the newest first."""
    return _file(export)


def _report_columns(group_by: tuple[str, ...], *, compares: bool) -> list[Column]:
    """Of the dimensions that it is split by, and of all figures."""
    split = _split_fields(group_by)
    figures = [name for name in UsageRow.model_fields if name not in GroupOut.model_fields and name not in _COMPARED]
    tags = [Column(f"tag_{name.removeprefix('tag:')}", "text") for name in group_by if name.startswith("tag:")]
    columns = [Column(name, _kind(name)) for name in split]
    columns += [*tags, *(Column(name, _summed(name)) for name in figures)]
    if compares:
        columns += [Column(f"previous_{name}", _summed(name)) for name in figures]
        columns.append(Column("charge_change_ppm", "sum"))
    return columns


_COMPARED = frozenset({"previous", "charge_change_ppm"})


def _split_fields(group_by: tuple[str, ...]) -> list[str]:
    fields: list[str] = []
    for dimension in group_by:
        if dimension in {"minute", "hour"}:
            fields.append("start")
        elif f"{dimension}_id" in GroupOut.model_fields:
            fields.append(f"{dimension}_id")
            if f"{dimension}_name" in GroupOut.model_fields:
                fields.append(f"{dimension}_name")
        elif dimension in GroupOut.model_fields:
            fields.append(dimension)
    return list(dict.fromkeys(fields))


def _report_line(row: UsageRow, columns: list[Column]) -> Line:
    tags = row.tags or {}
    values: list[object] = []
    for column in columns:
        if column.name.startswith("tag_") and column.name not in UsageRow.model_fields:
            values.append(tags.get(column.name.removeprefix("tag_")))
        elif column.name.startswith("previous_"):
            values.append(_plain(row.previous, column.name.removeprefix("previous_")))
        else:
            values.append(_plain(row, column.name))
    return tuple(values)


def _kind(name: str) -> Kind:
    field = UsageEventOut.model_fields.get(name) or UsageRow.model_fields[name]
    if name == "streamed":
        return "boolean"
    if name in {"occurred_at", "start"}:
        return "time"
    if name == "day":
        return "day"
    return "whole" if field.annotation in (int, int | None) else "text"


def _summed(name: str) -> Kind:
    kind = _kind(name)
    return "sum" if kind == "whole" else kind


def _plain(shown: object, name: str) -> object:
    value = getattr(shown, name)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _file(export: Export) -> StreamingResponse:
    """Raises ParquetMissing."""
    headers = {"content-disposition": f'attachment; filename="{export.name}.{export.format}"'}
    kind = "text/csv; charset=utf-8" if export.format == CSV else "application/vnd.apache.parquet"
    return StreamingResponse(export.pieces(), media_type=kind, headers=headers)


async def _csv(columns: list[Column], lines: AsyncIterator[list[Line]]) -> AsyncIterator[bytes]:
    yield csv_line([column.name for column in columns]).encode()
    async for some in lines:
        yield "".join(map(csv_line, some)).encode()
