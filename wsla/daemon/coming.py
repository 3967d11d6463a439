"""When the passing of time alone changes something next, asked for seldom: the answer costs a look at every goal."""

from __future__ import annotations

from typing import Final

from wsla.daemon.versions import Judging
from wsla.ports import Clock
from wsla.values.instants import SECOND

_SHARE: Final = 20


class Coming:
    """Remembers what the engine said last. Asking takes at most a twentieth of the time, whatever the engine costs."""

    def __init__(self, engine: Judging, clock: Clock) -> None:
        self._engine: Final = engine
        self._clock: Final = clock
        self._known: int | None = None
        self._stale = True
        self._ask_at = clock.monotonic()

    def moved(self) -> None:
        """Something was observed, or time was moved on: what is known may be wrong."""
        self._stale = True

    def at(self) -> int | None:
        """The next instant at which something changes, as far as that is known; None where nothing does."""
        if self._stale and self._clock.monotonic() >= self._ask_at:
            began = self._clock.monotonic()
            self._known = self._engine.next_change()
            ended = self._clock.monotonic()
            self._ask_at = ended + _SHARE * (ended - began)
            self._stale = False
        due = self._engine.next_due()
        if self._known is None or self._stale:
            return due
        return self._known if due is None else min(due, self._known)

    def rest(self) -> float | None:
        """Seconds until it is worth asking again; None where what is known holds."""
        return max(self._ask_at - self._clock.monotonic(), 0) / SECOND if self._stale else None
