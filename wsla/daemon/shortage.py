"""When this machine has no file descriptors or memory left to look with: told once when it begins and when it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wsla.ports import Clock
from wsla.sources.network.failures import Failure
from wsla.values.instants import MINUTE
from wsla.values.observations import Observation

SHORT: Final = (
    "This machine has no file descriptors or memory left for some looks; what they would have found is unknown. "
    "Allow more open files (LimitNOFILE in a systemd unit), or fewer looks at once (limits.concurrency in wsla.toml)."
)
ENOUGH: Final = "There are file descriptors and memory enough again."
_OVER_AFTER: Final = MINUTE
"""While it lasts some looks still succeed; it is over once none has failed for so long."""


class Shortage:
    """``tell`` takes what an operator should know."""

    def __init__(self, clock: Clock, tell: Callable[[str], None]) -> None:
        self._clock: Final = clock
        self._tell: Final = tell
        self._last: int | None = None

    def note(self, observation: Observation) -> None:
        """A look has ended."""
        if observation.failure == Failure.OBSERVER_RESOURCES:
            begins = self._last is None
            self._last = self._clock.monotonic()
            if begins:
                self._tell(SHORT)
        elif self._last is not None and self._clock.monotonic() - self._last >= _OVER_AFTER:
            self._last = None
            self._tell(ENOUGH)
