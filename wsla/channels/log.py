"""Messages to a log: one JSON line each, to a file, a stream, or the ``wsla.notices`` logger.

A line counts as delivered once it was written and flushed, and in a file also forced to the disk.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Final, TextIO

from attrs import evolve

from wsla.channels.failures import delivered, permanent, temporary
from wsla.channels.notice import NoticeError, encode_canonical, notice_document
from wsla.ports import Clock, Delivery, DeliveryResult
from wsla.values.instants import format_instant

LOGGER_NAME: Final = "wsla.notices"
_FILE_MODE: Final = 0o640
# Without this, opening a pipe that nobody reads would wait for ever.
_OPEN_FLAGS: Final = (
    os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)


class LogChannel:
    """Writes notices to ``target``: a path, an open text stream, or (None) the logger ``wsla.notices``.

    A file is opened anew for each message, so that it may be rotated at any time. A stream is not closed.
    """

    def __init__(self, target: Path | TextIO | None, *, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._lock = threading.Lock()

    async def send(self, delivery: Delivery) -> DeliveryResult:
        """One attempt. Every failure to write is temporary, for disks are emptied and rights are granted."""
        # Whoever may read a log need not be one who may acknowledge.
        shown = evolve(delivery, acknowledge_url=None)
        document = {**notice_document(shown), "at": format_instant(self._clock.now())}
        try:
            line = encode_canonical(document)
        except NoticeError as error:
            return permanent(str(error))
        try:
            # A disk or a pipe may take its time; the event loop must not wait with it.
            await asyncio.to_thread(self._write, line)
        except OSError as error:
            return temporary(f"the notice could not be written: {error.strerror or type(error).__name__}")
        except ValueError:
            return temporary("the notice could not be written: the stream is closed")
        return delivered()

    async def close(self) -> None:
        """Nothing is held between messages."""

    def _write(self, line: bytes) -> None:
        with self._lock:
            match self._target:
                case None:
                    _write_to_logger(line.decode("utf-8"))
                case Path() as path:
                    _append(path, line)
                case stream:
                    _write_to_stream(stream, line.decode("utf-8"))


def _write_to_logger(line: str) -> None:
    logger = logging.getLogger(LOGGER_NAME)
    if logger.isEnabledFor(logging.INFO) and logger.hasHandlers():
        logger.info("%s", line)
    else:
        # A logger without handlers drops its messages, and a notice must not vanish.
        _write_to_stream(sys.stderr, line)


def _write_to_stream(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()


def _append(path: Path, line: bytes) -> None:
    handle = os.open(path, _OPEN_FLAGS, _FILE_MODE)
    try:
        status = os.fstat(handle)
        regular = stat.S_ISREG(status.st_mode)
        # An earlier write that ran out of disk may have left half a line.
        torn = regular and status.st_size > 0 and _last_byte(handle) != b"\n"
        rest = memoryview((b"\n" if torn else b"") + line + b"\n")
        while rest:
            rest = rest[os.write(handle, rest) :]
        if regular:
            os.fsync(handle)
    finally:
        os.close(handle)
    if regular and status.st_size == 0:
        _force_entry(path.parent)


def _last_byte(handle: int) -> bytes:
    os.lseek(handle, -1, os.SEEK_END)
    return os.read(handle, 1)


def _force_entry(folder: Path) -> None:
    """Make a new file's name as durable as its content, where the system lets folders be synchronised."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
