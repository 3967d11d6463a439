"""The frame of every look: one deadline over all of it, and one observation whatever happens."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Final, Generic, Protocol, TypeVar

from attrs import define

from wsla.ports import Clock
from wsla.sources.network.deadline import Deadline, deadlines_of
from wsla.sources.network.failures import Failure, ProbeFailed, Stage
from wsla.values.instants import MILLISECOND, SECOND, format_length
from wsla.values.observations import Observation, Raw

_MILLIONTHS: Final = 1_000_000
_LATE: Final = 500 * MILLISECOND


@define
class Trace:
    """What a look has found out so far; lengths in nanoseconds, summed over all connections of a look.

    ``blame`` is what the end of the time would mean just now, where it would not be the service's fault.
    """

    stage: Stage = Stage.RESOLVE
    resolve_began: int = 0
    resolve: int | None = None
    connect: int | None = None
    handshake: int | None = None
    certificate_left: int | None = None
    blame: ProbeFailed | None = None


Found = TypeVar("Found", bound=Trace)


class BoundedTarget(Protocol):
    """What the frame needs to know of a target. ``timeout`` is nanoseconds."""

    @property
    def source(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def fields(self) -> tuple[str, ...]: ...

    @property
    def timeout(self) -> int: ...


class BoundedProber(ABC, Generic[Found]):
    """Looks at one target, each time anew, within one deadline.

    Any number of looks may run at once. ``close`` ends those that run: they come back as unknown. A look that
    is cancelled gives back what it holds and passes the cancellation on.
    """

    def __init__(self, target: BoundedTarget, clock: Clock) -> None:
        self._bounds = target
        self._clock = clock
        self._running: set[Deadline] = set()
        self._closed = False

    @abstractmethod
    def _begin(self) -> Found:
        """An empty trace."""

    @abstractmethod
    async def _look(self, trace: Found, deadline: float) -> None:
        """One look, noted in ``trace``; ``deadline`` is of the running loop's clock. Raises ProbeFailed."""

    @abstractmethod
    def _values(self, trace: Found) -> dict[str, Raw]:
        """The fields that a look found out, without ``ok`` and ``elapsed``."""

    async def probe(self, at: int) -> Observation:
        """One observation stamped ``at``. Never raises for anything that the service or the network does."""
        trace = self._begin()
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
        """End the looks that run and refuse further ones."""
        self._closed = True
        for deadline in self._running:
            deadline.expire()
        while self._running:
            await asyncio.sleep(0)

    async def _within_deadline(self, trace: Found) -> None:
        if self._closed:
            raise _shutdown()
        deadline = deadlines_of(asyncio.get_running_loop(), self._bounds.timeout / SECOND).begin()
        self._running.add(deadline)
        try:
            with deadline:
                await self._look(trace, deadline.when)
        except TimeoutError:
            if self._closed:
                raise _shutdown() from None
            if trace.blame is not None:
                raise trace.blame from None
            asked = self._clock.monotonic() - trace.resolve_began
            if trace.stage is Stage.RESOLVE and 2 * asked >= self._bounds.timeout:
                # Less than half the time means that an earlier hop of the service had used up the rest.
                raise ProbeFailed(
                    Failure.OBSERVER_RESOLVER, f"the resolver did not answer for {self._bounds.host}"
                ) from None
            raise self._timed_out(trace) from None
        finally:
            self._running.discard(deadline)

    def _timed_out(self, trace: Found) -> ProbeFailed:
        limit = format_length(self._bounds.timeout)
        return ProbeFailed(Failure.TIMEOUT, f"no complete answer within {limit}, while {trace.stage}")

    def _overdue(self, trace: Found, elapsed: int) -> ProbeFailed:
        """A look past its deadline: by a little it is the service that is slow, by much the observer stood still."""
        beyond = elapsed - self._bounds.timeout
        if beyond <= _LATE:
            return self._timed_out(trace)
        reason = f"the observer was stopped or overloaded for {format_length(beyond)}"
        return ProbeFailed(Failure.OBSERVER_LATE, reason)

    def _observation(self, at: int, elapsed: int, trace: Found, failed: ProbeFailed | None) -> Observation:
        target = self._bounds
        if elapsed > target.timeout and (failed is None or not failed.failure.of_observer):
            failed = self._overdue(trace, elapsed)
        fields: dict[str, Raw] = dict.fromkeys(target.fields)
        if failed is None or not failed.failure.of_observer:
            timed_out = failed is not None and failed.failure is Failure.TIMEOUT
            fields |= {"ok": failed is None, "elapsed": target.timeout if timed_out else elapsed}
            fields |= self._values(trace)
        return Observation(
            source=target.source,
            at=at,
            fields=fields,
            reason=None if failed is None else failed.reason,
            failure=None if failed is None else failed.failure.value,
        )


def millionths(number: int | None) -> int | None:
    """A plain number as observations hold it."""
    return None if number is None else number * _MILLIONTHS


def _shutdown() -> ProbeFailed:
    return ProbeFailed(Failure.OBSERVER_SHUTDOWN, "the probe was ended because the observer stops")
