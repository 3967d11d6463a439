"""The daemon's time: follows the machine's clock, and never goes back."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from wsla.values.instants import MILLISECOND, SECOND, format_length

_log = logging.getLogger(__name__)

_UNNOTICED: Final = 2 * MILLISECOND
_WORTH_SAYING: Final = SECOND
_SLOWER_BY: Final = 10
"""While the machine's clock is behind, this time runs slower by a tenth, until the two agree again."""


class SystemClock:
    """Wall and monotonic time in nanoseconds.

    ``now`` is the machine's clock as long as that runs forward. A jump forward (after a suspend, or a correction) is
    taken over at once. A step back is not: observations would come out of order and could be booked twice. The
    daemon's time then runs a tenth slower until the machine's clock has caught up.
    """

    def __init__(
        self,
        wall: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall: Final = wall
        self._monotonic: Final = monotonic
        self._lock: Final = threading.Lock()
        self._last_monotonic = monotonic()
        self._last = wall()
        self._behind = False
        self.stepped_back = 0

    def now(self) -> int:
        """Nanoseconds since the epoch, UTC; never less than before."""
        with self._lock:
            wall, monotonic = self._wall(), self._monotonic()
            passed = max(monotonic - self._last_monotonic, 0)
            expected = self._last + passed
            lag = expected - wall
            if lag <= _UNNOTICED:
                self._last = max(wall, self._last)
                self._behind = False
            else:
                self._tell(lag)
                self._last = max(wall, expected - passed // _SLOWER_BY)
            self._last_monotonic = monotonic
            return self._last

    def hold(self, instant: int) -> int:
        """Sees to it that the time is later than an instant; returns by how much it was earlier, 0 where it was not."""
        with self._lock:
            lag = max(instant + 1 - self._wall(), 0)
            self._last = max(self._last, instant + 1)
            return lag

    def monotonic(self) -> int:
        """Nanoseconds of a clock that never steps."""
        return self._monotonic()

    async def sleep(self, nanoseconds: int) -> None:
        """Wait for a length of time."""
        await asyncio.sleep(nanoseconds / SECOND)

    def _tell(self, lag: int) -> None:
        if self._behind:
            return
        self._behind = True
        if lag >= _WORTH_SAYING:
            self.stepped_back += 1
            _log.warning(
                "the machine's clock stepped back by %s; the daemon's time runs slower until it has caught up",
                format_length(lag // MILLISECOND * MILLISECOND),
            )
