"""What others send: taken once, however often it is sent, and acknowledged when it is on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from wsla.daemon.heartbeat import HeartbeatRunner
from wsla.daemon.judge import Given, Judge
from wsla.daemon.writer import Writer
from wsla.evaluation.encoding import SECOND_VALUE
from wsla.ports import Clock
from wsla.store.errors import StoreError
from wsla.store.finding import Identity, Stored
from wsla.store.records import Observed
from wsla.store.sqlite import Store

if TYPE_CHECKING:
    from wsla.daemon.keeper import Kept

_PIECE: Final = 500
_NO_LONGER_KEPT: Final = "observations of that time are no longer kept"


class Crowded(Exception):
    """Nothing more is taken at the moment; what was sent is to be sent again later."""


class NotPushed(Exception):
    """The agreement has no such source to push to."""


@frozen(kw_only=True)
class Taken:
    """What became of observations: all but the refused ones are on the disk. ``refused`` holds their positions in what
    was sent, with the reasons. ``late`` came too late (rule M96); ``known`` were on the disk before."""

    accepted: int
    late: int
    known: int
    refused: tuple[tuple[int, str], ...]


@frozen(kw_only=True)
class Beat:
    """A beat that came at an instant, and when the next is due."""

    at: int
    next_due: int


class Inbox:
    """Takes observations for agreements that are kept. Used in the loop of the daemon.

    ``limit`` is how much the writer holds in memory at most, of which what is sent may fill a half: looks need the
    rest. ``store`` is the URL of the store, ``reader`` opens it.
    """

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        *,
        limit: int,
        kept: Callable[[str], Kept | None],
        store: str,
        reader: Callable[[str], Store],
    ) -> None:
        self._writer: Final = writer
        self._clock: Final = clock
        self._limit: Final = limit
        self._kept: Final = kept
        self._store: Final = store
        self._reader: Final = reader
        self._in_hand: Final[dict[tuple[str, str, Identity], Given]] = {}

    async def take(self, title: str, source: str, sent: Sequence[Observed]) -> Taken:
        """Returns once everything that is not refused is on the disk. Raises Crowded, NotPushed and StoreError."""
        self._find(title, source)
        if self._writer.waiting + len(sent) > self._limit // 2 or self._writer.trouble is not None:
            raise Crowded("The store takes nothing more at the moment.")
        latest = max((one.observation.at for one in sent), default=0)
        if (ahead := latest - self._clock.now()) > 0:
            await self._clock.sleep(ahead)
        given = Given(0, asyncio.get_running_loop().create_future())
        mine: dict[int, Observed] = {}
        others: dict[int, Observed] = {}
        waited_for: set[asyncio.Future[list[Observed]]] = set()
        for position, one in enumerate(sent):
            # Whoever sends what is on its way already waits for that.
            found = self._in_hand.setdefault((title, source, _identity(one)), given)
            if found is given:
                mine[position] = one
            else:
                others[position] = one
                waited_for.add(found.done)
        try:
            told = _Told()
            new = told.compare(mine, await self._stored(title, source, mine))
            given.left = len(new)
            if new:
                await self._hand_over(title, source, new, given)
                told.late += len(await asyncio.shield(given.done))
                told.accepted += len(new)
            else:
                given.done.set_result([])
            if waited_for:
                await asyncio.wait(waited_for)
                if told.compare(others, await self._stored(title, source, others)):
                    raise StoreError("What was sent could not be stored.")
            return told.taken()
        finally:
            for one in mine.values():
                self._in_hand.pop((title, source, _identity(one)), None)
            given.lost()
            # Nobody may have waited for it.
            given.done.exception()

    async def beat(self, title: str, source: str, *, good: bool) -> Beat:
        """Returns once a beat that has just come is on the disk. Raises as ``take`` does."""
        return await self.keep(self.heard(title, source, good=good))

    def heard(self, title: str, source: str, *, good: bool) -> Observed:
        """What a beat that has just come is taken for; it is to be kept then. Raises Crowded and NotPushed."""
        _, runner = self._listening(title, source)
        if self._writer.full:
            raise Crowded("The store takes nothing more at the moment.")
        observation = runner.beat(good=good)
        return Observed(title, observation, observation.at)

    async def keep(self, beat: Observed) -> Beat:
        """Returns once a beat that was heard is on the disk, where it may be already. Raises NotPushed and
        StoreError."""
        judge, _ = self._listening(beat.agreement, beat.observation.source)
        given = Given(1, asyncio.get_running_loop().create_future())
        judge.take([beat], given)
        await given.done
        return self.answer_to(beat)

    def answer_to(self, beat: Observed) -> Beat:
        """What is answered to a beat that was kept. Raises NotPushed."""
        _, runner = self._listening(beat.agreement, beat.observation.source)
        return Beat(at=beat.observation.at, next_due=beat.observation.at + runner.plan.every)

    async def is_kept(self, beat: Observed) -> bool:
        """True where a beat is on the disk."""
        return bool(await self._stored(beat.agreement, beat.observation.source, {0: beat}))

    def _listening(self, title: str, source: str) -> tuple[Judge, HeartbeatRunner]:
        kept = self._kept(title)
        runner = None if kept is None else kept.judge.runners.get(source)
        if kept is None or not isinstance(runner, HeartbeatRunner):
            raise NotPushed
        return kept.judge, runner

    def _find(self, title: str, source: str) -> Judge:
        kept = self._kept(title)
        if kept is None or source not in kept.deployment.pushed | kept.deployment.followed:
            raise NotPushed
        return kept.judge

    async def _hand_over(self, title: str, source: str, new: Sequence[Observed], given: Given) -> None:
        for start in range(0, len(new), _PIECE):
            # The agreement may have changed since the piece before.
            judge = self._find(title, source)
            if judge.crowded and start == 0:
                raise Crowded("More has been sent than can be judged at the moment.")
            judge.take(new[start : start + _PIECE], given)
            await asyncio.sleep(0)

    async def _stored(
        self, title: str, source: str, wanted: Mapping[int, Observed]
    ) -> dict[Identity, Stored]:
        identities = [_identity(one) for one in wanted.values()]

        def look() -> dict[Identity, Stored]:
            with self._reader(self._store) as store:
                return store.held(title, source, identities)

        return await asyncio.to_thread(look)


@define
class _Told:
    """What is to be answered, as far as it is known."""

    accepted: int = 0
    late: int = 0
    known: int = 0
    refused: list[tuple[int, str]] = field(factory=list)

    def compare(self, sent: Mapping[int, Observed], stored: Mapping[Identity, Stored]) -> list[Observed]:
        """Counts what is stored already; gives the rest."""
        rest: list[Observed] = []
        for position, one in sent.items():
            found = stored.get(_identity(one))
            if found is None:
                rest.append(one)
            elif found.fields is None:
                self.refused.append((position, _NO_LONGER_KEPT))
            elif found.fields != one.observation.fields:
                self.refused.append((position, SECOND_VALUE))
            else:
                self.accepted += 1
                self.known += 1
                self.late += found.late
        return rest

    def taken(self) -> Taken:
        """The answer."""
        return Taken(
            accepted=self.accepted, late=self.late, known=self.known, refused=tuple(sorted(self.refused))
        )


def _identity(observed: Observed) -> Identity:
    return Identity(observed.stream, observed.observation.at, observed.row)
