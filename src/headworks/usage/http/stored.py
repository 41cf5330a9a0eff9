"""Exports that are put into the object store, and read there by a link."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

from fastapi import Depends
from fastapi.responses import StreamingResponse

from headworks.kernel.clock import now
from headworks.kernel.errors import HeadworksError
from headworks.kernel.ids import new_id
from headworks.kernel.objects import Objects, ObjectsUnavailable
from headworks.kernel.telemetry import logger
from headworks.kernel.web import ResponseModel, Router, Timestamp, provided, raises, repeatable
from headworks.usage.errors import ObjectStoreMissing, ParquetMissing
from headworks.usage.http.exports import Export, records, report
from headworks.usage.ports import UsageStore
from headworks.usage.settings import UsageSettings

router = Router()

_log = logger(__name__)

_TOLD_EVERY_SECONDS = 1


class StoredOut(ResponseModel):
    """A line of the answer: how far it is, and at the end where it lies or why it does not."""

    bytes: int
    """Written so far."""
    name: str | None = None
    """Of the object. Null in all lines but the last."""
    link: str | None = None
    """Whoever has it may read the file."""
    link_expires_at: Timestamp | None = None
    error: dict[str, str] | None = None
    """`code` and `message`: nothing was stored."""


async def _objects(objects: Annotated[Objects | None, provided(Objects)]) -> Objects:
    """Raises ObjectStoreMissing, and ObjectsUnavailable before anything is promised."""
    if objects is None:
        raise ObjectStoreMissing
    await objects.probe()
    return objects


_Objects = Annotated[Objects, Depends(_objects)]
_Store = Annotated[UsageStore, provided(UsageStore)]
_Settings = Annotated[UsageSettings, provided(UsageSettings)]
_RULES = [repeatable(), raises(ParquetMissing, ObjectStoreMissing, ObjectsUnavailable)]


class _Lines(StreamingResponse):
    media_type = "application/x-ndjson"


@router.post("/usage/export", summary="Store a report", response_class=_Lines, dependencies=_RULES)
async def store_usage(
    export: Annotated[Export, Depends(report)], objects: _Objects, store: _Store, settings: _Settings
) -> _Lines:
    """A report, put into the object store as a file.

    The answer is lines of JSON: each second one with `bytes`, what is written so far; the last one with `name`, `link` and
    `link_expires_at` as well, or with `error`, which has `code` and `message`, and then nothing was stored.
    """
    return await _storing(export, objects, store, settings)


@router.post("/usage-events/export", summary="Store requests", response_class=_Lines, dependencies=_RULES)
async def store_usage_events(
    export: Annotated[Export, Depends(records)], objects: _Objects, store: _Store, settings: _Settings
) -> _Lines:
    """Single requests, put into the object store as a file; the answer is that of a report."""
    return await _storing(export, objects, store, settings)


async def _storing(export: Export, objects: Objects, store: UsageStore, settings: UsageSettings) -> _Lines:
    """Raises ParquetMissing, Unavailable."""
    pieces = export.pieces()
    name = f"{export.organization_id}/{export.name}/{now():%Y-%m-%dT%H-%M-%SZ}-{new_id('exp')}.{export.format}"
    await store.bookkeeper.note_export(export.organization_id, name)
    return _Lines(_told(name, pieces, objects, settings.link_seconds))


async def _told(name: str, pieces: AsyncIterator[bytes], objects: Objects, link_seconds: int) -> AsyncIterator[str]:
    written = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal written
        async for piece in pieces:
            written += len(piece)
            yield piece

    # Who asked and has left is heard of here: what is under way ends with the answer.
    storing = asyncio.create_task(objects.put(name, counted()), name="storing an export")
    try:
        while not (await asyncio.wait({storing}, timeout=_TOLD_EVERY_SECONDS))[0]:
            yield _line(StoredOut(bytes=written))
        await storing
        link = await objects.link(name, link_seconds)
        until = now() + timedelta(seconds=link_seconds)
        yield _line(StoredOut(bytes=written, name=name, link=link, link_expires_at=until))
    except HeadworksError as error:
        _log.warning("an export was not stored", name=name, error=str(error))
        yield _line(StoredOut(bytes=written, error={"code": error.code, "message": error.message}))
    finally:
        storing.cancel()


def _line(told: StoredOut) -> str:
    return json.dumps(told.model_dump(mode="json")) + "\n"
