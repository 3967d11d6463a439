"""Threads, and how they wait: the machine's own, unless others are handed in."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

Entry = TypeVar("Entry")


class Queue(Protocol[Entry]):
    """What one thread gives another, in order; as ``queue.SimpleQueue``."""

    def put(self, item: Entry) -> None:
        """Give something."""
        ...

    def get(self, *, timeout: float | None = None) -> Entry:
        """Wait for something, for at most ``timeout`` seconds. Raises ``queue.Empty``."""
        ...

    def get_nowait(self) -> Entry:
        """What is there already. Raises ``queue.Empty``."""
        ...


class Event(Protocol):
    """As ``threading.Event``."""

    def set(self) -> None:
        """Let everybody go on who waits, now and later."""
        ...

    def clear(self) -> None:
        """Make the next ones wait."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, for at most ``timeout`` seconds."""
        ...


class Thread(Protocol):
    """As ``threading.Thread``."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, for at most ``timeout`` seconds."""
        ...


class Threads(Protocol):
    """Begins threads and makes what they wait with. All lengths are seconds."""

    def start(self, run: Callable[[], None], name: str) -> Thread:
        """A thread that runs, and does not keep the process from ending."""
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

    def sleep(self, seconds: float) -> None:
        """Wait in the thread that calls."""
        ...


class SystemThreads:
    """Those of the machine."""

    def start(self, run: Callable[[], None], name: str) -> Thread:
        """See ``Threads``."""
        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def queue(self) -> Queue[Any]:
        """See ``Threads``."""
        return queue.SimpleQueue()

    def event(self) -> Event:
        """See ``Threads``."""
        return threading.Event()

    def monotonic(self) -> float:
        """See ``Threads``."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See ``Threads``."""
        time.sleep(seconds)


SYSTEM: Final = SystemThreads()
