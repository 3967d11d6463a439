"""One request and its answer over one connection: framing by h11 unless it is plain, ceilings on all that is sent."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from attrs import define, field, frozen

from wsla.ports import Clock
from wsla.sources.http.decoding import BodyDecoder
from wsla.sources.http.short import BYTES_BETWEEN_HEADER_PARTS, ShortAnswer
from wsla.sources.network.connection import AnyWire
from wsla.sources.network.failures import Failure, ProbeFailed, Stage, from_os_error
from wsla.sources.network.looking import Trace as LookTrace
from wsla.values.observations import Raw

MOST_HEADERS: Final = 1_000
MOST_INTERIM_ANSWERS: Final = 20

_YIELD_AFTER: Final = 64 * 1024
_START: Final = b"HTTP/"
_HEADERS_TOO_LARGE: Final = 431
_REDIRECTS: Final = (301, 302, 303, 307, 308)


@define
class Trace(LookTrace):
    """What a probe has found out so far; lengths in nanoseconds, summed over the hops of a probe."""

    first_byte: int | None = None
    status: int | None = None
    matched: bool | None = None
    body_size: int | None = None
    values: dict[str, Raw] = field(factory=dict)


@frozen(kw_only=True)
class Request:
    """One request as it is sent. ``headers`` are complete, Host and Content-Length among them."""

    method: str
    path: bytes
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes | None = field(repr=False)
    encoded: bytes = field(init=False, repr=False)

    @encoded.default
    def _encoded(self) -> bytes:
        return self.send(h11.Connection(h11.CLIENT))

    def send(self, protocol: h11.Connection) -> bytes:
        """The bytes of the request, of which ``protocol`` knows from now on."""
        out = protocol.send(h11.Request(method=self.method, target=self.path, headers=list(self.headers)))
        body = b"" if self.body is None else protocol.send(h11.Data(data=self.body))
        return (out or b"") + (body or b"") + (protocol.send(h11.EndOfMessage()) or b"")


@frozen(kw_only=True)
class Answer:
    """One answer. ``redirect`` is the Location of a redirect; then the body was not read."""

    status: int
    content_type: str = ""
    body: bytes = b""
    size: int = 0
    redirect: str | None = None


class Exchange:
    """Sends a request over ``wire`` and reads the answer, and notes in ``trace`` how far it came.

    ``keep_body`` false counts the bytes of the body and forgets them.
    """

    def __init__(
        self,
        wire: AnyWire,
        clock: Clock,
        trace: Trace,
        where: str,
        *,
        max_headers: int,
        max_body: int,
        keep_body: bool,
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._trace = trace
        self._where = where
        self._max_headers = max_headers
        self._max_body = max_body
        self._keep_body = keep_body
        self._protocol: h11.Connection | None = None
        self._received = 0
        # Twice the decoded size leaves room for framing; a body that needs more is all framing.
        self._most_received = 2 * max_body + _YIELD_AFTER
        self._sent_at: int | None = None

    async def run(self, request: Request, follow_redirects: bool) -> Answer:
        """The answer to a request. Raises ProbeFailed for whatever the service does wrong."""
        self._trace.stage = Stage.WAIT
        self._sent_at = self._clock.monotonic()
        self._wire.write(request.encoded)
        short = ShortAnswer(request.method == "HEAD", self._max_headers, self._max_body)
        ended = False
        while not short.left_to_others:
            data = await self._receive()
            ended = not data
            short.feed(data)
            if short.status is not None and not short.left_to_others:
                found = self._short_answer(short, short.status, follow_redirects)
                if found is not None:
                    return found
        protocol = self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=self._max_headers)
        request.send(protocol)
        protocol.receive_data(short.data)
        if ended:
            protocol.receive_data(b"")
        return await self._full_answer(follow_redirects)

    def _short_answer(self, short: ShortAnswer, status: int, follow_redirects: bool) -> Answer | None:
        """The answer, as far as it is needed; None where more has to come."""
        self._check_size(short.size_of_headers)
        self._trace.status = status
        if follow_redirects and status in _REDIRECTS and (target := short.header(b"location")):
            return Answer(status=status, redirect=target)
        self._trace.stage = Stage.BODY
        if not short.complete:
            return None
        body, size = short.body, len(short.body)
        if codings := short.header(b"content-encoding"):
            decoder = BodyDecoder(codings, self._max_body)
            body = b"".join([piece for piece in decoder.feed(body) if self._keep_body])
            decoder.finish()
            size = decoder.size
        elif size > self._max_body:
            raise self._body_too_large()
        return Answer(
            status=status,
            content_type=short.header(b"content-type"),
            body=body if self._keep_body else b"",
            size=size,
        )

    async def _full_answer(self, follow_redirects: bool) -> Answer:
        head = await self._head()
        status = head.status_code
        self._trace.status = status
        if follow_redirects and status in _REDIRECTS:
            target = _header(head, b"location")
            if target:
                return Answer(status=status, redirect=target)
        return await self._body(head)

    async def _head(self) -> h11.Response:
        interim = 0
        while True:
            event = await self._event()
            match event:
                case h11.InformationalResponse():
                    interim += 1
                    if interim > MOST_INTERIM_ANSWERS:
                        raise ProbeFailed(
                            Failure.PROTOCOL,
                            f"{self._where} sent more than {MOST_INTERIM_ANSWERS} interim answers",
                        )
                case h11.Response():
                    headers = event.headers.raw_items()
                    if len(headers) > MOST_HEADERS:
                        raise self._too_many_headers()
                    self._check_size(
                        sum(len(name) + len(text) + BYTES_BETWEEN_HEADER_PARTS for name, text in headers)
                    )
                    return event
                case _:
                    raise ProbeFailed(Failure.PROTOCOL, f"{self._where} did not answer in HTTP")

    async def _body(self, head: h11.Response) -> Answer:
        self._trace.stage = Stage.BODY
        self._received = 0
        decoder = BodyDecoder(_header(head, b"content-encoding"), self._max_body)
        kept: list[bytes] = []
        while True:
            event = await self._event()
            match event:
                case h11.Data():
                    for piece in decoder.feed(bytes(event.data)):
                        if self._keep_body:
                            kept.append(piece)
                case h11.EndOfMessage():
                    decoder.finish()
                    return Answer(
                        status=head.status_code,
                        content_type=_header(head, b"content-type"),
                        body=b"".join(kept),
                        size=decoder.size,
                    )
                case _:
                    raise ProbeFailed(
                        Failure.FRAMING, f"{self._where} ended the body in a way that HTTP does not know"
                    )

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        assert self._protocol is not None
        while True:
            try:
                event = self._protocol.next_event()
            except h11.RemoteProtocolError as error:
                raise self._misbehaved(error, self._protocol) from None
            if event is not h11.NEED_DATA:
                return event
            self._protocol.receive_data(await self._receive())

    async def _receive(self) -> bytes:
        try:
            data = await self._wire.read()
        except OSError as error:
            raise from_os_error(error, self._trace.stage, self._where) from None
        if self._sent_at is not None and data:
            spent = self._clock.monotonic() - self._sent_at
            self._trace.first_byte = (self._trace.first_byte or 0) + spent
            self._trace.stage = Stage.HEAD
            self._sent_at = None
        if not data and self._trace.stage is Stage.WAIT:
            raise ProbeFailed(Failure.INCOMPLETE, f"{self._where} closed the connection without an answer")
        self._received += len(data)
        if self._trace.stage is Stage.BODY and self._received > self._most_received:
            raise self._body_too_large()
        if self._received > _YIELD_AFTER:
            # A service that sends as fast as it is read would otherwise keep the loop from its other probes.
            await asyncio.sleep(0)
        return data

    def _check_size(self, size: int) -> None:
        if size > self._max_headers:
            raise self._headers_too_large()

    def _too_many_headers(self) -> ProbeFailed:
        return ProbeFailed(Failure.HEADERS_TOO_LARGE, f"{self._where} sent more than {MOST_HEADERS} headers")

    def _body_too_large(self) -> ProbeFailed:
        return ProbeFailed(Failure.BODY_TOO_LARGE, f"the body is larger than {self._max_body} bytes")

    def _headers_too_large(self) -> ProbeFailed:
        return ProbeFailed(
            Failure.HEADERS_TOO_LARGE,
            f"the headers of {self._where} are larger than {self._max_headers} bytes",
        )

    def _misbehaved(self, error: h11.RemoteProtocolError, protocol: h11.Connection) -> ProbeFailed:
        # The messages of h11 quote what the service sent, which may be anything; none of it is passed on.
        waiting, ended = protocol.trailing_data
        if self._trace.stage is Stage.BODY:
            if ended:
                return ProbeFailed(Failure.INCOMPLETE, f"{self._where} ended the answer too early")
            return ProbeFailed(Failure.FRAMING, f"{self._where} sent a body whose chunks are broken")
        if _START.startswith(waiting[: len(_START)]):
            if error.error_status_hint == _HEADERS_TOO_LARGE:
                return self._headers_too_large()
            if ended:
                return ProbeFailed(Failure.INCOMPLETE, f"{self._where} ended the answer too early")
        return ProbeFailed(Failure.PROTOCOL, f"{self._where} did not answer in HTTP")


def _header(head: h11.Response, wanted: bytes) -> str:
    return next((text.decode("latin-1") for name, text in head.headers if name == wanted), "")
