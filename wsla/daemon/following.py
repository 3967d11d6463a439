"""A source that is read on: what was added goes to the disk, and then the place up to which it was read."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from wsla.daemon.bindings import ProbePlan
from wsla.daemon.pushing import Crowded, NotPushed, Taken
from wsla.daemon.scheduler import next_tick, phase_of
from wsla.daemon.writer import Item, Writer
from wsla.evaluation.encoding import SECOND_VALUE
from wsla.plan.model import Source
from wsla.ports import Clock
from wsla.sources.following import Follower, Found, NotFollowed
from wsla.sources.network.failures import Failure
from wsla.sources.threads import TooManyThreads, shared_threads
from wsla.store.errors import StoreError
from wsla.store.records import Observed, Place
from wsla.store.sqlite import Store
from wsla.values.instants import SECOND, format_length
from wsla.values.observations import Observation, Raw

_log = logging.getLogger(__name__)

MOST_STREAMS: Final = 10_000
_LONGEST_SLEEP: Final = 30 * SECOND
_AGAIN_AFTER: Final = SECOND // 2
SLOWEST: Final = 60 * SECOND
"""A look that takes longer is not waited for, unless it is said otherwise."""


class Takes(Protocol):
    """See ``Inbox.take``."""

    def __call__(self, title: str, source: str, sent: Sequence[Observed]) -> Awaitable[Taken]: ...


class FollowRunner:
    """Reads one source on, again and again; like a runner of looks otherwise.

    What cannot be read for ``patience`` nanoseconds is unknown from then on, every stream of it, until rows come again.
    Without ``tells_unknown`` the rows themselves say how long they hold, and nothing is said beside them.
    Rows from before the agreement was kept here (less ``grace`` nanoseconds) are passed over.
    """

    def __init__(
        self,
        agreement: str,
        plan: ProbePlan,
        declared: Source,
        follower: Follower,
        *,
        patience: int,
        deadline: int,
        grace: int,
        clock: Clock,
        writer: Writer,
        take: Takes,
        ended: Callable[..., None],
        tells_unknown: bool = True,
    ) -> None:
        self.plan: Final = plan
        self.ended = ended
        self.lateness = 0
        self.last: Observation | None = None
        self.pending: int | None = None
        self.refused = 0
        self._agreement: Final = agreement
        self._declared: Final = declared
        self._follower: Final = follower
        self._patience: Final = patience
        self._grace: Final = grace
        self._clock: Final = clock
        self._writer: Final = writer
        self._deadline: Final = deadline
        self._take: Final = take
        self._tells_unknown: Final = tells_unknown
        self._phase: Final = phase_of(agreement, plan.source, plan.every)
        self._streams: Final[dict[str, None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._looking: asyncio.Future[Found] | None = None
        self._failing_since: int | None = None
        self._said: str | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"source {self.plan.source}")

    async def stop(self, patience: float) -> None:
        """End. What was read and is not on the disk is read again some other time."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        if self._looking is not None and not self._looking.done():
            self._follower.cancel()
            await asyncio.wait((self._looking,), timeout=patience)
        if self._looking is None or self._looking.done():
            self._follower.close()

    async def _run(self) -> None:
        await self._begin()
        tick = self._clock.now()
        while True:
            await self._until(tick)
            self.lateness = max(self._clock.now() - tick, 0)
            try:
                more = await self._look()
            except asyncio.CancelledError:
                raise
            except NotFollowed as problem:
                more = False
                self._fails(problem.failure, problem.reason)
            except Exception as error:
                more = False
                _log.exception("reading %s on failed", self.plan.source)
                self._fails(
                    Failure.OBSERVER_INTERNAL.value, f"the look itself failed ({type(error).__name__})"
                )
                # What was read and not kept is read again.
                await self._begin()
            tick = self._clock.now() if more else next_tick(self._clock.now(), self.plan.every, self._phase)

    async def _begin(self) -> None:
        def ask(store: Store) -> tuple[Any, int, list[str]]:
            history = store.agreement_history(self._agreement)
            return (
                store.place(self._agreement, self.plan.source),
                history[0].at if history else self._clock.now(),
                store.streams(self._agreement, self.plan.source, MOST_STREAMS),
            )

        while True:
            try:
                place, kept_since, streams = await asyncio.wrap_future(self._writer.call(ask))
                break
            except StoreError as problem:
                _log.warning("where %s was read up to is not known yet: %s", self.plan.source, problem)
                await self._clock.sleep(10 * _AGAIN_AFTER)
        self._streams.update(dict.fromkeys(streams))
        same = isinstance(place, dict) and place.get("kind") == self.plan.kind
        self._follower.begin(place["place"] if same else None, kept_since - self._grace)

    async def _look(self) -> bool:
        """One look, and everything that follows from it; True where there is more to be read."""
        now = self._clock.now()
        if self._looking is None:
            try:
                self._looking = shared_threads().begin(lambda: self._follower.look(now))
            except TooManyThreads as problem:
                raise NotFollowed(Failure.OBSERVER_RESOURCES.value, str(problem)) from None
            self._looking.add_done_callback(lambda done: done.cancelled() or done.exception())
        sleeping = asyncio.ensure_future(self._clock.sleep(self._deadline))
        try:
            await asyncio.wait((self._looking, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
        if not self._looking.done():
            # What it finds after all is kept by the next look: the follower has gone on by then.
            self._follower.cancel()
            length = format_length(self._deadline)
            raise NotFollowed(Failure.OBSERVER_LATE.value, f"there was no answer within {length}")
        looking, self._looking = self._looking, None
        found = looking.result()
        await self._keep(found)
        self._failing_since = None
        self._say(None)
        return found.more

    async def _keep(self, found: Found) -> None:
        """Everything that was found is on the disk, then the place is noted."""
        self.refused += found.refused
        for line in found.told:
            _log.warning("“%s”, %s: %s", self._agreement, self.plan.source, line)
        received_at = self._clock.now()
        sent = [Observed(self._agreement, one, received_at, stream, row) for stream, row, one in found.rows]
        if sent:
            taken = await self._taken(sent)
            refused = [one for one in taken.refused if self._tells_unknown or one[1] != SECOND_VALUE]
            # A verdict that was corrected after it was read first: its later version comes with the correction.
            self.refused += len(refused)
            for position, reason in refused[:5]:
                at = sent[position].observation.at
                _log.warning("“%s”, %s: the row of %d: %s", self._agreement, self.plan.source, at, reason)
            self.last = sent[-1].observation
            if len(self._streams) < MOST_STREAMS:
                self._streams.update(dict.fromkeys(one.stream for one in sent))
        if found.place is not None:
            place = {"kind": self.plan.kind, "place": found.place}
            self._writer.submit(Item(places=(Place(self._agreement, self.plan.source, place),)))

    async def _taken(self, sent: Sequence[Observed]) -> Taken:
        while True:
            try:
                return await self._take(self._agreement, self.plan.source, sent)
            except (Crowded, NotPushed, StoreError):
                await self._clock.sleep(_AGAIN_AFTER)

    def _fails(self, failure: str, reason: str) -> None:
        now = self._clock.now()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since < self._patience or self._said == reason:
            return
        self._say(reason)
        fields: dict[str, Raw] = dict.fromkeys(self.plan.target.fields)
        labels = self._declared.labels
        unknown = [
            Observation(
                source=self.plan.source,
                at=now,
                fields=fields | dict(zip(labels, _values(stream), strict=True)),
                reason=reason,
                failure=failure,
            )
            for stream in (self._streams if labels else ("",))
        ]
        self.last = Observation(
            source=self.plan.source, at=now, fields=fields, reason=reason, failure=failure
        )
        # What is a record stays one; that nothing new is known of it is no version of it.
        if self._tells_unknown and not self._declared.records and unknown:
            self.ended(*unknown)

    def _say(self, reason: str | None) -> None:
        if reason is not None:
            _log.warning("“%s”, %s: %s", self._agreement, self.plan.source, reason)
        elif self._said is not None:
            _log.warning("“%s”, %s: it can be read again", self._agreement, self.plan.source)
        self._said = reason

    async def _until(self, instant: int) -> None:
        # In pieces: the monotonic clock stands still while the machine is suspended.
        while (left := instant - self._clock.now()) > 0:
            await self._clock.sleep(min(left, _LONGEST_SLEEP))


def _values(stream: str) -> list[str]:
    """The labels that a stream is called by."""
    found: list[str] = json.loads(stream) if stream else []
    return found
