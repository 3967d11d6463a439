"""A daemon beside the one that judges: it looks at its share of the sources, and takes over where the other ends."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from attrs import define, field

from wsla.daemon.agreements import Found, files_of, find_agreements
from wsla.daemon.bindings import Deployment, ProbePlan
from wsla.daemon.config import Config, ConfigError, load_config
from wsla.daemon.keeper import looking_runner
from wsla.daemon.reload import Changes, compare
from wsla.daemon.reloading import Answering
from wsla.daemon.scheduler import Alarm, Runner, Slots
from wsla.daemon.shares import may_be_shared
from wsla.daemon.signals import take_signals
from wsla.daemon.status import AgreementStatus, SourceStatus, Status, Turn, name_of_process
from wsla.daemon.threads import ask_in
from wsla.daemon.watching import Looks
from wsla.ports import Clock
from wsla.sources.witness import Witness
from wsla.store import lease
from wsla.store.errors import StoreError, StoreLocked
from wsla.store.records import Observed, stream_of
from wsla.store.sharing import Membership, Share, SharedSource, Told
from wsla.store.sqlite import Store
from wsla.values.instants import MILLISECOND, SECOND, format_length
from wsla.values.observations import Observation

_log = logging.getLogger(__name__)

EVERY: Final = 0.25
"""Seconds from one word to the others to the next."""
FREE_FOR: Final = 2.5
"""Seconds for which nobody has to judge until somebody else does: a connection may be lost and come back."""
_CLOCKS_APART: Final = SECOND
_LOOK_AT_FILES: Final = 5.0
_PROBES_END_WITHIN: Final = 2.0


Answer = TypeVar("Answer")


@define(eq=False)
class _Looked:
    """A source that is looked at here, and what was seen of it and is not told yet."""

    share: Share
    runner: Runner
    seen: list[Observed] = field(factory=list)
    told: int = 0


class Member:
    """Stands by a store that another daemon keeps. Used in one event loop; ``apart`` is true while this machine's clock
    is too far from that of the database's server."""

    def __init__(
        self,
        paths: Sequence[str | Path],
        config: Config,
        url: str,
        found: Found,
        changes: Changes,
        environ: Mapping[str, str],
        clock: Clock,
        *,
        tell: Callable[[str, int], None],
        stop: asyncio.Event,
    ) -> None:
        """``found`` and ``changes`` are what the files held at the start, ``stop`` is set to end it in order."""
        self.found = found
        self.changes = changes
        self.config = config
        self.apart = False
        self.answering: Answering | None = None
        self._paths: Final = tuple(paths)
        self._url: Final = url
        self._environ: Final = environ
        self._clock: Final = clock
        self._say: Final = tell
        self._slots: Final = Slots(config.limits.concurrency, config.limits.per_host)
        references = config.network.references
        self._witness: Final = Witness(references, clock, self._tell) if references else None
        self._alarm: Final = Alarm(clock)
        self._deployments: dict[str, Deployment] = {}
        self._looked: dict[SharedSource, _Looked] = {}
        self._ending: Final[set[asyncio.Task[None]]] = set()
        self._membership: Membership | None = None
        self._unsure: dict[SharedSource, tuple[_Looked, int, int]] = {}
        self._stop: Final = stop
        self._reload = False
        self._checksums: Mapping[str, str] = {
            **found.checksums,
            **Looks().look(_settings(config.path, config.files)),
        }
        self._look_at_files = 0.0
        self._trouble: str | None = None
        self._judge: str | None = None
        self._counts: Final[Counter[str]] = Counter()
        self._running: asyncio.AbstractEventLoop | None = None
        self._reloads = 0
        self._broken: tuple[str, ...] = ()
        self._sound_at = clock.now()
        self._free_since: float | None = None
        self._back_at: float | None = None
        self._dropped = 0

    async def run(self) -> Store | None:
        """Returns the store once this daemon is the one that keeps it; None where it is told to stop. By then ``found``
        and ``changes`` are what the files held last."""
        self._running = asyncio.get_running_loop()
        take_signals(self._running, self.stop, self.reload)
        self._take(self.found, self.changes)
        try:
            while not self._stop.is_set():
                store = await self._round()
                if store is not None:
                    return store
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), EVERY)
            if self.answering is not None:
                self.answering.end_soon()
            return None
        finally:
            await self._end()

    async def _round(self) -> Store | None:
        if self._reload or await self._have_files_changed():
            self._reload = False
            await self._read_anew()
        try:
            membership = self._membership
            if membership is None:
                identifier = uuid.uuid4().hex
                membership = self._membership = await asyncio.to_thread(
                    Membership, self._url, identifier, self._clock.now
                )
            if self._unsure:
                stored: bool = await asyncio.to_thread(membership.settle)
                if stored:
                    self._told(self._unsure)
                self._unsure = {}
            told = await asyncio.to_thread(membership.tick, self._keeps())
            self._judge = told.holder if told.held and not told.ended else None
            self._look(told)
            await self._flush(membership)
            if self._trouble is not None:
                self._trouble, self._back_at = None, time.monotonic()
                self._tell("The store can be reached again.")
            return await self._taken_over() if self._may_take_over(told) else None
        except StoreError as error:
            self._free_since = self._judge = None
            if self._trouble is None:
                self._trouble = str(error)
                self._tell(f"{error} Looking goes on, and what was seen waits in memory.")
            return None

    # Looking

    def _keeps(self) -> dict[str, str]:
        if self.apart:
            return {}
        return {title: one.sha256 for title, one in self._deployments.items()}

    def _look(self, told: Told) -> None:
        """Begins and ends looks, so that they are those that are granted."""
        self._compare_clocks(told.now)
        granted = {share.place: share for share in told.shares}
        for place, looked in list(self._looked.items()):
            share = granted.get(place)
            if share is None or share.number != looked.share.number:
                self._look_away(place)
        for place, share in granted.items():
            if place in self._looked:
                continue
            deployment = self._deployments.get(share.agreement)
            plan = None if deployment is None else deployment.probes.get(share.source)
            if deployment is not None and plan is not None and may_be_shared(plan):
                self._looked[place] = self._begun(share, deployment, plan)

    def _begun(self, share: Share, deployment: Deployment, plan: ProbePlan) -> _Looked:
        labels = deployment.lineage.sources[share.source].labels
        seen: list[Observed] = []

        def ended(*observations: Observation) -> None:
            now = self._clock.now()
            for one in observations:
                # What is earlier than the grant was looked at by somebody else.
                if one.at >= share.pending and self._has_room():
                    stream = stream_of([one.fields.get(name) for name in labels])
                    seen.append(Observed(share.agreement, one, now, stream))

        runner = looking_runner(
            share.agreement, plan, self._clock, self._slots, self._alarm, self._witness, ended
        )
        runner.start()
        return _Looked(share, runner, seen)

    def _look_away(self, place: SharedSource, patience: float = 0) -> None:
        runner = self._looked.pop(place).runner
        task = asyncio.get_running_loop().create_task(runner.stop(patience))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _has_room(self) -> bool:
        if sum(len(one.seen) for one in self._looked.values()) < self.config.limits.buffer:
            return True
        self._dropped += 1
        if self._dropped == 1:
            self._tell(
                "No more finds room in memory: until the store can be reached again, observations are lost."
            )
        return False

    def _compare_clocks(self, now: int) -> None:
        apart = abs(self._clock.now() - now)
        before, self.apart = self.apart, apart > _CLOCKS_APART
        if self.apart and not before:
            length = format_length(apart // MILLISECOND * MILLISECOND)
            self._tell(
                f"This machine's clock and that of the database's server are {length} apart: until they agree, this "
                "daemon looks at nothing."
            )

    async def _flush(self, membership: Membership) -> None:
        """Tells what was seen since, and from when on more may come."""
        pending, seen = {}, {}
        sent: dict[SharedSource, tuple[_Looked, int, int]] = {}
        for place, looked in self._looked.items():
            until = looked.runner.pending
            if until is not None and (looked.seen or until > looked.told):
                pending[looked.share] = until
                seen[looked.share] = list(looked.seen)
                sent[place] = (looked, len(looked.seen), until)
        if not pending:
            return
        try:
            lost = await asyncio.to_thread(membership.add, pending, seen)
        except StoreError:
            self._unsure = sent
            raise
        self._told(sent)
        for place in lost:
            if place in self._looked:
                self._look_away(place)

    def _told(self, sent: Mapping[SharedSource, tuple[_Looked, int, int]]) -> None:
        for looked, count, until in sent.values():
            del looked.seen[:count]
            self._counts[looked.share.agreement] += count
            looked.told = until

    # Taking over

    def _may_take_over(self, told: Told) -> bool:
        now = time.monotonic()
        if told.held:
            self._free_since = None
            return told.ended
        if self._free_since is None:
            self._free_since = now
        if told.left:
            return True
        # After an interruption for all, the one that judged has the first word.
        patience = FREE_FOR if self._back_at is None else max(self._back_at + lease.LENGTH - now, FREE_FOR)
        return now - self._free_since >= patience

    async def _taken_over(self) -> Store | None:
        try:
            return await asyncio.to_thread(partial(Store.open, self._url, writer=True))
        except StoreLocked:
            return None

    # What is asked

    @property
    def turn(self) -> Turn:
        """Whose turn it is to judge."""
        return Turn(role="standby", me=name_of_process(), judge=self._judge)

    def now(self) -> int:
        """The daemon's time, nanoseconds since the epoch."""
        return self._clock.now()

    def ask(self, function: Callable[[], Answer]) -> Future[Answer]:
        """Called from any thread: what ``function`` finds in the thread of the daemon."""
        assert self._running is not None
        return ask_in(self._running, function)

    def answer_with(self, answering: Answering) -> None:
        """Has other settings of HTTP taken up when the files are read anew."""
        self.answering = answering

    def told_of(self, title: str) -> int:
        """How many observations of an agreement this daemon has handed on."""
        return self._counts[title]

    def titles(self) -> frozenset[str]:
        """The agreements of this daemon's files."""
        return frozenset(self._deployments)

    def status(self) -> Status:
        """What is going on here."""
        agreements = tuple(self._status_of(title, one) for title, one in self._deployments.items())
        sources = [source for agreement in agreements for source in agreement.sources]
        return Status(
            agreements=agreements,
            running_probes=self._slots.running,
            lateness=max((source.lateness for source in sources), default=0),
            waiting=sum(len(one.seen) for one in self._looked.values()),
            dropped=self._dropped,
            store_trouble=self._trouble,
            in_hand=0,
            delivered=0,
            failed_attempts=0,
            dead=0,
            reloads=self._reloads,
            looks=self._slots.lateness.counts(),
            broken=self._broken,
            sound_at=self._sound_at,
            turn=self.turn,
        )

    def _status_of(self, title: str, deployment: Deployment) -> AgreementStatus:
        agreement = deployment.agreement
        return AgreementStatus(
            title=title,
            version=agreement.version,
            file=agreement.source.name,
            sources=tuple(
                SourceStatus(name=place[1], last=looked.runner.last, lateness=looked.runner.lateness)
                for place, looked in self._looked.items()
                if place[0] == title
            ),
            standings=(),
            accepted=self._counts[title],
            failed=None,
        )

    # From outside

    def _tell(self, sentence: str) -> None:
        self._say(sentence, logging.WARNING)

    def stop(self) -> None:
        """End in order."""
        self._stop.set()

    def reload(self) -> None:
        """Read the agreements anew."""
        self._reload = True

    async def _read_anew(self) -> None:
        """What is broken changes nothing."""
        self._reloads += 1
        config, problems, found, changes = await asyncio.to_thread(self._read)
        messages = [*problems, *changes.messages]
        settle: Callable[[], None] | None = None
        if not messages and config.http != self.config.http and self.answering is not None:
            try:
                settle = self.answering.prepare(config.http)
            except ValueError as problem:
                messages.append(str(problem))
        for message in messages:
            self._tell(message)
        self._broken = tuple(messages)
        if not messages and changes.added:
            self.config = config
            self._sound_at = self._clock.now()
            self._take(found, changes)
            if settle is not None:
                settle()

    def _read(self) -> tuple[Config, tuple[str, ...], Found, Changes]:
        """Called in another thread: what configuration and agreements say by now, and what is wrong with the first."""
        config, files = self.config, self.config.files
        problems: tuple[str, ...] = ()
        if config.path is not None:
            try:
                config = load_config(config.path, self._environ)
                files = config.files
            except ConfigError as error:
                problems, files = error.problems, error.files
        found = find_agreements(self._paths, None, config.within)
        changes = compare({}, found, config, self._environ, self._clock)
        self._checksums = {**found.checksums, **Looks().look(_settings(self.config.path, files))}
        return config, problems, found, changes

    def _take(self, found: Found, changes: Changes) -> None:
        before = self._deployments
        self.found, self.changes = found, changes
        self._deployments = {one.agreement.title: one for one in changes.added}
        for place in list(self._looked):
            if before.get(place[0]) != self._deployments.get(place[0]):
                self._look_away(place)

    async def _have_files_changed(self) -> bool:
        if not self.config.reload_on_change or time.monotonic() < self._look_at_files:
            return False
        self._look_at_files = time.monotonic() + _LOOK_AT_FILES
        names = dict.fromkeys([*files_of(self._paths)[0], *self._checksums])
        return await asyncio.to_thread(Looks().look, names) != self._checksums

    async def _end(self) -> None:
        runners = [looked.runner for looked in self._looked.values()]
        pendings = [runner.pending for runner in runners]
        await asyncio.gather(*(one.stop(_PROBES_END_WITHIN) for one in runners), return_exceptions=True)
        for runner, pending in zip(runners, pendings, strict=True):
            # What was seen on the way out is told too.
            runner.pending = pending
        if self._ending:
            await asyncio.wait(self._ending)
        membership, self._membership = self._membership, None
        if membership is not None:
            with suppress(StoreError):
                await self._flush(membership)
            await asyncio.to_thread(membership.leave)
            membership.close()


def _settings(path: str | None, files: Sequence[str]) -> list[str]:
    return [] if path is None else [path, *files]
