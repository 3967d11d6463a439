"""The tls source: agrees on TLS with a service, whatever it speaks then, and looks at its certificate."""

from __future__ import annotations

import re
import ssl
from fractions import Fraction
from typing import Final

from attrs import define, frozen

from wsla.analysis.probes import unusable
from wsla.ports import Clock
from wsla.sources.network.endpoint import EndpointError, endpoint, host_alone
from wsla.sources.network.failures import Failure, ProbeFailed
from wsla.sources.network.looking import BoundedProber, Trace
from wsla.sources.network.opening import Opener, reachable, shared_resolver
from wsla.sources.network.resolver import Resolver
from wsla.sources.network.tls import context_for
from wsla.sources.targets import Deployed, EndpointTarget
from wsla.values.observations import Raw

FIELDS: Final = ("ok", "elapsed", "certificate_left", "protocol", "resolve", "connect", "handshake")
"""The names of the fields of every observation of a tls source."""

_HTTPS: Final = 443
_AGREED: Final = re.compile(r"TLSv(1(?:\.\d)?)")
_MILLIONTHS: Final = 1_000_000


@frozen(kw_only=True)
class TlsTarget(EndpointTarget):
    """What one tls source looks at. ``timeout`` is nanoseconds.

    ``name`` is the name that the certificate must be for, ``protocol`` the oldest version of TLS that counts as
    good, in millionths (1.3 is 1,300,000). ``ca_file`` names a file of certificates (PEM) to trust in place of the
    machine's own store.
    """

    name: str
    protocol: int | None = None
    verify_tls: bool = True
    ca_file: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields of every observation."""
        return FIELDS


def from_options(deployed: Deployed) -> TlsTarget:
    """The target of a tls source. Raises SourceError where an option cannot be used."""
    name, protocol = deployed.text("name"), deployed.text("protocol")
    try:
        place = endpoint(deployed.text("address") or "", _HTTPS)
        name = place.host if name is None else host_alone(name)
    except EndpointError as error:
        raise deployed.wrong(str(error)) from None
    if protocol is not None and (problem := unusable("tls", "protocol", protocol)) is not None:
        raise deployed.wrong(problem)
    verify, authorities = True, None
    match deployed.text("certificate"):
        case None | "checked":
            pass
        case "unchecked":
            verify = False
        case path:
            authorities = path
    return TlsTarget(
        source=deployed.name,
        endpoint=place,
        timeout=deployed.timeout,
        name=name.rstrip("."),
        protocol=None if protocol is None else round(Fraction(protocol) * _MILLIONTHS),
        verify_tls=verify if deployed.verify_tls is None else deployed.verify_tls,
        ca_file=deployed.ca_file or authorities,
        reach=deployed.reach,
    )


@define
class TlsTrace(Trace):
    """What a look at a tls source has found out so far."""

    protocol: int | None = None


class TlsProber(BoundedProber[TlsTrace]):
    """Looks at one tls source: a fresh handshake each time, no session taken up again."""

    def __init__(self, target: TlsTarget, clock: Clock, resolver: Resolver | None = None) -> None:
        super().__init__(target, clock)
        self._target = target
        self._opener = Opener(resolver or shared_resolver(), clock, target.timeout)

    def _begin(self) -> TlsTrace:
        return TlsTrace()

    async def _look(self, trace: TlsTrace, deadline: float) -> None:
        target, place = self._target, self._target.endpoint
        found = await self._opener.resolve(place.host, place.port, trace)
        allowed = reachable(found, target.reach, place.where)
        context = context_for(target.verify_tls, target.ca_file)
        wire, _ = await self._opener.connect(allowed, place.where, trace, deadline, context, target.name)
        try:
            assert wire.transport is not None
            trace.protocol = _agreed(wire.transport.get_extra_info("ssl_object"))
        finally:
            wire.abort()
        if target.protocol is not None and (trace.protocol or 0) < target.protocol:
            raise ProbeFailed(
                Failure.TLS_VERSION, f"{place.where} agrees only on an older version of TLS than expected"
            )

    def _values(self, trace: TlsTrace) -> dict[str, Raw]:
        return {
            "certificate_left": trace.certificate_left,
            "protocol": trace.protocol,
            "resolve": trace.resolve,
            "connect": trace.connect,
            "handshake": trace.handshake,
        }


def _agreed(connection: ssl.SSLObject) -> int | None:
    """The version that both sides agreed on, in millionths."""
    match = _AGREED.fullmatch(connection.version() or "")
    if match is None:
        return None
    whole, _, tenths = match[1].partition(".")
    return int(whole) * _MILLIONTHS + int(tenths or 0) * (_MILLIONTHS // 10)
