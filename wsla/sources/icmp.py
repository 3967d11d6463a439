"""The icmp source: echo requests ("ping"), how long their way is and how many get lost."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from typing import Final

from attrs import define, field, frozen

from wsla.analysis.probes import unusable
from wsla.ports import Clock
from wsla.sources.network.addresses import EVERYWHERE, Address, Reach
from wsla.sources.network.endpoint import EndpointError, host_alone
from wsla.sources.network.failures import Failure, ProbeFailed, Stage, from_os_error
from wsla.sources.network.looking import BoundedProber, Trace, millionths
from wsla.sources.network.opening import Opener, reachable, shared_resolver
from wsla.sources.network.resolver import Resolver
from wsla.sources.targets import Deployed
from wsla.values.instants import MILLISECOND, SECOND, format_length
from wsla.values.observations import Raw

FIELDS: Final = ("ok", "elapsed", "round_trip", "loss", "sent", "received", "resolve")
"""The names of the fields of every observation of an icmp source."""

NOT_PERMITTED: Final = (
    "this machine does not let wsla send ICMP: permit it to its group (net.ipv4.ping_group_range), "
    "or give it the capability CAP_NET_RAW"
)

_MILLIONTHS: Final = 1_000_000
_APART: Final = 100 * MILLISECOND
_SPARE: Final = 50 * MILLISECOND
_ECHO: Final = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
_HEADER: Final = struct.Struct("!BBHHH")
_PAUSE: Final = 0.01
_TOKEN_BYTES: Final = 16
_LARGEST: Final = 2_048
_IPV4: Final = 4


@frozen(kw_only=True)
class IcmpTarget:
    """What one icmp source looks at: ``count`` packets each time. ``timeout`` is nanoseconds."""

    source: str
    host: str
    timeout: int
    count: int = 1
    reach: frozenset[Reach] = EVERYWHERE

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields of every observation."""
        return FIELDS

    @property
    def shown(self) -> str:
        """The host."""
        return self.host


