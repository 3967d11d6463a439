"""Whether this machine's own network works: asked whenever a service could not be reached, so as not to blame it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from wsla.ports import Clock, Prober
from wsla.sources.network.addresses import Reach, reach
from wsla.sources.network.connection import connect
from wsla.sources.network.endpoint import Endpoint
from wsla.sources.network.failures import Failure, ProbeFailed
from wsla.sources.network.opening import shared_resolver
from wsla.sources.network.resolver import Resolver, numeric
from wsla.values.instants import SECOND
from wsla.values.observations import Observation

WITHIN: Final = 2.0
"""Seconds that the references have to answer."""

_HOLDS: Final = SECOND
_OF_THE_WAY: Final = frozenset(
    {Failure.TIMEOUT, Failure.UNREACHABLE, Failure.RESOLVE_NOT_FOUND, Failure.REFUSED, Failure.RESET}
)
_ANSWERED: Final = frozenset({Failure.REFUSED, Failure.RESET})


class Witness:
    """Knows other places in the network. ``tell`` takes what an operator should know, once each time it changes."""

    def __init__(
        self,
        references: Sequence[Endpoint],
        clock: Clock,
        tell: Callable[[str], None],
        resolver: Resolver | None = None,
    ) -> None:
        self._references: Final = tuple(references)
        self._clock: Final = clock
        self._tell: Final = tell
        self._resolver: Final = resolver or shared_resolver()
        self._asking: asyncio.Task[bool] | None = None
        self._asked_at: int | None = None
        self._works = True

    async def network_works(self) -> bool:
        """False where not one of the references can be reached. What was found holds for a second."""
        if self._asking is None:
            if self._asked_at is not None and self._clock.monotonic() - self._asked_at < _HOLDS:
                return self._works
            self._asking = asyncio.get_running_loop().create_task(self._ask(), name="witness")
        return await asyncio.shield(self._asking)

    async def _ask(self) -> bool:
        try:
            works = await self._any_answers()
        finally:
            self._asked_at = self._clock.monotonic()
            self._asking = None
        if works != self._works:
            self._works = works
            self._tell(
                "This machine's network works again."
                if works
                else "This machine's network does not work: none of its references can be reached. "
                "Services that cannot be reached meanwhile are unknown, not down."
            )
        return works

    async def _any_answers(self) -> bool:
        asked = [asyncio.ensure_future(self._answers(one)) for one in self._references]
        try:
            for answer in asyncio.as_completed(asked):
                if await answer:
                    return True
            return False
        finally:
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _answers(self, reference: Endpoint) -> bool:
        deadline = asyncio.get_running_loop().time() + WITHIN
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._resolver.resolve(reference.host, reference.port)
                connected, _ = await connect(addresses, reference.where, deadline)
        except ProbeFailed as failed:
            # Who refuses is there.
            return failed.failure in _ANSWERED
        except OSError:
            return False
        connected.close()
        return True


class WitnessedProber:
    """A prober whose failures to reach its service are unknown while this machine's own network does not work."""

    def __init__(self, prober: Prober, witness: Witness) -> None:
        self._prober: Final = prober
        self._witness: Final = witness

    async def probe(self, at: int) -> Observation:
        """One observation stamped ``at``. Never raises for anything that the service or the network does."""
        seen = await self._prober.probe(at)
        if seen.failure not in _OF_THE_WAY or await self._witness.network_works():
            return seen
        return Observation(
            source=seen.source,
            at=seen.at,
            fields=dict.fromkeys(seen.fields),
            reason=f"this machine's network does not work ({seen.reason})",
            failure=Failure.OBSERVER_NETWORK.value,
        )

    async def close(self) -> None:
        """Give back sockets and files."""
        await self._prober.close()


def needs_network(kind: str, host: str) -> bool:
    """True where a look at a host of a kind of source leaves this machine."""
    if kind == "command" or host.rstrip(".").lower() == "localhost":
        return False
    known = numeric(host)
    return known is None or reach(known.host) is not Reach.LOOPBACK
