"""From a name to an open connection, each step timed, only to addresses that may be reached."""

from __future__ import annotations

import socket
import ssl
from functools import cache

from attrs import frozen

from wsla.ports import Clock
from wsla.sources.network.addresses import Address, Reach, reach
from wsla.sources.network.connection import AnyWire, Wire, connect, open_bare, open_wire
from wsla.sources.network.failures import (
    Failure,
    ProbeFailed,
    Stage,
    from_lookup_error,
    from_os_error,
)
from wsla.sources.network.looking import Trace
from wsla.sources.network.resolver import Resolver
from wsla.sources.network.tls import certificate_left
from wsla.values.instants import SECOND


@cache
def shared_resolver() -> Resolver:
    """The resolver of all probers that were not given one of their own."""
    return Resolver()


def reachable(addresses: list[Address], allowed: frozenset[Reach], where: str) -> list[Address]:
    """The addresses that this deployment may look at. Raises ProbeFailed where there is none."""
    found = [one for one in addresses if reach(one.host) in allowed]
    if not found:
        inward = reach(addresses[0].host)
        raise ProbeFailed(
            Failure.OBSERVER_POLICY, f"this deployment does not look at {inward} addresses: {where}"
        )
    return found


@frozen
class Opener:
    """Opens connections for one source. ``timeout`` is nanoseconds."""

    resolver: Resolver
    clock: Clock
    timeout: int

    async def resolve(self, host: str, port: int, trace: Trace) -> list[Address]:
        """The addresses of a host. Raises ProbeFailed."""
        trace.stage = Stage.RESOLVE
        trace.resolve_began = began = self.clock.monotonic()
        try:
            found = await self.resolver.resolve(host, port)
        except OSError as error:
            raise from_lookup_error(error, host) from None
        trace.resolve = (trace.resolve or 0) + self.clock.monotonic() - began
        return found

    async def connect(
        self,
        addresses: list[Address],
        where: str,
        trace: Trace,
        deadline: float,
        context: ssl.SSLContext | None = None,
        server_name: str = "",
    ) -> tuple[Wire, Address]:
        """A connection to the first address that takes one, in TLS where a context is given. Raises ProbeFailed."""
        connected, address = await self._join(addresses, where, trace, deadline)
        joined = self.clock.monotonic()
        if context is not None:
            trace.stage = Stage.HANDSHAKE
        try:
            wire = await open_wire(connected, context, server_name, self.timeout / SECOND)
        except OSError as error:
            raise from_os_error(error, trace.stage, where) from None
        if context is not None:
            self.note_handshake(wire, joined, trace)
        return wire, address

    async def connect_bare(
        self, addresses: list[Address], where: str, trace: Trace, deadline: float
    ) -> tuple[AnyWire, Address]:
        """As ``connect``, for what is spoken without TLS from beginning to end."""
        connected, address = await self._join(addresses, where, trace, deadline)
        bare = open_bare(connected)
        if bare is not None:
            return bare, address
        try:
            return await open_wire(connected, None, "", self.timeout / SECOND), address
        except OSError as error:
            raise from_os_error(error, trace.stage, where) from None

    async def _join(
        self, addresses: list[Address], where: str, trace: Trace, deadline: float
    ) -> tuple[socket.socket, Address]:
        trace.stage = Stage.CONNECT
        began = self.clock.monotonic()
        connected, address = await connect(addresses, where, deadline)
        trace.connect = (trace.connect or 0) + self.clock.monotonic() - began
        return connected, address

    def note_handshake(self, wire: Wire, began: int, trace: Trace) -> None:
        """Notes how long agreeing on TLS took since ``began``, and how long the certificate still holds."""
        trace.handshake = (trace.handshake or 0) + self.clock.monotonic() - began
        assert wire.transport is not None
        left = certificate_left(wire.transport.get_extra_info("ssl_object"), self.clock.now())
        known = [length for length in (trace.certificate_left, left) if length is not None]
        trace.certificate_left = min(known, default=None)
