"""The dns source: asks a name server, and looks at the answer, its time to live, or its kind of refusal."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, cast

from attrs import define, field, frozen

from wsla.analysis.probes import unusable
from wsla.ports import Clock
from wsla.sources.network.addresses import EVERYWHERE, Address, Reach
from wsla.sources.network.endpoint import Endpoint, EndpointError, endpoint
from wsla.sources.network.failures import Failure, ProbeFailed, Stage, from_os_error
from wsla.sources.network.looking import BoundedProber, Trace, millionths
from wsla.sources.network.opening import Opener, reachable, shared_resolver
from wsla.sources.network.resolver import Resolver
from wsla.sources.targets import Deployed
from wsla.values.instants import SECOND
from wsla.values.observations import Raw

if TYPE_CHECKING:
    from dns.message import QueryMessage
    from dns.rdata import Rdata

FIELDS: Final = ("ok", "elapsed", "resolve", "answers", "ttl", "matched")
"""The names of the fields of every observation of a dns source."""

ATTEMPTS: Final = 3
"""So often a question is sent before the timeout: a datagram may be lost without anybody's fault."""

_PORT: Final = 53
_OWN: Final = "the name server of this machine"


@frozen(kw_only=True)
class DnsTarget:
    """What one dns source asks. ``timeout`` is nanoseconds.

    ``name`` is absolute; ``server`` None asks the machine's own name servers. ``expected`` are all answers that there
    may be, ``contained`` some that there must be; both are data of the record's type in the text form of zone files.
    """

    source: str
    name: str
    record: str
    timeout: int
    server: Endpoint | None = None
    expected: tuple[str, ...] = field(default=(), repr=False)
    contained: tuple[str, ...] = field(default=(), repr=False)
    reach: frozenset[Reach] = EVERYWHERE

    @property
    def host(self) -> str:
        """The server that is asked; none of the machine's own."""
        return "" if self.server is None else self.server.host

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields of every observation."""
        return FIELDS

    @property
    def shown(self) -> str:
        """Type of record, name and server."""
        where = "" if self.server is None else f" at {self.server.where}"
        return f"{self.record} {self.name}{where}"


def from_options(deployed: Deployed) -> DnsTarget:
    """The target of a dns source. Raises SourceError where an option cannot be used."""
    try:
        import dns.exception
    except ImportError:
        raise deployed.wrong(
            "a source of kind dns needs the library dnspython: pip install 'wsla[dns]'"
        ) from None
    record = (deployed.text("record") or "A").upper()
    if (problem := unusable("dns", "record", record)) is not None:
        raise deployed.wrong(problem)
    server = deployed.text("server")
    try:
        place = None if server is None else endpoint(server, _PORT)
    except EndpointError as error:
        raise deployed.wrong(f"server: {error}") from None
    expected, contained = deployed.texts("expected"), deployed.texts("contains")
    for text in (*expected, *contained):
        try:
            _data(record, text)
        except dns.exception.DNSException:
            raise deployed.wrong(f"an expected answer is no data of a record {record}") from None
    return DnsTarget(
        source=deployed.name,
        name=_name(deployed, record),
        record=record,
        timeout=deployed.timeout,
        server=place,
        expected=expected,
        contained=contained,
        reach=deployed.reach,
    )


def _name(deployed: Deployed, record: str) -> str:
    import dns.exception
    import dns.name
    import dns.reversename

    text = deployed.text("name") or ""
    try:
        if record == "PTR" and _is_number(text):
            return str(dns.reversename.from_address(text).to_text())
        name = dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError):
        raise deployed.wrong("the name cannot be a name in the DNS") from None
    if not text:
        raise deployed.wrong("there is no name to ask for")
    return str(name.to_text())


def _is_number(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _data(record: str, text: str) -> Rdata | bytes:
    """What can be compared with an answer; texts are compared as they are, however they were cut into pieces."""
    import dns.name
    import dns.rdata

    if record == "TXT":
        return text.encode()
    return dns.rdata.from_text("IN", record, text, origin=dns.name.root, relativize=False)


@define
class DnsTrace(Trace):
    """What a look at a dns source has found out so far."""

    asked: int | None = None
    answers: int | None = None
    ttl: int | None = None
    matched: bool | None = None


class DnsProber(BoundedProber[DnsTrace]):
    """Looks at one dns source: over UDP, and once more over TCP where the answer does not fit into a datagram."""

    def __init__(self, target: DnsTarget, clock: Clock, resolver: Resolver | None = None) -> None:
        super().__init__(target, clock)
        self._target = target
        self._opener = Opener(resolver or shared_resolver(), clock, target.timeout)
        self._expected = {_data(target.record, text) for text in target.expected}
        self._contained = {_data(target.record, text) for text in target.contained}

    def _begin(self) -> DnsTrace:
        return DnsTrace()

    async def _look(self, trace: DnsTrace, deadline: float) -> None:
        servers, where = await self._servers(trace)
        if self._target.server is not None:
            trace.stage = Stage.ANSWER
        message = await self._ask(servers, where, trace, deadline)
        self._judge(message, where, trace)

    async def _servers(self, trace: DnsTrace) -> tuple[list[Address], str]:
        place = self._target.server
        if place is None:
            trace.resolve_began = self._clock.monotonic()
            return own_servers(), _OWN
        found = await self._opener.resolve(place.host, place.port, trace)
        return reachable(found, self._target.reach, place.where), place.where

    async def _ask(
        self, servers: list[Address], where: str, trace: DnsTrace, deadline: float
    ) -> QueryMessage:
        import dns.asyncquery
        import dns.exception
        import dns.message

        loop = asyncio.get_running_loop()
        attempts = max(ATTEMPTS, len(servers))
        refused: ProbeFailed | None = None
        for attempt in range(attempts):
            address = servers[attempt % len(servers)]
            question = dns.message.make_query(self._target.name, self._target.record)
            left = (deadline - loop.time()) / (attempts - attempt)
            began = self._clock.monotonic()
            try:
                message, _ = await dns.asyncquery.udp_with_fallback(
                    question,
                    address.host,
                    timeout=None if attempt == attempts - 1 else left,
                    port=int(address.socket_address[1]),
                    ignore_unexpected=True,
                    ignore_errors=True,
                )
            except dns.exception.Timeout:
                continue
            except dns.exception.DNSException:
                raise ProbeFailed(Failure.PROTOCOL, f"{where} did not answer as a name server does") from None
            except EOFError:
                raise ProbeFailed(Failure.INCOMPLETE, f"{where} ended the answer too early") from None
            except OSError as error:
                # Another address of the server may be there, or of the other family.
                refused = from_os_error(error, Stage.ANSWER, where)
                if refused.failure is Failure.OBSERVER_RESOURCES:
                    raise refused from None
                continue
            trace.asked = self._clock.monotonic() - began
            return cast("QueryMessage", message)
        raise refused or TimeoutError

    def _judge(self, message: QueryMessage, where: str, trace: DnsTrace) -> None:
        import dns.exception
        import dns.rcode

        code = message.rcode()
        name, record = self._target.name, self._target.record
        if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            self._refused(dns.rcode.to_text(code), where)
        try:
            chain = message.resolve_chaining()
        except dns.exception.DNSException:
            raise ProbeFailed(Failure.PROTOCOL, f"{where} gave an answer that contradicts itself") from None
        if code == dns.rcode.NXDOMAIN:
            trace.answers = 0
            raise ProbeFailed(Failure.DNS_NXDOMAIN, f"{where} says that there is no name {name}")
        if chain.answer is None:
            trace.answers = 0
            raise ProbeFailed(Failure.DNS_NO_ANSWER, f"{where} knows no record {record} of {name}")
        trace.answers = len(chain.answer)
        trace.ttl = chain.minimum_ttl * SECOND
        if not self._expected and not self._contained:
            return
        given = {b"".join(one.strings) if record == "TXT" else one for one in chain.answer}
        trace.matched = self._contained <= given and (not self._expected or self._expected == given)
        if not trace.matched:
            raise ProbeFailed(Failure.DNS_ANSWER, f"{where} gives other answers than expected for {name}")

    def _refused(self, word: str, where: str) -> None:
        if self._target.server is None:
            # Whether the name's own server failed, or the one on the way to it, cannot be told apart from here.
            raise ProbeFailed(Failure.OBSERVER_RESOLVER, f"{where} answered {word}")
        failure = {"SERVFAIL": Failure.DNS_SERVFAIL, "REFUSED": Failure.DNS_REFUSED}
        raise ProbeFailed(failure.get(word, Failure.DNS_ERROR), f"{where} answered {word}")

    def _values(self, trace: DnsTrace) -> dict[str, Raw]:
        return {
            "resolve": trace.asked,
            "answers": millionths(trace.answers),
            "ttl": trace.ttl,
            "matched": trace.matched,
        }


def own_servers() -> list[Address]:
    """The name servers that this machine is set up to ask. Raises ProbeFailed where there is none."""
    import socket

    import dns.exception
    import dns.resolver

    try:
        servers = dns.resolver.Resolver().nameservers
    except (dns.exception.DNSException, OSError):
        servers = []
    found = []
    for server in servers:
        if isinstance(server, str) and _is_number(server):
            family = socket.AF_INET6 if ":" in server else socket.AF_INET
            found.append(Address(family, (server, _PORT)))
    if not found:
        raise ProbeFailed(Failure.OBSERVER_RESOLVER, "this machine is not set up to ask any name server")
    return found
