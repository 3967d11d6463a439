"""Threads that say what they wait for: the machine's own, unless others are handed in, which may be virtual."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from attrs import frozen

Entry = TypeVar("Entry")


def ask_in(loop: asyncio.AbstractEventLoop, function: Callable[[], Entry]) -> Future[Entry]:
    """Called from any thread: what ``function`` finds in the thread of a loop, as soon as that comes to it."""
    future: Future[Entry] = Future()

    def answer() -> None:
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(function())
            except Exception as error:
                future.set_exception(error)

    with suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(answer)
    return future


class Wait(Protocol):
    """What a thread gives up its turn for."""

    def wait(self) -> Any:
        """Blocks; gives what was waited for, ``NOTHING`` where the time was up."""
        ...


Steps = Generator[Wait, Any, Entry]
"""What runs in a thread: at every point where it waits, it yields for what."""

NOTHING: Final = object()
"""What comes out of a wait that came to its end."""


class Queue(Protocol[Entry]):
    """What one thread gives another, in order."""

    def put(self, item: Entry) -> None:
        """Give something."""
        ...

    def getting(self, timeout: float | None = None) -> Wait:
        """Wait for something, for at most ``timeout`` seconds."""
        ...

    def get_nowait(self) -> Entry:
        """What is there already. Raises ``queue.Empty``."""
        ...


class Event(Protocol):
    """Lets everybody go on who waits for it, now and later, once it is set."""

    def set(self) -> None:
        """Set it."""
        ...

    def clear(self) -> None:
        """Make the next ones wait."""
        ...

    def waiting(self, timeout: float) -> Wait:
        """Wait for it, for at most ``timeout`` seconds."""
        ...


class Thread(Protocol):
    """A thread that runs, and does not keep the process from ending."""

    def join(self, timeout: float) -> None:
        """Wait until it has ended, for at most ``timeout`` seconds."""
        ...


class Threads(Protocol):
    """Begins threads and makes what they wait with. All lengths are seconds."""

    def start(self, steps: Steps[None], name: str) -> Thread:
        """Begins a thread."""
        ...

    def queue(self) -> Queue[Any]:
        """An empty queue."""
        ...

    def event(self) -> Event:
        """An event that is not set."""
        ...

    def monotonic(self) -> float:
        """A clock that never steps."""
        ...

    def sleeping(self, seconds: float) -> Wait:
        """Wait for a length of time."""
        ...


class SystemThreads:
    """Those of the machine."""

    def start(self, steps: Steps[None], name: str) -> Thread:
        """See ``Threads``."""
        thread = threading.Thread(target=_run, args=(steps,), name=name, daemon=True)
        thread.start()
        return thread

    def queue(self) -> Queue[Any]:
        """See ``Threads``."""
        return _Queue()

    def event(self) -> Event:
        """See ``Threads``."""
        return _Event()

    def monotonic(self) -> float:
        """See ``Threads``."""
        return time.monotonic()

    def sleeping(self, seconds: float) -> Wait:
        """See ``Threads``."""
        return _Sleep(seconds)


SYSTEM: Final = SystemThreads()


def _run(steps: Steps[None]) -> None:
    try:
        wait = next(steps)
        while True:
            wait = steps.send(wait.wait())
    except StopIteration:
        return


class _Queue:
    def __init__(self) -> None:
        self._queue: Final[queue.SimpleQueue[Any]] = queue.SimpleQueue()
        self.put: Final = self._queue.put
        self.get_nowait: Final = self._queue.get_nowait

    def getting(self, timeout: float | None = None) -> Wait:
        return _Get(self._queue, timeout)


class _Event:
    def __init__(self) -> None:
        self._event: Final = threading.Event()

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        self._event.clear()

    def waiting(self, timeout: float) -> Wait:
        return _Signal(self._event, timeout)


@frozen
class _Get:
    queue: queue.SimpleQueue[Any]
    timeout: float | None

    def wait(self) -> Any:
        try:
            return self.queue.get(timeout=self.timeout)
        except queue.Empty:
            return NOTHING


@frozen
class _Signal:
    event: threading.Event
    timeout: float

    def wait(self) -> Any:
        return self.event.wait(self.timeout)


@frozen
class _Sleep:
    seconds: float

    def wait(self) -> Any:
        time.sleep(self.seconds)
