"""When each source is looked at: on a grid of its own that never drifts, within limits, every look accounted for."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

from attrs import define, field

from wsla.daemon.bindings import ProbePlan
from wsla.daemon.lateness import Lateness
from wsla.ports import Clock, Prober
from wsla.values.instants import MILLISECOND, SECOND, format_length
from wsla.values.observations import Observation

_log = logging.getLogger(__name__)

MISSED: Final = "observer-missed"
SHUTDOWN: Final = "observer-shutdown"
_LONGEST_SLEEP: Final = 30 * SECOND
_LATEST: Final = SECOND
_FEW: Final = 64
_PAUSE: Final = 50 * MILLISECOND


def phase_of(agreement: str, source: str, every: int) -> int:
    """How much after whole multiples of ``every`` a source is looked at: stable, and spread over sources."""
    digest = hashlib.sha256(f"{agreement}\0{source}".encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:12], "big") * every >> 96


def next_tick(after: int, every: int, phase: int) -> int:
    """The first tick later than an instant."""
    return ((after - phase) // every + 1) * every + phase


@define
class Slots:
    """How many probes run at once, in all and to one host; ``lateness`` counts how late they began.

    ``ended`` is told of every one that has ended, before anybody else.
    """

    concurrency: int
    per_host: int
    _ended: Callable[[Observation], None] | None = None
    _all: asyncio.Semaphore = field(init=False)
    _hosts: dict[str, asyncio.Semaphore] = field(init=False, factory=dict)
    running: int = 0
    lateness: Lateness = field(init=False, factory=Lateness)

    def __attrs_post_init__(self) -> None:
        self._all = asyncio.Semaphore(self.concurrency)

    async def enter(self, host: str) -> asyncio.Semaphore | None:
        """Waits for a slot, and gives what ``leave`` takes. An empty host has no limit of its own."""
        # First the host's: who waits for a slow host takes no slot from others.
        own = None
        if host:
            own = self._hosts.get(host)
            if own is None:
                own = self._hosts[host] = asyncio.Semaphore(self.per_host)
            await own.acquire()
        try:
            await self._all.acquire()
        except BaseException:
            if own is not None:
                own.release()
            raise
        return own

    def note(self, observation: Observation) -> None:
        """A probe has ended so."""
        if self._ended is not None:
            self._ended(observation)

    def leave(self, entered: asyncio.Semaphore | None) -> None:
        """Gives a slot back."""
        self._all.release()
        if entered is not None:
            entered.release()


class Alarm:
    """Wakes any number of sleepers, those together whose instants lie within a pause of each other.

    To wake costs more than to look at a clock: with many sources a wake-up serves several. Nobody is woken early.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0
        self._given_up = 0
        self._sleeping_until = 0
        self._rests_until = 0
        self._task: asyncio.Task[None] | None = None

    async def until(self, instant: int) -> None:
        """Returns once it is that late."""
        if instant <= self._clock.now():
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heappush(self._sleepers, (instant, self._count, sleeper))
        if self._task is not None and max(instant, self._rests_until) < self._sleeping_until:
            self._task.cancel()
            self._task = None
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._ring(), name="alarm")
        try:
            await sleeper
        except asyncio.CancelledError:
            self._forget()
            raise

    def _forget(self) -> None:
        """One sleeper has given up: from time to time those who have are taken out."""
        self._given_up += 1
        if 8 * self._given_up > len(self._sleepers) + _FEW:
            self._sleepers = [one for one in self._sleepers if not one[2].done()]
            heapify(self._sleepers)
            self._given_up = 0

    async def _ring(self) -> None:
        while self._sleepers:
            now = self._clock.now()
            wake = max(self._sleepers[0][0], self._rests_until)
            if wake > now:
                # In pieces: the monotonic clock stands still while the machine is suspended.
                self._sleeping_until = min(wake, now + _LONGEST_SLEEP)
                await self._clock.sleep(self._sleeping_until - now)
                continue
            self._rests_until = now + _PAUSE
            while self._sleepers and self._sleepers[0][0] <= now:
                _, _, sleeper = heappop(self._sleepers)
                if sleeper.done():
                    self._given_up = max(self._given_up - 1, 0)
                else:
                    sleeper.set_result(None)
        self._task = None