def from_options(deployed: Deployed) -> IcmpTarget:
    """The target of an icmp source. Raises SourceError where an option cannot be used, or ICMP is not permitted."""
    try:
        host = host_alone(deployed.text("address") or "")
    except EndpointError as error:
        raise deployed.wrong(str(error)) from None
    count = deployed.text("count") or "1"
    if (problem := unusable("icmp", "count", count)) is not None:
        raise deployed.wrong(problem)
    try:
        open_socket(socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except PermissionError:
        raise deployed.wrong(NOT_PERMITTED) from None
    except OSError:
        # No descriptor left, or no such family: that is seen, and said, at every look.
        pass
    return IcmpTarget(
        source=deployed.name, host=host, timeout=deployed.timeout, count=int(count), reach=deployed.reach
    )


def open_socket(family: socket.AddressFamily) -> socket.socket:
    """A socket for ICMP: of the kind that needs no privilege where the kernel permits it, else a raw one.

    Raises PermissionError where it permits neither, and OSError.
    """
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    try:
        opened = socket.socket(family, socket.SOCK_DGRAM, protocol)
    except PermissionError:
        opened = socket.socket(family, socket.SOCK_RAW, protocol)
    opened.setblocking(False)
    return opened


@define
class IcmpTrace(Trace):
    """What a look at an icmp source has found out so far. ``ways`` are lengths in nanoseconds by number of packet."""

    sent_at: list[int] = field(factory=list)
    ways: dict[int, int] = field(factory=dict)
    refused: ProbeFailed | None = None


class IcmpProber(BoundedProber[IcmpTrace]):
    """Looks at one icmp source: the packets 100 ms apart, closer where the timeout is short."""

    def __init__(self, target: IcmpTarget, clock: Clock, resolver: Resolver | None = None) -> None:
        super().__init__(target, clock)
        self._target = target
        self._opener = Opener(resolver or shared_resolver(), clock, target.timeout)

    def _begin(self) -> IcmpTrace:
        return IcmpTrace()

    async def _look(self, trace: IcmpTrace, deadline: float) -> None:
        target = self._target
        found = await self._opener.resolve(target.host, 0, trace)
        address = reachable(found, target.reach, target.host)[0]
        trace.stage = Stage.ANSWER
        try:
            opened = open_socket(address.family)
        except OSError as error:
            raise from_os_error(error, Stage.CONNECT, target.host) from None
        with opened:
            # Ends before the deadline: what came until then is an observation, also where packets are missing.
            spare = min(_SPARE, target.timeout // 10) / SECOND
            try:
                async with asyncio.timeout_at(deadline - spare):
                    await self._exchange(opened, address, trace)
            except TimeoutError:
                if self._closed:
                    raise
        if not trace.ways:
            raise trace.refused or ProbeFailed(
                Failure.TIMEOUT, f"no reply from {target.host} within {format_length(target.timeout)}"
            )

    async def _exchange(self, opened: socket.socket, address: Address, trace: IcmpTrace) -> None:
        try:
            opened.connect(address.socket_address)
        except OSError as error:
            raise from_os_error(error, Stage.CONNECT, self._target.host) from None
        token = secrets.token_bytes(_TOKEN_BYTES)
        tasks = [
            asyncio.ensure_future(one)
            for one in (
                self._send(opened, address, token, trace),
                self._receive(opened, address, token, trace),
            )
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, opened: socket.socket, address: Address, token: bytes, trace: IcmpTrace) -> None:
        count = self._target.count
        apart = min(_APART, self._target.timeout // (2 * count)) / SECOND
        identifier = secrets.randbits(16)
        for number in range(count):
            if number:
                await asyncio.sleep(apart)
            trace.sent_at.append(self._clock.monotonic())
            try:
                opened.send(request(address.family, identifier, number, token))
            except OSError as error:
                self._note(error, trace)

    async def _receive(self, opened: socket.socket, address: Address, token: bytes, trace: IcmpTrace) -> None:
        loop = asyncio.get_running_loop()
        while len(trace.ways) < self._target.count:
            try:
                data = await loop.sock_recv(opened, _LARGEST)
            except OSError as error:
                self._note(error, trace)
                await asyncio.sleep(_PAUSE)
                continue
            now = self._clock.monotonic()
            number = reply_number(address.family, data, token)
            if number is not None and number < len(trace.sent_at):
                trace.ways.setdefault(number, now - trace.sent_at[number])
            # A raw socket is given the replies to others too, maybe without end.
            await asyncio.sleep(0)

    def _note(self, error: OSError, trace: IcmpTrace) -> None:
        """A packet that the network refuses is lost; one that this machine cannot send says nothing."""
        failed = from_os_error(error, Stage.ANSWER, self._target.host)
        if failed.failure.of_observer:
            raise failed from None
        trace.refused = failed

    def _values(self, trace: IcmpTrace) -> dict[str, Raw]:
        sent, received = len(trace.sent_at), len(trace.ways)
        return {
            "round_trip": sum(trace.ways.values()) // received if received else None,
            "loss": (sent - received) * _MILLIONTHS // sent if sent else None,
            "sent": millionths(sent),
            "received": millionths(received),
            "resolve": trace.resolve,
        }


def request(family: int, identifier: int, number: int, token: bytes) -> bytes:
    """An echo request. The checksum of IPv6 is left to the kernel, which knows both addresses."""
    kind = _ECHO[socket.AddressFamily(family)][0]
    packet = _HEADER.pack(kind, 0, 0, identifier, number) + token
    if family == socket.AF_INET6:
        return packet
    return _HEADER.pack(kind, 0, checksum(packet), identifier, number) + token


def reply_number(family: int, data: bytes, token: bytes) -> int | None:
    """The number of the packet that ``data`` is the reply to; None where it is none of ours."""
    if family == socket.AF_INET and data and data[0] >> 4 == _IPV4:
        data = data[(data[0] & 15) * 4 :]
    if len(data) < _HEADER.size or data[_HEADER.size :] != token:
        return None
    kind, code, number = data[0], data[1], int.from_bytes(data[6:8], "big")
    return number if (kind, code) == (_ECHO[socket.AddressFamily(family)][1], 0) else None


def checksum(packet: bytes) -> int:
    """The checksum of the Internet protocols (RFC 1071)."""
    padded = packet + b"\0" * (len(packet) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
