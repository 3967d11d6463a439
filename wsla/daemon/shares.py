"""Sources at which other daemons look, on the side of the one that judges: who looks at what, and what they saw."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from wsla.daemon.bindings import Deployment, ProbePlan
from wsla.daemon.judge import Given, Judge
from wsla.daemon.scheduler import Runner
from wsla.daemon.writer import Item, Writer
from wsla.ports import Clock
from wsla.sources.heartbeat import HeartbeatTarget
from wsla.sources.registry import FOLLOWED_KINDS
from wsla.store import lease
from wsla.store.errors import StoreError, StoreLocked
from wsla.store.records import Batch
from wsla.store.sharing import MOST_AT_ONCE, Found, Incoming, Share, SharedSource, Sharing
from wsla.store.sqlite import Store
from wsla.values.instants import MINUTE, SECOND
from wsla.values.observations import Observation

_log = logging.getLogger(__name__)

EVERY: Final = 0.25
"""Seconds from one round to the next."""
_STALLED: Final = 15 * SECOND
_UNFIT_FOR: Final = 10 * MINUTE
_HAND_OVER_WITHIN: Final = 2.0
_TAKE_BACK_WITHIN: Final = 5.0
_LONGEST_WAIT: Final = 2 * SECOND


class Keeping(Protocol):
    """What is kept: see ``Keeper``."""

    def judge_of(self, title: str) -> Judge | None:
        """The judge of an agreement."""
        ...

    def deployments(self) -> Sequence[Deployment]:
        """Every agreement that is kept."""
        ...

    async def look_away_from(self, place: SharedSource, patience: float) -> None:
        """Ends the runner of a source, in ``patience`` seconds."""
        ...

    def look_at_all(self, title: str) -> None:
        """Starts whatever sources of an agreement have no runner."""
        ...


class RemoteRunner:
    """A source at which another daemon looks; like a runner of looks otherwise."""

    def __init__(
        self, shares: Shares, place: SharedSource, plan: ProbePlan, pending: int, ended: Any
    ) -> None:
        self.plan: Final = plan
        self.ended: Callable[..., None] = ended
        self.lateness = 0
        self.last: Observation | None = None
        self.pending: int | None = pending
        self._shares: Final = shares
        self._place: Final = place

    def start(self) -> None:
        """Begin."""
        self._shares.remote[self._place] = self

    async def stop(self, patience: float) -> None:
        """End: it is taken back, with everything that was seen of it."""
        await self._shares.take_back(self._place)


def gather(store: Store, sharing: Sharing) -> None:
    """At the start: takes back whatever was shared, and stores what was seen of it, and beats that somebody before had
    noted, before any engine is made.

    Nothing of it is older than what a writer before this one has judged, as long as it comes in its own order.
    """
    sharing.revoke_all()
    found: list[Incoming] = []
    while True:
        more = sharing.look([one.sequence for one in found])
        found.extend(more.incoming)
        if more.whole:
            break
    found.sort(key=lambda one: one.observed.observation.at)
    for start in range(0, len(found), MOST_AT_ONCE):
        piece = found[start : start + MOST_AT_ONCE]
        store.write(Batch(observations=tuple(one.observed for one in piece)))
        sharing.done(one.sequence for one in piece)
    letters = store.letters()
    beats = () if letters is None else tuple(letters.noted())
    if beats:
        store.write(Batch(observations=beats))


def may_be_shared(plan: ProbePlan) -> bool:
    """Beats come to the one that answers over HTTP, and files lie on one machine; all else can be looked at from
    anywhere."""
    return plan.kind not in FOLLOWED_KINDS and not isinstance(plan.target, HeartbeatTarget)


def chosen(place: SharedSource, members: Iterable[str]) -> str:
    """Who looks at a source: always the same among the same, and nearly always among nearly the same."""
    return max(members, key=lambda one: hashlib.sha256("\0".join((one, *place)).encode()).digest())


class Shares:
    """Grants sources to members that live, takes them back from those that do not, and hands on what they saw.

    ``remote`` are the runners of what is shared; while ``fixed`` is set nothing else is. ``replaced`` is called with a
    sentence where another daemon judges by now. Used in one event loop.
    """

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        keeping: Keeping,
        *,
        replaced: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.remote: Final[dict[SharedSource, RemoteRunner]] = {}
        self.fixed = False
        self._writer: Final = writer
        self._clock: Final = clock
        self._keeping: Final = keeping
        self._replaced: Final = replaced
        self._trouble = False
        self._me: Final = uuid.uuid4().hex
        self._granted: Final[dict[SharedSource, int]] = {}
        self._in_hand: Final[set[int]] = set()
        self._stored: Final[list[int]] = []
        self._latest: Final[dict[SharedSource, int]] = {}
        self._unfit: Final[dict[tuple[SharedSource, str], int]] = {}
        self._looked_at = time.monotonic()
        self._unsure_until = 0.0
        self._returning: Final[dict[SharedSource, asyncio.Future[None]]] = {}
        self._wake: Final = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def prepare(self, sharing: Sharing, deployments: Iterable[Deployment], until: int) -> None:
        """Before anything is looked at: grants from ``until`` on what others are to look at. Raises StoreError."""
        members = sharing.look().members
        places = self._places(deployments)
        wanted = {place: self._wanted(place, sha256, members) for place, (_, sha256) in places.items()}
        granted = {place: (member, until + 1) for place, member in wanted.items() if member != self._me}
        if granted:
            sharing.grant(granted)
            self._granted.update(dict.fromkeys(granted, until + 1))

    def runner(self, title: str, plan: ProbePlan, ended: Any) -> Runner | None:
        """The runner of a source at which another daemon looks; None for all others."""
        pending = self._granted.get((title, plan.source))
        return None if pending is None else RemoteRunner(self, (title, plan.source), plan, pending, ended)

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="shares")

    async def stop(self) -> None:
        """End. What is shared by then stays so."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def take_back(self, place: SharedSource) -> None:
        """Returns once nothing more of a source can come from elsewhere, and all that has come is handed on."""
        if place not in self._granted or self._task is None or self._task.done() or self._writer.dead:
            return
        future = self._returning.get(place)
        if future is None:
            future = self._returning[place] = asyncio.get_running_loop().create_future()
        self._wake.set()
        # Where nothing can be asked any more nothing is judged either.
        await asyncio.wait((future,), timeout=_TAKE_BACK_WITHIN)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._round()
                self._trouble = False
            except StoreLocked as error:
                self._replaced(str(error))
                return
            except StoreError as error:
                if not self._trouble and not self._writer.dead:
                    self._trouble = True
                    _log.warning("what other daemons see cannot be read, and is tried again: %s", error)
                for future in self._returning.values():
                    future.set_result(None)
                self._returning.clear()
            except Exception:
                _log.exception("the sources were not shared")
            try:
                await asyncio.wait_for(self._wake.wait(), EVERY)
            except TimeoutError:
                continue

    async def _round(self) -> None:
        returning = dict(self._returning)
        if returning:
            await self._recover(returning)
            for place, future in returning.items():
                future.set_result(None)
                del self._returning[place]
        found = await self._look()
        done, self._stored[:] = tuple(self._stored), []
        if done:
            await self._ask(lambda sharing: sharing.done(done))
            self._in_hand.difference_update(done)
        if found.whole and not self.fixed and self._is_sure():
            await self._assign(found)

    def _is_sure(self) -> bool:
        """False for a moment after nothing could be asked: the others could say nothing either, and live."""
        now = time.monotonic()
        if now - self._looked_at > lease.LENGTH / 4:
            self._unsure_until = now + lease.LENGTH / 2
        self._looked_at = now
        return now >= self._unsure_until

    async def _ask(self, function: Callable[[Sharing], Any]) -> Any:
        def ask(store: Store) -> Any:
            sharing = store.sharing()
            assert sharing is not None
            return function(sharing)

        return await asyncio.wrap_future(self._writer.call(ask))

    # What has come in

    async def _look(self) -> Found:
        """Hands on what has come in since."""
        known = tuple(self._in_hand)
        found: Found = await self._ask(lambda sharing: sharing.look_in_force(known))
        for one in found.incoming:
            self._hand_on(one)
        if found.whole:
            for title in {share.agreement for share in found.shares if self._moved(share)}:
                judge = self._keeping.judge_of(title)
                if judge is not None:
                    judge.step()
        return found

    def _hand_on(self, one: Incoming) -> None:
        self._in_hand.add(one.sequence)
        title, observation = one.observed.agreement, one.observed.observation
        place = (title, observation.source)
        self._latest[place] = max(observation.at, self._latest.get(place, observation.at))
        runner = self.remote.get(place)
        if runner is not None:
            runner.last = observation
        judge = self._keeping.judge_of(title)
        stored: asyncio.Future[Any]
        if judge is None:
            stored = asyncio.wrap_future(self._writer.submit(Item(observations=(one.observed,))))
        else:
            stored = asyncio.get_running_loop().create_future()
            judge.take([one.observed], Given(1, stored))
        stored.add_done_callback(partial(self._ended, one.sequence))

    def _ended(self, sequence: int, stored: asyncio.Future[Any]) -> None:
        if not stored.cancelled() and stored.exception() is None:
            self._stored.append(sequence)
        else:
            # It is still there, and offered again.
            self._in_hand.discard(sequence)

    def _moved(self, share: Share) -> bool:
        runner = self.remote.get(share.place)
        if runner is None or runner.pending is None or share.pending <= runner.pending:
            return False
        runner.pending = self._granted[share.place] = share.pending
        return True

    # Who looks at what

    def _places(self, deployments: Iterable[Deployment]) -> dict[SharedSource, tuple[ProbePlan, str]]:
        found = {}
        for deployment in deployments:
            agreement = deployment.agreement
            sha256 = deployment.sha256
            for name, plan in deployment.looked_at(self._clock.now()).items():
                if may_be_shared(plan):
                    found[agreement.title, name] = (plan, sha256)
        return found

    def _wanted(self, place: SharedSource, sha256: str, members: Mapping[str, Mapping[str, str]]) -> str:
        now = self._clock.now()
        able = [
            member
            for member, keeps in members.items()
            if keeps.get(place[0]) == sha256 and self._unfit.get((place, member), now) <= now
        ]
        return chosen(place, (self._me, *able))

    async def _assign(self, found: Found) -> None:
        places = self._places(self._keeping.deployments())
        now = self._clock.now()
        for share in found.shares:
            if share.place in places:
                plan, _ = places[share.place]
                if now - share.pending > plan.every + getattr(plan.target, "timeout", 0) + _STALLED:
                    self._unfit[share.place, share.member] = now + _UNFIT_FOR
        wanted = {place: self._wanted(place, sha256, found.members) for place, (_, sha256) in places.items()}
        back = [
            one.place
            for one in found.shares
            if one.place not in self.remote or wanted.get(one.place) != one.member
        ]
        away = [
            place
            for place, member in wanted.items()
            if member != self._me and (place in back or place not in self._granted)
        ]
        if not back and not away:
            return
        try:
            if back:
                _log.info("taking back %d sources from other daemons", len(back))
                await self._recover(back)
            if away:
                _log.info("handing %d sources over to other daemons", len(away))
                await self._hand_over({place: wanted[place] for place in away})
        finally:
            # Whatever went wrong: nothing is left without somebody who looks.
            for title in {title for title, _ in (*back, *away)}:
                self._keeping.look_at_all(title)

    async def _recover(self, places: Iterable[SharedSource]) -> None:
        """Takes sources back, with everything that was seen of them."""
        listed = list(places)
        await self._ask(lambda sharing: sharing.revoke(listed))
        while not (await self._look()).whole:
            pass
        # Were a member's clock ahead, its last look could be looked at a second time.
        ahead = max((self._latest.get(place, 0) for place in listed), default=0) - self._clock.now()
        if ahead > 0:
            await self._clock.sleep(min(ahead, _LONGEST_WAIT))
        for place in listed:
            self._latest.pop(place, None)
            self._granted.pop(place, None)
            runner = self.remote.pop(place, None)
            if runner is not None:
                runner.pending = None
                await self._keeping.look_away_from(place, 0)

    async def _hand_over(self, wanted: Mapping[SharedSource, str]) -> None:
        await asyncio.gather(*(self._keeping.look_away_from(place, _HAND_OVER_WITHIN) for place in wanted))
        since = self._clock.now() + 1
        granted = {place: (member, since) for place, member in wanted.items()}
        await self._ask(lambda sharing: sharing.grant(granted))
        self._granted.update(dict.fromkeys(granted, since))
