"""The http prober: looks at a service once, as a user would, and turns what happens into one observation."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from attrs import define

from wsla.ports import Clock
from wsla.sources.http.decoding import text_of
from wsla.sources.http.exchange import Answer, Exchange, Request, Trace
from wsla.sources.http.location import Location, LocationError, locate
from wsla.sources.http.target import HttpTarget
from wsla.sources.network.addresses import Address, Reach, may_redirect, reach
from wsla.sources.network.connection import Wire, connect, open_wire
from wsla.sources.network.failures import Failure, ProbeFailed, Stage, from_lookup_error, from_os_error
from wsla.sources.network.resolver import Resolver
from wsla.sources.network.tls import certificate_left, context_for
from wsla.values.instants import MILLISECOND, SECOND, format_length
from wsla.values.observations import Observation, Raw

_MILLIONTHS: Final = 1_000_000
_LATE: Final = 500 * MILLISECOND
_KEPT_ACROSS_ORIGINS: Final = (
    b"accept", b"accept-language", b"accept-encoding", b"cache-control", b"user-agent"
)  # fmt: skip
_TO_GET: Final = {301: ("POST",), 302: ("POST",), 303: ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")}


@cache
def user_agent() -> str:
    """How the prober names itself to services."""
    try:
        return f"wsla/{version('wsla')}"
    except PackageNotFoundError:
        return "wsla"


@cache
def shared_resolver() -> Resolver:
    """The resolver of all probers that were not given one of their own."""
    return Resolver()


@define(kw_only=True)
class _Hop:
    """What the next request of a probe asks for; it changes from redirect to redirect."""

    location: Location
    url: str
    method: str
    headers: tuple[tuple[bytes, bytes], ...]
    authorization: bytes | None
    body: bytes | None
    came_from: Reach | None = None


class HttpProber:
    """Probes one http source: a fresh connection each time, one deadline over all of it, proxies ignored.

    Any number of probes may run at once. ``close`` ends those that run: they come back as unknown. A probe
    that is cancelled closes its connection and passes the cancellation on.
    """

    def __init__(self, target: HttpTarget, clock: Clock, resolver: Resolver | None = None) -> None:
        self._target = target
        self._clock = clock
        self._resolver = resolver if resolver is not None else shared_resolver()
        self._running: set[asyncio.Timeout] = set()
        self._closed = False

    async def probe(self, at: int) -> Observation:
        """One observation stamped ``at``. Never raises for anything that the service or the network does."""
        trace = Trace()
        started = self._clock.monotonic()
        failed: ProbeFailed | None = None
        try:
            await self._within_deadline(trace)
        except ProbeFailed as error:
            failed = error
        except MemoryError:
            failed = ProbeFailed(Failure.OBSERVER_RESOURCES, "this machine has no memory left")
        except Exception as error:
            # Whatever goes wrong in here must not be booked as a fault of the service.
            failed = ProbeFailed(
                Failure.OBSERVER_INTERNAL, f"the probe itself failed ({type(error).__name__})"
            )
        elapsed = self._clock.monotonic() - started
        return self._observation(at, elapsed, trace, failed)

    async def close(self) -> None:
        """End the probes that run and refuse further ones."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        for deadline in self._running:
            if not deadline.expired():
                deadline.reschedule(now)
        while self._running:
            await asyncio.sleep(0)

    async def _within_deadline(self, trace: Trace) -> None:
        if self._closed:
            raise _shutdown()
        deadline = asyncio.timeout(self._target.timeout / SECOND)
        try:
            async with deadline:
                self._running.add(deadline)
                try:
                    await self._follow(trace, deadline.when() or 0.0)
                finally:
                    self._running.discard(deadline)
        except TimeoutError:
            if self._closed:
                raise _shutdown() from None
            asked = self._clock.monotonic() - trace.resolve_began
            if trace.stage is Stage.RESOLVE and 2 * asked >= self._target.timeout:
                # Less than half the time means that an earlier hop of the service had used up the rest.
                host = self._target.location.host
                raise ProbeFailed(
                    Failure.OBSERVER_RESOLVER, f"the resolver did not answer for {host}"
                ) from None
            raise self._timed_out(trace) from None

    async def _follow(self, trace: Trace, deadline: float) -> None:
        target = self._target
        custom = tuple((name.lower().encode("ascii"), text.encode("ascii")) for name, text in target.headers)
        hop = _Hop(
            location=target.location,
            url=target.url,
            method=target.method,
            headers=custom,
            authorization=target.location.authorization,
            body=target.body,
        )
        seen = {(hop.method, hop.url)}
        looped = False
        for _ in range(target.max_redirects + 1):
            answer = await self._request(hop, trace, deadline)
            if answer.redirect is None:
                self._judge(answer, trace)
                return
            self._redirect(hop, answer.status, answer.redirect)
            looped = looped or (hop.method, hop.url) in seen
            seen.add((hop.method, hop.url))
        ending = ", in a loop" if looped else ""
        raise ProbeFailed(
            Failure.REDIRECT_LOOP,
            f"{target.location.where} redirected more than {target.max_redirects} times{ending}",
        )

    async def _request(self, hop: _Hop, trace: Trace, deadline: float) -> Answer:
        location = hop.location
        target = self._target
        wire = await self._connect(hop, trace, deadline)
        try:
            exchange = Exchange(
                wire,
                self._clock,
                trace,
                location.where,
                max_headers=target.max_headers,
                max_body=target.max_body,
                keep_body=target.expected_text is not None,
            )
            request = Request(
                method=hop.method, path=location.path, headers=_complete_headers(hop), body=hop.body
            )
            return await exchange.run(request, target.follow_redirects)
        finally:
            wire.abort()

    async def _connect(self, hop: _Hop, trace: Trace, deadline: float) -> Wire:
        location = hop.location
        clock = self._clock
        trace.stage = Stage.RESOLVE
        trace.status = None
        trace.resolve_began = began = clock.monotonic()
        addresses = self._allowed(hop, await self._resolve(location))
        resolved = clock.monotonic()
        trace.resolve = (trace.resolve or 0) + resolved - began
        trace.stage = Stage.CONNECT
        connected, address = await connect(addresses, location.where, deadline)
        try:
            joined = clock.monotonic()
            trace.connect = (trace.connect or 0) + joined - resolved
            hop.came_from = reach(address.host)
            context = None
            if location.scheme == "https":
                trace.stage = Stage.HANDSHAKE
                context = context_for(self._target.verify_tls, self._target.ca_file)
            name = location.host.rstrip(".")
            wire = await open_wire(connected, context, name, self._target.timeout / SECOND)
        except OSError as error:
            connected.close()
            raise from_os_error(error, trace.stage, location.where) from None
        except BaseException:
            connected.close()
            raise
        if context is not None and wire.transport is not None:
            trace.handshake = (trace.handshake or 0) + clock.monotonic() - joined
            left = certificate_left(wire.transport.get_extra_info("ssl_object"), clock.now())
            known = [length for length in (trace.certificate_left, left) if length is not None]
            trace.certificate_left = min(known, default=None)
        return wire

    async def _resolve(self, location: Location) -> list[Address]:
        try:
            return await self._resolver.resolve(location.host, location.port)
        except OSError as error:
            raise from_lookup_error(error, location.host) from None

    def _allowed(self, hop: _Hop, addresses: list[Address]) -> list[Address]:
        """The addresses that a redirect may lead to: judged on what is connected to, so no name can lie."""
        if hop.came_from is None or self._target.allow_private_redirects:
            return addresses
        allowed = [one for one in addresses if may_redirect(hop.came_from, reach(one.host))]
        if not allowed:
            inward = reach(addresses[0].host)
            reason = f"a redirect from a {hop.came_from} address to a {inward} one is not followed"
            raise ProbeFailed(Failure.REDIRECT_REFUSED, f"{reason}: {hop.location.where}")
        return allowed

    def _redirect(self, hop: _Hop, status: int, text: str) -> None:
        previous = hop.location
        try:
            location, url = locate(text, base=hop.url)
        except LocationError as error:
            raise ProbeFailed(
                Failure.REDIRECT_REFUSED, f"{previous.where} redirects to where a probe cannot go: {error}"
            ) from None
        if hop.method in _TO_GET.get(status, ()):
            hop.method = "GET"
            hop.body = None
        if location.origin != previous.origin:
            if hop.body is not None:
                raise ProbeFailed(
                    Failure.REDIRECT_REFUSED, f"the body of the request is not sent on to {location.where}"
                )
            hop.authorization = None
            hop.headers = tuple(one for one in hop.headers if one[0] in _KEPT_ACROSS_ORIGINS)
        hop.location = location
        hop.url = url

    def _judge(self, answer: Answer, trace: Trace) -> None:
        target = self._target
        trace.body_size = answer.size
        if target.expected_text is not None:
            trace.matched = target.expected_text in text_of(answer.body, answer.content_type)
        if not target.expects(answer.status):
            raise ProbeFailed(Failure.STATUS, f"the status is {answer.status}")
        if trace.matched is False:
            raise ProbeFailed(Failure.TEXT, "the expected text is not in the body")

    def _timed_out(self, trace: Trace) -> ProbeFailed:
        limit = format_length(self._target.timeout)
        return ProbeFailed(Failure.TIMEOUT, f"no complete answer within {limit}, while {trace.stage}")

    def _overdue(self, trace: Trace, elapsed: int) -> ProbeFailed:
        """A probe past its deadline: by a little it is the service that is slow, by much the observer stood still."""
        beyond = elapsed - self._target.timeout
        if beyond <= _LATE:
            return self._timed_out(trace)
        reason = f"the observer was stopped or overloaded for {format_length(beyond)}"
        return ProbeFailed(Failure.OBSERVER_LATE, reason)

    def _observation(self, at: int, elapsed: int, trace: Trace, failed: ProbeFailed | None) -> Observation:
        source = self._target.source
        timeout = self._target.timeout
        if elapsed > timeout and (failed is None or not failed.failure.of_observer):
            failed = self._overdue(trace, elapsed)
        if failed is not None and failed.failure.of_observer:
            unknown: dict[str, Raw] = dict.fromkeys(self._target.fields)
            return Observation(
                source=source,
                at=at,
                fields=unknown,
                reason=failed.reason,
                failure=failed.failure.value,
            )
        timed_out = failed is not None and failed.failure is Failure.TIMEOUT
        return Observation(
            source=source,
            at=at,
            fields={
                "ok": failed is None,
                "elapsed": timeout if timed_out else elapsed,
                "status": _millionths(trace.status),
                "matched": trace.matched,
                "certificate_left": trace.certificate_left,
                "resolve": trace.resolve,
                "connect": trace.connect,
                "handshake": trace.handshake,
                "first_byte": trace.first_byte,
                "body_size": _millionths(trace.body_size),
            },
            reason=None if failed is None else failed.reason,
            failure=None if failed is None else failed.failure.value,
        )


def _complete_headers(hop: _Hop) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a request: those of the source, and ours where the source has none of that name."""
    ours = {
        b"host": hop.location.authority,
        b"user-agent": user_agent().encode("ascii"),
        b"accept": b"*/*",
        b"accept-encoding": b"gzip",
    }
    if hop.authorization is not None:
        ours[b"authorization"] = hop.authorization
    given = {name for name, _ in hop.headers}
    missing = tuple((name, text) for name, text in ours.items() if name not in given)
    length = () if hop.body is None else ((b"content-length", str(len(hop.body)).encode("ascii")),)
    return (*missing, *hop.headers, *length, (b"connection", b"close"))


def _millionths(number: int | None) -> int | None:
    return None if number is None else number * _MILLIONTHS


def _shutdown() -> ProbeFailed:
    return ProbeFailed(Failure.OBSERVER_SHUTDOWN, "the probe was ended because the observer stops")
