"""Name look-ups off the event loop, on a bounded number of threads; those that hang keep nobody else from asking."""

from __future__ import annotations

import asyncio
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from wsla.sources.network.addresses import Address

Lookup = Callable[[str], list[Address]]

THREADS: Final = 32
"""Look-ups at once, as long as they are answered."""
MOST_THREADS: Final = 256
"""The same with those that are not."""
STUCK_AFTER: Final = 2.0
"""Seconds after which a look-up does not count any more: others may use another thread."""
_MOST_ADDRESSES: Final = 8
_DESCRIPTORS_OF_A_LOOKUP: Final = 4


def look_up(host: str) -> list[Address]:
    """Ask the machine's own resolver. Raises OSError (socket.gaierror among them)."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except OSError:
        _check_descriptors()
        raise
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "not a name") from None
    return [Address(family, (str(address[0]), *address[1:])) for family, _, _, _, address in found][
        :_MOST_ADDRESSES
    ]


def _check_descriptors() -> None:
    """Raise OSError where files cannot be opened: the C library then says whatever it likes."""
    opened = []
    try:
        for _ in range(_DESCRIPTORS_OF_A_LOOKUP):
            opened.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for number in opened:
            os.close(number)


class Resolver:
    """Resolves names for any number of probers and event loops.

    A second question for a host joins the first, so a host whose name server hangs holds one thread and not
    all; and many hosts whose name servers hang hold threads that others do not wait for, up to ``most``. The threads
    are daemonic: a hanging look-up does not keep the process from ending.
    """

    def __init__(
        self,
        lookup: Lookup = look_up,
        threads: int = THREADS,
        most: int = MOST_THREADS,
        stuck_after: float = STUCK_AFTER,
    ) -> None:
        self._lookup = lookup
        self._threads = threads
        self._most = most
        self._stuck_after = stuck_after
        self._began: dict[str, float] = {}
        self._started = 0
        self._idle = 0
        self._lock = threading.Lock()
        self._running: dict[str, Future[list[Address]]] = {}
        self._queue: queue.SimpleQueue[tuple[str, Future[list[Address]]]] = queue.SimpleQueue()

    async def resolve(self, host: str, port: int) -> list[Address]:
        """The addresses of a host in the order to try them, at once for a numeric one. Raises OSError."""
        known = numeric(host, port)
        if known is not None:
            return [known]
        found = await self._answer(host)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no addresses")
        return [Address(one.family, (one.host, port, *one.socket_address[2:])) for one in found]

    async def _answer(self, host: str) -> list[Address]:
        loop = asyncio.get_running_loop()

        later: list[asyncio.TimerHandle] = []

        def look_after() -> None:
            # All threads may have become stuck since the last question: nobody else would see to the queue.
            with self._lock:
                self._start_threads(self._queue.qsize())
            later[:] = [loop.call_later(self._stuck_after, look_after)]

        later.append(loop.call_later(self._stuck_after, look_after))
        try:
            return await asyncio.wrap_future(self._ask(host))
        finally:
            later[0].cancel()

    def _ask(self, host: str) -> Future[list[Address]]:
        with self._lock:
            future = self._running.get(host)
            if future is not None:
                return future
            future = Future()
            # Marked as running at once: otherwise the first waiter that gives up would cancel it for all.
            future.set_running_or_notify_cancel()
            # As many as wait: while all were stuck, none was started.
            self._start_threads(self._queue.qsize() + 1)
            self._running[host] = future
            self._queue.put((host, future))
        return future

    def _start_threads(self, waiting: int) -> None:
        for _ in range(self._idle, waiting):
            if not self._may_start():
                break
            self._start_thread()

    def _may_start(self) -> bool:
        if self._started < self._threads:
            return True
        long_ago = time.monotonic() - self._stuck_after
        stuck = sum(began <= long_ago for began in self._began.values())
        return self._started - stuck < self._threads and self._started < self._most

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, name="wsla-resolver", daemon=True).start()
        except RuntimeError as error:
            if self._started == 0:
                raise MemoryError("no thread can be started") from error
        else:
            self._started += 1

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            host, future = self._queue.get()
            with self._lock:
                self._idle -= 1
                self._began[host] = time.monotonic()
            answer: list[Address] = []
            problem: BaseException | None = None
            try:
                answer = self._lookup(host)
            except BaseException as error:
                problem = error
            with self._lock:
                self._running.pop(host, None)
                self._began.pop(host, None)
            if problem is None:
                future.set_result(answer)
            else:
                future.set_exception(problem)


@lru_cache(maxsize=32_768)
def numeric(host: str, port: int = 0) -> Address | None:
    """The address that a host writes as a number; None for a name."""
    try:
        number = ip_address(host)
    except ValueError:
        return None
    if number.version == 4:
        return Address(socket.AF_INET, (host, port))
    return Address(socket.AF_INET6, (host, port, 0, 0))
