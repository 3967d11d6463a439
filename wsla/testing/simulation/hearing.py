"""Listens to what the daemon logs: an error that nobody has simulated is found as one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_EXPECTED: Final = (
    "the probe of %s failed",
    "the channel to %s failed",
    "“%s”: given up after attempt %d, in the dead letters now: %s to %s (%s)",
    "an observation of %s cannot be stored: %s",
)
_WORTH_HEARING: Final = ("what is stored stands, and is not what was computed now: %s (%d in all)",)


class _Ear(logging.Handler):
    def __init__(self, found: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._found: Final = found

    def emit(self, record: logging.LogRecord) -> None:
        if (record.levelno >= logging.ERROR and record.msg not in _EXPECTED) or record.msg in _WORTH_HEARING:
            error = record.exc_info[1] if record.exc_info else None
            self._found(f"{record.getMessage()}{f': {error!r}' if error is not None else ''}")


@contextmanager
def listening(found: Callable[[str], None]) -> Iterator[None]:
    """While inside, nothing of what the daemon logs goes anywhere but here; ``found`` takes what is worth a look."""
    logger = logging.getLogger("wsla")
    before, propagates, ear = logger.level, logger.propagate, _Ear(found)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.addHandler(ear)
    try:
        yield
    finally:
        logger.removeHandler(ear)
        logger.setLevel(before)
        logger.propagate = propagates
