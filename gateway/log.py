"""Log lines as JSON on standard output, one object a line.

The request's id is bound by `structlog.contextvars` and appears on every line of that request. What is not plain text,
a number or a list of such is named by its type only: a record or a config never reaches the log by accident.
"""

import json
import logging
import math
import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import PurePath
from traceback import walk_tb
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LONGEST = 1000  # characters of one value
LONGEST_ERROR = 300
FRAMES = 30
DEEPEST = 4  # lists in lists, and errors behind errors
USER = re.compile(r"://[^\s/@'\"]+@")  # of an address
QUERY = re.compile(r"((?:://|(?<![^\s'\"(])/)[^\s?'\"]*)\?[^\s'\"]+")
NOISY = ("httpx", "httpcore2", "hpack", "aiosqlite", "asyncio", "alembic")


def configure(level: str = "info") -> None:
    """Send our own lines and those of libraries the same way. For the start of a process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _render_error,
    ]
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, _render_plain],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render_plain],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(least)
    for name in NOISY:  # below a warning they tell addresses and statements
        logging.getLogger(name).setLevel(logging.WARNING)


def _render_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Put what `exc_info` names under `trace`. No locals and no source lines: both hold people's data."""
    found = event.pop("exc_info", None)
    if isinstance(found, tuple):
        found = found[1]
    elif found and not isinstance(found, BaseException):
        found = sys.exc_info()[1]
    if found:
        event["trace"] = [_error(error) for error in _causes(found)]
    return event


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Go from an error to what was behind it; of a group, to its first."""
    behind: BaseException | None = error
    for _ in range(DEEPEST):
        if behind is None:
            return
        yield behind
        if isinstance(behind, BaseExceptionGroup):
            behind = behind.exceptions[0]
        else:
            behind = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)


def _error(error: BaseException) -> dict[str, Any]:
    """Only the first line of the text: databases quote rows on the others."""
    text = str(error).partition("\n")[0][:LONGEST_ERROR]
    return {"type": type(error).__qualname__, "text": text, "at": _places(error.__traceback__)}


def _places(traceback: TracebackType | None) -> list[str]:
    places = [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}" for frame, line in walk_tb(traceback)
    ]
    return places[-FRAMES:]


def _render_plain(_: WrappedLogger, __: str, event: EventDict) -> str:
    """Only ASCII comes out, with control characters escaped: a value can neither end its line nor steer a terminal."""
    return json.dumps(_plain(event, DEEPEST), allow_nan=False)


def _plain(value: object, depth: int) -> Any:  # noqa: ANN401  # whatever JSON has
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case str() | date() | PurePath():
            return _clean(str(value))
        case dict() if depth:
            return {str(key): _plain(item, depth - 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth:
            return [_plain(item, depth - 1) for item in value]
        case _:
            return f"<{type(value).__qualname__}>"


def _clean(text: str) -> str:
    """Take out of addresses who calls and what is asked: libraries put whole addresses into their messages."""
    return QUERY.sub(r"\1?***", USER.sub("://***@", text[: 4 * LONGEST]))[:LONGEST]
