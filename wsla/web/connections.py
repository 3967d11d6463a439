"""Connections as the web server bears them: how many at once, and how long each may take over what it does.

uvicorn bounds the size of a request's head and the time between requests. It waits for ever for a head that does not
end, and for somebody who never reads the answer; and whoever holds all connections keeps everybody else out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final, cast

import h11
from attrs import frozen
from uvicorn.protocols.http.h11_impl import H11Protocol

from wsla.web.access import origin

_TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


@frozen(kw_only=True)
class Patience:
    """Seconds that a peer has: for the ``head`` of a request, from one request to the next (``idle``), to take an
    ``answer``, and, once it has been answered, to stop sending (``leftover``, and so many bytes).

    ``look`` is how often that is looked after.
    """

    head: float = 10.0
    idle: float = 15.0
    answer: float = 60.0
    leftover: float = 5.0
    leftover_bytes: int = 8 * 1024 * 1024
    look: float = 1.0


class Connections:
    """At most ``most`` connections, and ``each`` from one address. Used in the loop of the web server.

    When all are taken, the one that has waited longest for a request makes room for a new one.
    """

    def __init__(self, most: int, each: int, patience: Patience) -> None:
        self.each = each
        self.patience: Final = patience
        self.open: Final[dict[Connection, str]] = {}
        self._most: Final = most
        self._of: Final[Counter[str]] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look: asyncio.TimerHandle | None = None

    def admit(self, connection: Connection, address: str) -> bool:
        """Counts a connection in; False where there is no room for it."""
        if self._of[address] >= self.each:
            return False
        if len(self.open) >= self._most:
            waiting = [one for one in self.open if one.waits]
            if not waiting:
                return False
            # It is gone for good only once the loop has told it so, which needs no room by then.
            longest = min(waiting, key=lambda one: one.since)
            self.leave(longest)
            longest.end()
        self.open[connection] = address
        self._of[address] += 1
        if self._look is None:
            self._loop = connection.loop
            self._look = self._loop.call_later(self.patience.look, self._look_after)
        return True

    def leave(self, connection: Connection) -> None:
        """Counts a connection out."""
        address = self.open.pop(connection, None)
        if address is not None:
            self._of[address] -= 1
            if not self._of[address]:
                del self._of[address]

    def _look_after(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        for connection in list(self.open):
            if connection.overdue(now):
                connection.end()
        self._look = self._loop.call_later(self.patience.look, self._look_after) if self.open else None


class Connection(H11Protocol):
    """One connection, borne by ``bearer``."""

    def __init__(self, bearer: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._bearer: Final = bearer
        self._admitted = False
        self._left_over = 0
        self._unsent_since: float | None = None
        self.lingers = False
        self.since = self.loop.time()
        """From when it waits for a request, or for the end of one that has been answered."""

    @property
    def waits(self) -> bool:
        """True where nothing is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def overdue(self, now: float) -> bool:
        """True where its peer has taken too long."""
        patience = self._bearer.patience
        if self.transport.get_write_buffer_size():
            if self._unsent_since is None:
                self._unsent_since = now
            return now - self._unsent_since > patience.answer
        self._unsent_since = None
        if not self.waits:
            return False
        if self.lingers or self.conn.their_state is h11.SEND_BODY:
            return now - self.since > patience.leftover
        return now - self.since > patience.head + (0 if self.cycle is None else patience.idle)

    def end(self) -> None:
        """Breaks it off, whatever is left to be sent."""
        self.transport.abort()

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer is there."""
        self.since = self.loop.time()
        lingering = cast(asyncio.Transport, _Lingering(cast(asyncio.Transport, transport), self))
        super().connection_made(lingering)
        self._admitted = self._bearer.admit(self, origin(self.client[0] if self.client else ""))
        if not self._admitted:
            transport = cast(asyncio.Transport, transport)
            transport.write(_TOO_MANY)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._bearer.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if not self._admitted:
            return
        if self.lingers or (not self.waits_for_head and self.waits):
            self._left_over += len(data)
            if self._left_over > self._bearer.patience.leftover_bytes:
                self.end()
                return
        if not self.lingers:
            super().data_received(data)
            if self.transport.is_closing():
                return
            if self._left_over and (self.waits_for_head or not self.waits):
                # What was left over has ended; the next request may begin.
                self._left_over, self.since = 0, self.loop.time()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP. Whatever is still being answered goes nowhere."""
        answering = None if self.waits else self.cycle
        if answering is not None:
            answering.disconnected = True
            answering.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.end()

    @property
    def waits_for_head(self) -> bool:
        """True where the next thing to come is a request."""
        return self.conn.their_state in (h11.IDLE, h11.DONE)

    def on_response_complete(self) -> None:
        """A request has been answered."""
        self.since = self.loop.time()
        super().on_response_complete()


class _Lingering:
    """A transport that, closed while its peer still sends, takes in the rest for a moment.

    A connection that is closed with unread data in it is reset, and then the peer may never see the answer.
    """

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport: Final = transport
        self._connection: Final = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """True once nothing more is sent."""
        return self._connection.lingers or self._transport.is_closing()

    def close(self) -> None:
        """Sends what is left, and ends."""
        connection = self._connection
        if connection.lingers or self._transport.is_closing():
            return
        if (
            connection.conn.their_state not in (h11.SEND_BODY, h11.ERROR)
            or not self._transport.can_write_eof()
        ):
            self._transport.close()
            return
        connection.lingers = True
        connection.since = connection.loop.time()
        self._transport.write_eof()
        self._transport.resume_reading()

    def abort(self) -> None:
        """Ends at once."""
        self._transport.abort()
