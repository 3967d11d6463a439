"""Virtual time, and what happens in it: one order of events, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Final

from wsla.values.instants import SECOND, format_instant

Happening = Callable[[], None]


class Crash(SystemExit):
    """The process is gone. Not an ``Exception``: nobody may go on after it (and asyncio lets it through)."""


class Stuck(Exception):
    """Nothing is left that could ever happen, and somebody waits for something."""


class Timeline:
    """``now`` is nanoseconds since the beginning of the simulation and never goes back; the machine's clock is what it
    is told to be. What is said is kept as the run's log: (nanoseconds, who, what)."""

    def __init__(self, seed: int, start: int) -> None:
        self.now = 0
        self.log: Final[list[tuple[int, str, str]]] = []
        self.races: Final = Random(f"races {seed}")
        self._wall_ahead = start
        self._suspended = 0
        self._happenings: Final[list[tuple[int, int, Happening]]] = []
        self._number = 0
        self._drift: Final = Random(f"drift {seed}")
        self.computing = 0

    # Clocks

    def wall(self) -> int:
        """What the machine's clock shows: nanoseconds since the epoch."""
        return self._wall_ahead + self.now

    def monotonic(self) -> int:
        """The clock that never steps, and stands still while the machine is suspended: nanoseconds."""
        if self.computing:
            # Looking at the clock takes a moment, so that what lies between two looks is not free.
            self.now += self._drift.randrange(self.computing)
        return self.now - self._suspended

    def awake(self) -> int:
        """The same, without looking."""
        return self.now - self._suspended

    def step_clock(self, by: int) -> None:
        """Somebody sets the machine's clock, by so much later (or earlier)."""
        self._wall_ahead += by

    def suspend(self, length: int) -> None:
        """The machine stands still for a while, and with it everything but its clock."""
        self.now += length
        self._suspended += length

    # What happens

    def say(self, who: str, what: str) -> None:
        """Adds to the log."""
        self.log.append((self.now, who, what))

    def at(self, when: int, happening: Happening) -> None:
        """Lets something happen at an instant of the simulation, or now where that is past."""
        self._number += 1
        heappush(self._happenings, (max(when, self.now), self._number, happening))

    def after(self, length: int, happening: Happening) -> None:
        """Lets something happen in a while."""
        self.at(self.now + length, happening)

    def next_at(self) -> int | None:
        """When the next thing happens."""
        return self._happenings[0][0] if self._happenings else None

    def run_due(self) -> bool:
        """Lets the next thing happen if it is due; False where nothing is."""
        if not self._happenings or self._happenings[0][0] > self.now:
            return False
        _, _, happening = heappop(self._happenings)
        happening()
        return True

    def pass_until(self, instant: int) -> None:
        """Time passes while nobody runs; what is due happens."""
        while (due := self.next_at()) is not None and due <= instant:
            self.now = max(self.now, due)
            self.run_due()
        self.now = max(self.now, instant)

    def readable(self, since_start: int, who: str, what: str) -> str:
        """A line of the log for people."""
        hours, rest = divmod(since_start // SECOND, 3_600)
        return f"{hours:02}:{rest // 60:02}:{rest % 60:02}  {who:<12} {what}"

    def shown(self) -> str:
        """The machine's clock for people."""
        return format_instant(self.wall() // SECOND * SECOND)
