"""The http prober: looks at a service once, as a user would, and turns what happens into one observation."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from attrs import define

from wsla.ports import Clock
from wsla.sources.http.decoding import text_of
from wsla.sources.http.exchange import Answer, Exchange, Request, Trace
from wsla.sources.http.json_values import read_values
from wsla.sources.http.location import Location, LocationError, locate
from wsla.sources.http.proxy import open_through, seen_from_here
from wsla.sources.http.target import HttpTarget
from wsla.sources.network.addresses import Address, Reach, may_redirect, reach
from wsla.sources.network.connection import AnyWire
from wsla.sources.network.failures import Failure, ProbeFailed
from wsla.sources.network.looking import BoundedProber, millionths
from wsla.sources.network.opening import Opener, reachable, shared_resolver
from wsla.sources.network.resolver import Resolver
from wsla.sources.network.tls import context_for
from wsla.values.observations import Raw

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


class HttpProber(BoundedProber[Trace]):
    """Probes one http source: a fresh connection each time, one deadline over all of it. Of
    proxies it knows the one that the source names, none of the environment."""

    def __init__(self, target: HttpTarget, clock: Clock, resolver: Resolver | None = None) -> None:
        super().__init__(target, clock)
        self._target = target
        self._opener = Opener(resolver or shared_resolver(), clock, target.timeout)
        self._headers = tuple(
            (name.lower().encode("ascii"), text.encode("ascii")) for name, text in target.headers
        )
        # The same for every look.
        self._first: Request | None = None

    def _begin(self) -> Trace:
        return Trace()

    async def _look(self, trace: Trace, deadline: float) -> None:
        await self._follow(trace, deadline)

    def _values(self, trace: Trace) -> dict[str, Raw]:
        return {
            "status": millionths(trace.status),
            "matched": trace.matched,
            "certificate_left": trace.certificate_left,
            "resolve": trace.resolve,
            "connect": trace.connect,
            "handshake": trace.handshake,
            "first_byte": trace.first_byte,
            "body_size": millionths(trace.body_size),
            **trace.values,
        }

    async def _follow(self, trace: Trace, deadline: float) -> None:
        target = self._target
        hop = _Hop(
            location=target.location,
            url=target.url,
            method=target.method,
            headers=self._headers,
            authorization=target.location.authorization,
            body=target.body,
        )
        if self._first is None:
            self._first = self._asked(hop)
        request = self._first
        seen = {(hop.method, hop.url)}
        looped = False
        for _ in range(target.max_redirects + 1):
            answer = await self._request(hop, request, trace, deadline)
            if answer.redirect is None:
                self._judge(answer, trace)
                return
            self._redirect(hop, answer.status, answer.redirect)
            looped = looped or (hop.method, hop.url) in seen
            seen.add((hop.method, hop.url))
            request = self._asked(hop)
        ending = ", in a loop" if looped else ""
        raise ProbeFailed(
            Failure.REDIRECT_LOOP,
            f"{target.location.where} redirected more than {target.max_redirects} times{ending}",
        )

    def _asked(self, hop: _Hop) -> Request:
        location, proxy = hop.location, self._target.proxy
        path, headers = location.path, _complete_headers(hop)
        if proxy is not None and location.scheme == "http":
            # A proxy has to be told whom to fetch from.
            path = b"http://" + location.authority + path
            headers = (*proxy.headers, *headers)
        return Request(method=hop.method, path=path, headers=headers, body=hop.body)

    async def _request(self, hop: _Hop, request: Request, trace: Trace, deadline: float) -> Answer:
        target = self._target
        wire = await self._connect(hop, trace, deadline)
        try:
            exchange = Exchange(
                wire,
                self._clock,
                trace,
                hop.location.where,
                max_headers=target.max_headers,
                max_body=target.max_body,
                keep_body=target.reads_body,
            )
            return await exchange.run(request, target.follow_redirects)
        finally:
            wire.abort()

    async def _connect(self, hop: _Hop, trace: Trace, deadline: float) -> AnyWire:
        location = hop.location
        target = self._target
        trace.status = None
        context = None
        if location.scheme == "https":
            context = context_for(target.verify_tls, target.ca_file)
        if target.proxy is not None:
            if seen := seen_from_here(location.host, location.port):
                self._allowed(hop, seen)
            hop.came_from = Reach.PUBLIC
            return await open_through(
                target.proxy, location, self._opener, trace, deadline, allowed=target.reach, context=context
            )
        addresses = self._allowed(hop, await self._opener.resolve(location.host, location.port, trace))
        wire: AnyWire
        if context is None:
            wire, address = await self._opener.connect_bare(addresses, location.where, trace, deadline)
        else:
            wire, address = await self._opener.connect(
                addresses, location.where, trace, deadline, context, location.host.rstrip(".")
            )
        hop.came_from = reach(address.host)
        return wire

    def _allowed(self, hop: _Hop, addresses: list[Address]) -> list[Address]:
        """The addresses that a redirect may lead to: judged on what is connected to, so no name can lie."""
        if hop.came_from is None:
            return reachable(addresses, self._target.reach, hop.location.where)
        anywhere = self._target.allow_private_redirects
        allowed = [
            one
            for one in addresses
            if (there := reach(one.host)) in self._target.reach
            and (anywhere or may_redirect(hop.came_from, there))
        ]
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
        if target.reads_body:
            text = text_of(answer.body, answer.content_type)
            trace.values = read_values(text, target.values)
            if target.expected_text is not None:
                trace.matched = target.expected_text in text
        if not target.expects(answer.status):
            raise ProbeFailed(Failure.STATUS, f"the status is {answer.status}")
        if trace.matched is False:
            raise ProbeFailed(Failure.TEXT, "the expected text is not in the body")


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
