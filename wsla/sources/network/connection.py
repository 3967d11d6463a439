"""One fresh connection: tried address by address, then TLS, then bytes in and out with a bounded buffer."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Final, cast

from wsla.sources.network.addresses import Address
from wsla.sources.network.bare import BareWire, connect_one, watches_sockets
from wsla.sources.network.failures import Failure, ProbeFailed, Stage, from_os_error

_HIGH_WATER: Final = 64 * 1024


class Wire(asyncio.Protocol):
    """The bytes of one connection. Reading stops at the kernel while 64 KiB wait here.

    What came before a reset is given out before the reset is raised, so an answer that is complete counts.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= _HIGH_WATER and self.transport is not None and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._error = exc
        self._wake()

    def write(self, data: bytes) -> None:
        """Send without waiting; what the kernel does not take is sent in the background."""
        if self.transport is not None:
            self.transport.write(data)

    async def read(self) -> bytes:
        """What has come in, at least one byte; none at the end. Raises OSError where the connection broke."""
        while not self._buffer:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = bytes(self._buffer)
        self._buffer.clear()
        if self._paused and self.transport is not None and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()
        return data

    def abort(self) -> None:
        """Close at once, without the farewell of TLS, for which a hanging service would keep the socket."""
        if self.transport is not None:
            self.transport.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def connect(addresses: Sequence[Address], where: str, deadline: float) -> tuple[socket.socket, Address]:
    """A connected socket to the first address that takes one, and that address.

    While others are left an address gets its share of the time until ``deadline`` (of the running loop's
    clock). Raises ProbeFailed with the most telling of the failures: the service's before the observer's,
    else the last.
    """
    loop = asyncio.get_running_loop()
    worst: ProbeFailed | None = None
    for position, address in enumerate(addresses):
        left = len(addresses) - position
        try:
            if left == 1:
                return await _connect_one(address), address
            share = loop.time() + (deadline - loop.time()) / left
            async with asyncio.timeout_at(share):
                return await _connect_one(address), address
        except TimeoutError:
            failed = ProbeFailed(Failure.TIMEOUT, f"{where} did not answer, while {Stage.CONNECT}")
        except OSError as error:
            failed = from_os_error(error, Stage.CONNECT, where)
            if failed.failure is Failure.OBSERVER_RESOURCES:
                raise failed from None
        if worst is None or worst.failure.of_observer or not failed.failure.of_observer:
            worst = failed
    raise worst or ProbeFailed(Failure.RESOLVE_NOT_FOUND, f"{where} has no address")


async def _connect_one(address: Address) -> socket.socket:
    if watches_sockets():
        return await connect_one(address)
    connected = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, address.socket_address)
    except BaseException:
        connected.close()
        raise
    return connected


AnyWire = Wire | BareWire
"""Bytes in and out of one connection."""


def open_bare(connected: socket.socket) -> BareWire | None:
    """Bytes over a connected socket without TLS, at little cost; None where the event loop cannot do that."""
    return BareWire(connected) if watches_sockets() else None


async def open_wire(
    connected: socket.socket, context: ssl.SSLContext | None, host: str, timeout: float
) -> Wire:
    """Bytes over a connected socket, in TLS where a context is given. Raises OSError, ssl.SSLError included."""
    loop = asyncio.get_running_loop()
    try:
        if context is None:
            _, wire = await loop.create_connection(Wire, sock=connected)
        else:
            _, wire = await loop.create_connection(
                Wire, sock=connected, ssl=context, server_hostname=host, ssl_handshake_timeout=timeout
            )
    except BaseException:
        connected.close()
        raise
    return wire
