"""Ends of time for many looks at once: those of one length come in order, so one timer of the event loop serves all."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import lru_cache
from types import TracebackType
from typing import Final

_FEW: Final = 256


class Deadline:
    """What is awaited inside is cancelled when the time is up, and TimeoutError raised in its place.

    ``when`` is of the event loop's clock. As ``asyncio.timeout``, at a fraction of the work.
    """

    __slots__ = ("_cancelling", "_over", "_owner", "_task", "expired", "when")

    def __init__(self, owner: Deadlines, task: asyncio.Task[object], when: float) -> None:
        self.when: Final = when
        self.expired = False
        self._owner: Final = owner
        self._task: Final = task
        self._cancelling: Final = task.cancelling()
        self._over = False

    @property
    def over(self) -> bool:
        """True where nothing waits for it any more."""
        return self._over or self.expired

    def expire(self) -> None:
        """The time is up. Not to be called by what is awaited inside."""
        if not self.over:
            self.expired = True
            self._task.cancel()

    def __enter__(self) -> Deadline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._owner.ended += 1
        # Somebody else may have cancelled the task meanwhile, which is not to be swallowed.
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error


class Deadlines:
    """All deadlines of one length, in seconds, in an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, length: float) -> None:
        self._loop: Final = loop
        self._length: Final = length
        self._waiting: Final[deque[Deadline]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.ended = 0

    def begin(self) -> Deadline:
        """A deadline for the running task, from now on."""
        task = asyncio.current_task(self._loop)
        assert task is not None
        deadline = Deadline(self, task, self._loop.time() + self._length)
        waiting = self._waiting
        if 2 * self.ended > len(waiting) + _FEW:
            # One that takes long is not to keep those in memory that have ended behind it.
            still = [one for one in waiting if not one.over]
            waiting.clear()
            waiting.extend(still)
            self.ended = 0
        waiting.append(deadline)
        if self._timer is None:
            self._timer = self._loop.call_at(deadline.when, self._look)
        return deadline

    def _look(self) -> None:
        waiting, now = self._waiting, self._loop.time()
        while waiting and (waiting[0].over or waiting[0].when <= now):
            waiting.popleft().expire()
        self._timer = self._loop.call_at(waiting[0].when, self._look) if waiting else None


@lru_cache(maxsize=64)
def deadlines_of(loop: asyncio.AbstractEventLoop, length: float) -> Deadlines:
    """Those of a length; lengths that are in use by many are worth most."""
    return Deadlines(loop, length)
