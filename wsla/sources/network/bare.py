"""One connection without TLS, straight on its socket: a third of the work of the event loop's transports."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from collections import deque
from typing import Final

from wsla.sources.network.addresses import Address
from wsla.sources.network.readiness import READABLE, WRITABLE, readiness_of

_MOST_AT_ONCE: Final = 64 * 1024
_NOT_YET: Final = frozenset(
    {errno.EINPROGRESS, errno.EINTR, getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS)}
)


class BareWire:
    """The bytes of one connection. Nothing is read from the kernel that nobody waits for, so nothing heaps up here.

    What came before a reset is given out before the reset is raised, so an answer that is complete counts.
    """

    transport: None = None

    def __init__(self, connected: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._socket: Final = connected
        self._number: Final = connected.fileno()
        self._loop: Final = loop
        self._readiness: Final = readiness_of(loop)
        self._waiter: asyncio.Future[bytes] | None = None
        self._unsent: deque[memoryview] = deque()
        self._broken: OSError | None = None

    def write(self, data: bytes) -> None:
        """Send without waiting; what the kernel does not take is sent in the background."""
        if self._unsent:
            self._unsent.append(memoryview(data))
        elif (sent := self._send(data)) < len(data) and self._broken is None:
            self._unsent.append(memoryview(data)[sent:])
            self._watch()

    async def read(self) -> bytes:
        """What has come in, at least one byte; none at the end. Raises OSError where the connection broke."""
        self._waiter = self._loop.create_future()
        self._watch()
        try:
            data = await self._waiter
        finally:
            self._waiter = None
        if not data and self._broken is not None:
            raise self._broken
        return data

    def abort(self) -> None:
        """Close at once."""
        self._readiness.forget(self._number)
        self._unsent.clear()
        self._socket.close()

    def _watch(self) -> None:
        events = (READABLE if self._waiter is not None else 0) | (WRITABLE if self._unsent else 0)
        if events:
            self._readiness.watch(self._number, events, self._ready)

    def _ready(self) -> None:
        if self._unsent:
            self._send_on()
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            try:
                waiter.set_result(self._socket.recv(_MOST_AT_ONCE))
            except BlockingIOError:
                self._watch()
                return
            except OSError as error:
                waiter.set_exception(error)
        if self._unsent:
            self._watch()

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            # Who answers before the request is complete, and closes, has answered all the same.
            self._broken = error
            return 0

    def _send_on(self) -> None:
        while self._unsent:
            piece = self._unsent.popleft()
            sent = self._send(piece)
            if self._broken is not None:
                self._unsent.clear()
            elif sent < len(piece):
                self._unsent.appendleft(piece[sent:])
                return


async def connect_one(address: Address) -> socket.socket:
    """A connected socket, which does not block. Raises OSError."""
    connected = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connected.setblocking(False)
        problem = connected.connect_ex(address.socket_address)
        if problem in _NOT_YET:
            await _writable(connected.fileno())
            problem = connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if problem:
            raise OSError(problem, os.strerror(problem))
    except BaseException:
        connected.close()
        raise
    return connected


def watches_sockets() -> bool:
    """True where event loops tell of bare sockets; that of Windows does not."""
    return sys.platform != "win32"


async def _writable(number: int) -> None:
    loop = asyncio.get_running_loop()
    readiness = readiness_of(loop)
    waiter = loop.create_future()

    def ready() -> None:
        if not waiter.done():
            waiter.set_result(None)

    readiness.watch(number, WRITABLE, ready)
    try:
        await waiter
    except BaseException:
        readiness.forget(number)
        raise
