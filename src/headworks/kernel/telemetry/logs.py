"""Logs: one JSON object a line on standard error, in the same shape that the engine writes.

`timestamp`, `level`, `event`, `logger` are always there; `request_id` where a request is being served. Whatever looks
like one of our keys is masked in the finished line, wherever it came from.
"""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, TextIO, cast

from headworks.kernel.secrets.masking import mask_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """To what is imported within, that module is not installed."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)  # None hides, says the documentation of `import`
    before = {name: modules[name]} if name in modules else {}
    modules[name] = None
    try:
        yield
    finally:
        del modules[name]
        modules.update(before)


# It would take Rich along, for tracebacks on a terminal, to which we never write: 3.5 MiB of each process.
with _hidden("rich"):
    import structlog
    from structlog.contextvars import bound_contextvars, merge_contextvars

LogLevel = Literal["debug", "info", "warning", "error"]

_LEVELS: Final[dict[LogLevel, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_NAME: Final = "logger_name"
"""How the name travels: structlog has an argument called `logger` of its own."""


def logger(name: str) -> FilteringBoundLogger:
    """What a module writes its log with.

    Made once at its top: `_log = logger(__name__)`.
    """
    log: FilteringBoundLogger = structlog.get_logger(**{_NAME: name})
    return log


def configure_logs(level: LogLevel, stream: TextIO | None = None) -> None:
    """Write from `level` up, to `stream` or standard error; other libraries' `logging` goes the same way."""
    structlog.configure(
        processors=[
            merge_contextvars,
            structlog.processors.add_log_level,
            _name_logger,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
            _mask_keys,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_ToStructlog()]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


@contextmanager
def bind_request_id(request_id: str) -> Iterator[None]:
    """Put `request_id` into every line that is logged inside the block."""
    with bound_contextvars(request_id=request_id):
        yield


class _ToStructlog(logging.Handler):
    """Turns a record of the standard library into one of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        log = logger(record.name)
        log.log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _name_logger(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["logger"] = event.pop(_NAME, "")
    return event


def _mask_keys(_logger: WrappedLogger, _method: str, line: EventDict | str) -> str:
    return mask_keys(str(line))
