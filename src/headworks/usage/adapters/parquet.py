"""Parquet, by Apache Arrow's own library. It is loaded when somebody asks for a file: 60 MB that a server has no other use for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from headworks.usage.errors import ParquetMissing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from headworks.usage.domain.exporting import Column, Line

_DIGITS: Final = 38
_ROWS: Final = 20_000
"""In a row group: as much as is held in memory at a time."""


class ArrowTables:
    """The port `Tables`."""

    def parquet(self, columns: Sequence[Column], lines: AsyncIterator[Sequence[Line]]) -> AsyncIterator[bytes]:
        """Raises ParquetMissing."""
        try:
            arrow, writing = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            raise ParquetMissing from error
        return _written(arrow, writing, columns, lines)


class _Sink:
    """A file that is taken away while it is written."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def write(self, piece: Any) -> int:  # noqa: ANN401 - a buffer of Arrow's
        """How many bytes."""
        taken = bytes(piece)
        self._pieces.append(taken)
        self._written += len(taken)
        return len(taken)

    def tell(self) -> int:
        """How far the file has come."""
        return self._written

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


async def _written(
    arrow: Any,  # noqa: ANN401 - a module
    writing: Any,  # noqa: ANN401 - a module
    columns: Sequence[Column],
    lines: AsyncIterator[Sequence[Line]],
) -> AsyncIterator[bytes]:
    kinds = {
        "whole": arrow.int64(),
        "sum": arrow.decimal128(_DIGITS, 0),
        "text": arrow.string(),
        "boolean": arrow.bool_(),
        "time": arrow.timestamp("us", tz="UTC"),
        "day": arrow.date32(),
    }
    schema = arrow.schema([(column.name, kinds[column.kind]) for column in columns])
    sink = _Sink()
    writer = writing.ParquetWriter(sink, schema, compression="zstd")

    def write(group: list[Line]) -> bytes:
        cells = zip(*group, strict=True) if group else ((),) * len(columns)
        arrays = [arrow.array(values, type=field.type) for field, values in zip(schema, cells, strict=True)]
        writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
        return sink.take()

    waiting: list[Line] = []
    async for some in lines:
        waiting += some
        if len(waiting) >= _ROWS:
            yield write(waiting)
            waiting = []
    if waiting:
        yield write(waiting)
    writer.close()
    yield sink.take()
