"""When sockets can be read or written: asked of the kernel directly where it knows how, at a fraction of the work."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Final, Protocol

READABLE: Final = 1
WRITABLE: Final = 4
_MOST_AT_ONCE: Final = 256

Ready = Callable[[], None]


class Readiness(Protocol):
    """Tells once that a socket is ready. A number is watched for one thing at a time, and not while it is closed."""

    def watch(self, number: int, events: int, ready: Ready) -> None:
        """Calls ``ready`` once, in the event loop, as soon as one of ``events`` holds or the connection is broken."""
        ...

    def forget(self, number: int) -> None:
        """Watches a socket no more."""
        ...


@lru_cache(maxsize=4)
def readiness_of(loop: asyncio.AbstractEventLoop) -> Readiness:
    """What an event loop's sockets are watched by."""
    return Polled(loop) if hasattr(select, "epoll") else Looped(loop)


class Polled:
    """One more set of watched sockets, itself watched by the event loop: to add to it and to take from it is one call
    of the kernel, and one turn of the loop serves all that are ready."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._poll: Final = select.epoll()
        self._known: Final[set[int]] = set()
        self._waiting: Final[dict[int, Ready]] = {}
        loop.add_reader(self._poll.fileno(), self._look)

    def watch(self, number: int, events: int, ready: Ready) -> None:
        """See ``Readiness``."""
        self._waiting[number] = ready
        if number in self._known:
            try:
                self._poll.modify(number, events | select.EPOLLONESHOT)
                return
            except FileNotFoundError:
                # It was closed meanwhile, and the number is another socket's now.
                pass
        try:
            self._poll.register(number, events | select.EPOLLONESHOT)
        except FileExistsError:
            self._poll.modify(number, events | select.EPOLLONESHOT)
        self._known.add(number)

    def forget(self, number: int) -> None:
        """See ``Readiness``."""
        if number in self._known:
            self._known.discard(number)
            # What has told tells nothing more, and is taken out by being closed.
            if self._waiting.pop(number, None) is not None:
                with suppress(FileNotFoundError):
                    self._poll.unregister(number)

    def _look(self) -> None:
        for number, _ in self._poll.poll(0, _MOST_AT_ONCE):
            ready = self._waiting.pop(number, None)
            if ready is not None:
                ready()


class Looped:
    """By the means of the event loop alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Final = loop

    def watch(self, number: int, events: int, ready: Ready) -> None:
        """See ``Readiness``."""
        self.forget(number)
        if events & READABLE:
            self._loop.add_reader(number, self._fire, number, ready)
        if events & WRITABLE:
            self._loop.add_writer(number, self._fire, number, ready)

    def forget(self, number: int) -> None:
        """See ``Readiness``."""
        self._loop.remove_reader(number)
        self._loop.remove_writer(number)

    def _fire(self, number: int, ready: Ready) -> None:
        self.forget(number)
        ready()
