"""The tcp source: connects, and where wanted sends a text and waits for one."""

from __future__ import annotations

from typing import Final

from attrs import define, field, frozen

from wsla.ports import Clock
from wsla.sources.network.connection import AnyWire
from wsla.sources.network.endpoint import EndpointError, endpoint
from wsla.sources.network.failures import Failure, ProbeFailed, Stage, from_os_error
from wsla.sources.network.looking import BoundedProber, Trace
from wsla.sources.network.opening import Opener, reachable, shared_resolver
from wsla.sources.network.resolver import Resolver
from wsla.sources.targets import Deployed, EndpointTarget
from wsla.values.observations import Raw

FIELDS: Final = ("ok", "elapsed", "matched", "resolve", "connect", "first_byte")
"""The names of the fields of every observation of a tcp source."""

MOST_READ: Final = 64 * 1024
"""In so many bytes from the beginning the expected text must come."""


@frozen(kw_only=True)
class TcpTarget(EndpointTarget):
    """What one tcp source looks at. ``timeout`` is nanoseconds; ``send`` and ``expected`` are bytes of UTF-8."""

    send: bytes | None = field(default=None, repr=False)
    expected: bytes | None = field(default=None, repr=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields of every observation."""
        return FIELDS


def from_options(deployed: Deployed) -> TcpTarget:
    """The target of a tcp source. Raises SourceError where an option cannot be used."""
    try:
        place = endpoint(deployed.text("address") or "")
    except EndpointError as error:
        raise deployed.wrong(str(error)) from None
    send, contains = deployed.text("send"), deployed.text("contains")
    if send is not None and contains is None:
        raise deployed.wrong('a text is sent to get an answer: say which, contains "text"')
    if contains == "":
        raise deployed.wrong("the expected text is empty")
    if contains is not None and len(contains.encode()) > MOST_READ:
        raise deployed.wrong(f"the expected text is longer than {MOST_READ} bytes")
    return TcpTarget(
        source=deployed.name,
        endpoint=place,
        timeout=deployed.timeout,
        # Protocols of lines end them so, and the texts of agreements know no other end of a line.
        send=None if send is None else send.replace("\n", "\r\n").encode(),
        expected=None if contains is None else contains.encode(),
        reach=deployed.reach,
    )


@define
class TcpTrace(Trace):
    """What a look at a tcp source has found out so far."""

    first_byte: int | None = None
    matched: bool | None = None


class TcpProber(BoundedProber[TcpTrace]):
    """Looks at one tcp source."""

    def __init__(self, target: TcpTarget, clock: Clock, resolver: Resolver | None = None) -> None:
        super().__init__(target, clock)
        self._target = target
        self._opener = Opener(resolver or shared_resolver(), clock, target.timeout)

    def _begin(self) -> TcpTrace:
        return TcpTrace()

    async def _look(self, trace: TcpTrace, deadline: float) -> None:
        place = self._target.endpoint
        found = await self._opener.resolve(place.host, place.port, trace)
        allowed = reachable(found, self._target.reach, place.where)
        wire, _ = await self._opener.connect_bare(allowed, place.where, trace, deadline)
        try:
            await self._talk(wire, trace)
        finally:
            wire.abort()

    async def _talk(self, wire: AnyWire, trace: TcpTrace) -> None:
        target, where = self._target, self._target.endpoint.where
        began = self._clock.monotonic()
        if target.send is not None:
            wire.write(target.send)
        expected = target.expected
        if expected is None:
            return
        trace.stage = Stage.TEXT
        trace.matched = False
        read = bytearray()
        while True:
            try:
                data = await wire.read()
            except OSError as error:
                raise from_os_error(error, trace.stage, where) from None
            if data and trace.first_byte is None:
                trace.first_byte = self._clock.monotonic() - began
            read += data[: MOST_READ - len(read)]
            if expected in read:
                trace.matched = True
                return
            if not data and not read:
                raise ProbeFailed(Failure.INCOMPLETE, f"{where} closed the connection without a word")
            if not data:
                raise ProbeFailed(Failure.TEXT, f"{where} closed the connection before the expected text")
            if len(read) >= MOST_READ:
                raise ProbeFailed(
                    Failure.TEXT, f"the expected text is not in the first {MOST_READ} bytes from {where}"
                )

    def _values(self, trace: TcpTrace) -> dict[str, Raw]:
        return {
            "matched": trace.matched,
            "resolve": trace.resolve,
            "connect": trace.connect,
            "first_byte": trace.first_byte,
        }