class Runner(Protocol):
    """What gives the observations of one source: see ``SourceRunner``."""

    ended: Callable[..., None]
    lateness: int
    last: Observation | None
    pending: int | None

    @property
    def plan(self) -> ProbePlan:
        """What it looks at."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    async def stop(self, patience: float) -> None:
        """End, in ``patience`` seconds."""
        ...


class SourceRunner:
    """Looks at one source, again and again.

    ``pending`` is an instant before which no observation of this source comes any more; None once it has ended.
    ``ended`` is called with every observation, in order of their instants. Runners that share an ``alarm`` cost less.
    """

    def __init__(
        self,
        agreement: str,
        plan: ProbePlan,
        prober: Prober,
        clock: Clock,
        slots: Slots,
        ended: Callable[..., None],
        alarm: Alarm | None = None,
    ) -> None:
        self.plan: Final = plan
        self.ended = ended
        self.lateness = 0
        self.last: Observation | None = None
        self._prober: Final = prober
        self._clock: Final = clock
        self._slots: Final = slots
        self._alarm: Final = alarm or Alarm(clock)
        self._phase: Final = phase_of(agreement, plan.source, plan.every)
        self._task: asyncio.Task[None] | None = None
        self._probing = False
        self._stopping = False
        self.pending: int | None = next_tick(clock.now(), plan.every, self._phase)

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"source {self.plan.source}")

    async def stop(self, patience: float) -> None:
        """End. A probe that runs has ``patience`` seconds to end by itself; then it is recorded as unknown."""
        self._stopping = True
        task = self._task
        if task is None:
            self.pending = None
            return
        if not self._probing:
            task.cancel()
        if self._probing and patience > 0:
            await asyncio.wait((task,), timeout=patience)
        await self._prober.close()
        await asyncio.wait((task,))

    async def _run(self) -> None:
        try:
            while not self._stopping:
                tick = self.pending
                assert tick is not None
                await self._alarm.until(tick)
                observation = await self._look(tick)
                missed = observation.failure == MISSED
                self.pending = next_tick(self._clock.now() if missed else tick, self.plan.every, self._phase)
                self._tell(observation)
        except asyncio.CancelledError:
            tick, self.pending = self.pending, None
            if tick is not None and tick <= self._clock.now():
                self._tell(self._unknown(tick, SHUTDOWN, "the observer stopped before the look"))
        finally:
            self.pending = None

    async def _look(self, tick: int) -> Observation:
        every = self.plan.every
        if self._clock.now() - tick < every:
            entered = await self._slots.enter(self.plan.target.host)
            try:
                start = self._clock.now()
                late = start - tick
                if late < every:
                    self.lateness = late
                    self._slots.lateness.note(late)
                    at = tick if late <= min(every // 10, _LATEST) else start
                    self.pending = at
                    return await self._probe(at)
            finally:
                self._slots.leave(entered)
        late = self._clock.now() - tick
        self.lateness = late
        self._slots.lateness.note_missed()
        reason = f"the observer was stopped or overloaded for {format_length(late // 1_000_000 * 1_000_000)}"
        return self._unknown(tick, MISSED, reason)

    async def _probe(self, at: int) -> Observation:
        self._probing = True
        self._slots.running += 1
        try:
            observation = await self._prober.probe(at)
            self._slots.note(observation)
            return observation
        except Exception as error:
            _log.exception("the probe of %s failed", self.plan.source)
            return self._unknown(at, "observer-internal", f"the probe itself failed ({type(error).__name__})")
        finally:
            self._slots.running -= 1
            self._probing = False

    def _unknown(self, at: int, failure: str, reason: str) -> Observation:
        fields = dict.fromkeys(self.plan.target.fields)
        return Observation(source=self.plan.source, at=at, fields=fields, reason=reason, failure=failure)

    def _tell(self, observation: Observation) -> None:
        self.last = observation
        self.ended(observation)
