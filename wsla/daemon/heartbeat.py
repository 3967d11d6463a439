"""Waits for beats: each that comes is an observation, and so is each that does not, at the instant it was due."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from wsla.daemon.bindings import ProbePlan
from wsla.daemon.writer import Writer
from wsla.ports import Clock
from wsla.sources.heartbeat import MISSED, MISSING, HeartbeatTarget, beat, missing, not_heard
from wsla.store.errors import StoreError
from wsla.store.sqlite import Store
from wsla.values.instants import SECOND
from wsla.values.observations import Observation

_log = logging.getLogger(__name__)

_LONGEST_SLEEP: Final = 30 * SECOND
_STOPPED: Final = 10 * SECOND
"""How much later than an instant it may be noticed that no beat had come by then."""


class HeartbeatRunner:
    """Waits for the beats of one source; like a runner of looks otherwise.

    A beat is due ``every`` after the one before, and missing ``timeout`` later; while it stays away one more is missing
    after each ``every``. What fell due while nobody was there is unknown, and the sender has the whole time anew.
    """

    def __init__(
        self,
        agreement: str,
        plan: ProbePlan,
        target: HeartbeatTarget,
        clock: Clock,
        writer: Writer,
        ended: Callable[..., None],
    ) -> None:
        self.plan = plan
        self.ended = ended
        self.lateness = 0
        self.last: Observation | None = None
        self.pending: int | None = None
        self._agreement: Final = agreement
        self._timeout: Final = target.timeout
        self._clock: Final = clock
        self._writer: Final = writer
        self._beat_at: int | None = None
        self._changed: Final = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"source {self.plan.source}")

    async def stop(self, patience: float) -> None:
        """End."""
        self.pending = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def beat(self, *, good: bool) -> Observation:
        """A beat has come just now; whoever calls it hands the observation on."""
        now = self._clock.now()
        self._overdue(now)
        gap = None if self._beat_at is None else now - self._beat_at
        self._beat_at = now
        self.last = beat(self.plan.source, now, gap, good=good)
        self._wait_until(now + self.plan.every + self._timeout)
        return self.last

    async def _run(self) -> None:
        last = await self._stored()
        now = self._clock.now()
        if self._beat_at is None:
            due = now + self.plan.every + self._timeout
            if last is not None:
                wait = self.plan.every + (0 if last.failure == MISSING else self._timeout)
                due = last.at + wait if last.at + wait > now else due
                if last.failure not in (MISSING, MISSED):
                    self._beat_at = last.at
            self._wait_until(due)
        while True:
            assert self.pending is not None
            left = self.pending - self._clock.now()
            if left <= 0:
                self._overdue(self._clock.now())
                continue
            self._changed.clear()
            # In pieces: the monotonic clock stands still while the machine is suspended.
            sleeping = asyncio.ensure_future(self._clock.sleep(min(left, _LONGEST_SLEEP)))
            woken = asyncio.ensure_future(self._changed.wait())
            try:
                await asyncio.wait((sleeping, woken), return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleeping.cancel()
                woken.cancel()

    def _overdue(self, now: int) -> None:
        """Says what is missing by now."""
        while self.pending is not None and self.pending <= now:
            due = self.pending
            self.lateness = now - due
            if self.lateness > max(self._timeout, _STOPPED):
                self._wait_until(now + self.plan.every + self._timeout)
                self._tell(not_heard(self.plan.source, due))
                return
            gap = None if self._beat_at is None else due - self._beat_at
            self._wait_until(due + self.plan.every)
            self._tell(missing(self.plan.source, due, gap))

    def _wait_until(self, due: int) -> None:
        self.pending = due
        self._changed.set()

    def _tell(self, observation: Observation) -> None:
        self.last = observation
        self.ended(observation)

    async def _stored(self) -> Observation | None:
        """The latest observation from which something may still follow."""
        since = self._clock.now() - self.plan.every - self._timeout

        def look(store: Store) -> Observation | None:
            stored = store.observations(self._agreement, since, 2**63 - 1, self.plan.source)
            return next(iter(deque(stored, maxlen=1)), None)

        try:
            found: Observation | None = await asyncio.wrap_future(self._writer.call(look))
            return found
        except StoreError as problem:
            _log.warning("what came last of %s cannot be read: %s", self.plan.source, problem)
            return None
