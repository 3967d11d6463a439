"""The daemon's log: one line an event on standard error, for people or as JSON."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Final, TextIO

_LINE_BREAKING: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_UNREADABLE: Final = re.compile("[\ud800-\udfff]")
_LEVELS: Final = {"wsla": logging.INFO, "asyncio": logging.ERROR, "uvicorn": logging.ERROR}


class TextFormatter(logging.Formatter):
    """``2026-03-04T10:00:00.123Z warning wsla.daemon.outbox: …``"""

    def format(self, record: logging.LogRecord) -> str:
        """One line; what would break it is escaped."""
        return f"{_time(record)} {record.levelname.lower()} {record.name}: {one_line(_message(self, record))}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``logger``, ``message``, and ``exception`` where there was one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields = {
            "at": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=True)


def set_up_logging(form: str, stream: TextIO | None = None) -> logging.Handler:
    """Sends the records of ``wsla`` to a stream (standard error), as ``text`` or ``json``; returns the handler.

    So it does with errors of what runs beneath it, which would otherwise write them in a form of their own.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    for name, level in _LEVELS.items():
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addHandler(handler)
        logger.propagate = False
    return handler


def take_down_logging(handler: logging.Handler) -> None:
    """Undoes ``set_up_logging``."""
    for name in _LEVELS:
        logger = logging.getLogger(name)
        logger.removeHandler(handler)
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


def one_line(text: str) -> str:
    """The text without anything that breaks a line, or that a terminal would obey."""
    text = _LINE_BREAKING.sub(lambda match: f"\\x{ord(match[0]):02x}", text.replace("\n", " | "))
    return _UNREADABLE.sub("?", text)


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    message = record.getMessage()
    return f"{message} {formatter.formatException(record.exc_info)}" if record.exc_info else message


def _time(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"
