"""A proxy between the probe and the service: told whom to fetch from, or asked for a tunnel to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Final

import h11
from attrs import field, frozen

from wsla.sources.http.location import Location, LocationError, locate
from wsla.sources.network.addresses import Address, Reach
from wsla.sources.network.connection import Wire
from wsla.sources.network.failures import Failure, ProbeFailed, Stage, from_os_error
from wsla.sources.network.looking import Trace
from wsla.sources.network.opening import Opener, reachable
from wsla.sources.network.resolver import numeric
from wsla.values.instants import SECOND

_LARGEST_ANSWER: Final = 64 * 1024
_MOST_INTERIM_ANSWERS: Final = 20
_NOT_REACHED: Final = (502, 503, 504)


class ProxyError(ValueError):
    """A text that is no address of a proxy. The message never holds the text."""


@frozen(kw_only=True)
class Proxy:
    """A proxy that is spoken to in HTTP. ``authorization`` is the value of a Proxy-Authorization header."""

    host: str
    port: int
    authorization: bytes | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What a request to the proxy carries for it alone."""
        return () if self.authorization is None else ((b"proxy-authorization", self.authorization),)


def parse_proxy(text: str) -> Proxy:
    """The proxy at an address such as ``http://proxy.example.com:3128``. Raises ProxyError."""
    try:
        location, _ = locate(text)
    except LocationError as error:
        raise ProxyError(f"proxy: {error}") from None
    if location.scheme != "http" or location.path != b"/":
        raise ProxyError('a proxy is written "http://host:port"')
    return Proxy(host=location.host, port=location.port, authorization=location.authorization)


def seen_from_here(host: str, port: int) -> list[Address]:
    """What is known of where a host lies that the proxy looks up: numbers, and this machine's own names."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        name = "127.0.0.1"
    known = numeric(name)
    if known is None:
        try:
            # Other ways to write a number, which a proxy's resolver may understand.
            known = numeric(socket.inet_ntoa(socket.inet_aton(name)))
        except OSError:
            return []
    return [] if known is None else [Address(known.family, (known.host, port, *known.socket_address[2:]))]


async def open_through(
    proxy: Proxy,
    location: Location,
    opener: Opener,
    trace: Trace,
    deadline: float,
    *,
    allowed: frozenset[Reach],
    context: ssl.SSLContext | None,
) -> Wire:
    """A connection to a service by way of a proxy: to the proxy itself for http, through a tunnel for https.

    Raises ProbeFailed; what the proxy does wrong is never booked on the service.
    """
    trace.blame = ProbeFailed(Failure.OBSERVER_PROXY, f"the proxy {proxy.where} did not answer")
    try:
        found = await opener.resolve(proxy.host, proxy.port, trace)
        wire, _ = await opener.connect(reachable(found, allowed, proxy.where), proxy.where, trace, deadline)
    except ProbeFailed as failed:
        if failed.failure.of_observer:
            raise
        raise ProbeFailed(Failure.OBSERVER_PROXY, f"the proxy cannot be used: {failed.reason}") from None
    trace.blame = None
    if context is None:
        return wire
    try:
        await _ask_for_tunnel(wire, proxy, location)
        trace.stage = Stage.HANDSHAKE
        began = opener.clock.monotonic()
        await _start_tls(wire, context, location, opener.timeout / SECOND)
        opener.note_handshake(wire, began, trace)
    except BaseException:
        wire.abort()
        raise
    return wire


async def _ask_for_tunnel(wire: Wire, proxy: Proxy, location: Location) -> None:
    protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_ANSWER)
    place = location.where.encode("ascii")
    request = h11.Request(method="CONNECT", target=place, headers=[(b"host", place), *proxy.headers])
    wire.write((protocol.send(request) or b"") + (protocol.send(h11.EndOfMessage()) or b""))
    interim = 0
    while True:
        try:
            event = protocol.next_event()
            if event is h11.NEED_DATA:
                protocol.receive_data(await wire.read())
                continue
        except (h11.RemoteProtocolError, OSError):
            raise _proxy_failed(proxy, "did not answer in HTTP") from None
        match event:
            case h11.InformationalResponse() if interim < _MOST_INTERIM_ANSWERS:
                interim += 1
            case h11.Response(status_code=status) if 200 <= status < 300:
                return
            case h11.Response(status_code=status) if status in _NOT_REACHED:
                raise ProbeFailed(
                    Failure.UNREACHABLE,
                    f"the proxy {proxy.where} says that {location.where} cannot be reached",
                )
            case h11.Response(status_code=status):
                raise _proxy_failed(proxy, f"refuses, with status {status}")
            case _:
                raise _proxy_failed(proxy, "did not answer in HTTP")


async def _start_tls(wire: Wire, context: ssl.SSLContext, location: Location, timeout: float) -> None:
    assert wire.transport is not None
    try:
        transport = await asyncio.get_running_loop().start_tls(
            wire.transport,
            wire,
            context,
            server_hostname=location.host.rstrip("."),
            ssl_handshake_timeout=timeout,
        )
    except OSError as error:
        raise from_os_error(error, Stage.HANDSHAKE, location.where) from None
    if transport is None:
        raise ProbeFailed(
            Failure.TLS_HANDSHAKE, f"{location.where} ended the connection, while agreeing on TLS"
        )
    wire.transport = transport


def _proxy_failed(proxy: Proxy, what: str) -> ProbeFailed:
    return ProbeFailed(Failure.OBSERVER_PROXY, f"the proxy {proxy.where} {what}")
