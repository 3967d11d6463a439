"""The whole: what `wsla run` starts, from the first look at the files to the last flush."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from wsla.daemon.agreements import Found
from wsla.daemon.appointments import Appointments
from wsla.daemon.bindings import Deployment
from wsla.daemon.clock import SystemClock
from wsla.daemon.collecting import collecting_seldom
from wsla.daemon.composing import Composer, Report
from wsla.daemon.config import Config
from wsla.daemon.housekeeping import Housekeeping
from wsla.daemon.keeper import Keeper, Kept
from wsla.daemon.letterbox import Letterbox
from wsla.daemon.logs import set_up_logging, take_down_logging
from wsla.daemon.outbox import Outbox
from wsla.daemon.pushing import Beat, Inbox, Taken
from wsla.daemon.recovery import Recovered
from wsla.daemon.reload import Changes
from wsla.daemon.reloading import Answering, Reloading, prepare_channels
from wsla.daemon.shares import Shares, gather
from wsla.daemon.signals import take_signals
from wsla.daemon.status import AgreementStatus, SourceStatus, Status, Turn, name_of_process
from wsla.daemon.succeeding import recover_all, with_stored
from wsla.daemon.supervisor import Supervisor
from wsla.daemon.surroundings import USUAL, Surroundings
from wsla.daemon.threads import ask_in
from wsla.daemon.writer import Writer
from wsla.plan.model import Plan
from wsla.sources.witness import Witness
from wsla.store.records import Batch, Observed, WriteResult
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, SECOND, format_length

if TYPE_CHECKING:
    from wsla.daemon.member import Member
    from wsla.store.sharing import Sharing

_log = logging.getLogger(__name__)

PROBES_END_WITHIN: Final = 2.0
SENDS_END_WITHIN: Final = 5.0
WRITES_END_WITHIN: Final = 4.0
CROWDED: Final = (
    "The outbox is full: more messages wait than its limit. Nothing is lost, all of them are kept and sent in their "
    "order; look for a receiver that is down."
)
UNCROWDED: Final = "The outbox is below its limit again."

Say = Callable[[str], None]


class Announce(Protocol):
    """Says a sentence and writes it into the log."""

    def __call__(self, sentence: str, level: int = logging.INFO) -> None:
        """``level`` is that of the log."""


Answer = TypeVar("Answer")


def run_daemon(
    paths: Sequence[str | Path],
    config: Config,
    store_url: str | None = None,
    *,
    say: Say = print,
    environ: Mapping[str, str] | None = None,
    log_format: str | None = None,
    started: Callable[[Daemon], None] | None = None,
    stands_by: Callable[[Member], None] | None = None,
    report: Report | None = None,
) -> int:
    """Keeps agreements until it is told to stop (SIGTERM, SIGINT); reads everything anew on SIGHUP.

    ``store_url`` and ``log_format`` go before the configuration; ``say`` takes lines for whoever started it, unless the
    log is for machines, and all of them stand in the log too; ``started`` is called once everything runs, ``stands_by``
    where another daemon keeps the store, each again whenever that changes; ``report`` writes the reports that are sent.
    Returns the exit code: 0 after an orderly end, 1 where something is wrong.
    """
    form = log_format or config.log_format
    handler = set_up_logging(form)
    known = os.environ if environ is None else environ
    supervisor = Supervisor(known)

    def announce(sentence: str, level: int = logging.INFO) -> None:
        _log.log(level, "%s", sentence)
        if level >= logging.ERROR:
            supervisor.status(sentence)
        if form == "text":
            say(sentence)

    try:
        with collecting_seldom():
            from wsla.daemon.turns import begin

            return begin(paths, config, store_url, announce, known, started, stands_by, report)
    finally:
        take_down_logging(handler)


class Daemon:
    """Everything that runs: sources, judges, the writer, the outbox. Used in one event loop."""

    def __init__(
        self,
        paths: Sequence[str | Path],
        config: Config,
        store: Store,
        *,
        say: Announce,
        environ: Mapping[str, str],
        clock: SystemClock,
        stop: asyncio.Event | None = None,
        report: Report | None = None,
        supervisor: Supervisor | None = None,
        surroundings: Surroundings = USUAL,
    ) -> None:
        self._store: Final = store
        self._say: Final[Announce] = say
        self._clock: Final = clock
        self._environ: Final = environ
        self._supervisor: Final = supervisor or Supervisor(environ)
        self._watched_over_by_others: Final = supervisor is not None
        self._stop: Final = stop or asyncio.Event()
        self._replaced: Final = asyncio.Event()
        self._code = 0
        self._dropped = 0
        self._crowded = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shares: Shares | None = None
        self._letters: Letterbox | None = None
        self._writer: Final = Writer(
            store,
            limit=config.limits.buffer,
            on_commit=self._committed,
            on_trouble=lambda trouble: self._soon(self._trouble, trouble),
            on_fatal=lambda sentence: self._soon(self._fatal, sentence),
            threads=surroundings.threads,
        )
        self._inbox: Final = Inbox(
            self._writer,
            clock,
            limit=config.limits.buffer,
            kept=self.kept,
            store=store.url,
            reader=surroundings.reader,
        )
        references = config.network.references
        self._keeper: Final = Keeper(
            self._writer,
            clock,
            config.limits,
            tell=self._tell,
            dropped=self._drop,
            build=surroundings.prober,
            witness=Witness(references, clock, self._tell) if references else None,
            take=self._inbox.take,
            collect=surroundings.collect,
            complete=self._complete,
        )
        self._outbox: Final = Outbox(
            self._writer,
            clock,
            config.limits,
            self._keeper.route,
            tell=self._tell,
            links=lambda: None if self.config.http is None else self.config.http.links,
            composer=Composer(store_url=store.url, report=report),
            fraction=surroundings.fraction,
            build=surroundings.channel,
            beside=surroundings.beside,
        )
        self._appointments: Final = Appointments(
            self._writer, clock, lambda: tuple(self._keeper.agreements.values())
        )
        self._housekeeping: Final = Housekeeping(
            self._writer,
            clock,
            plans=lambda: self._keeper.plans_saying(clock.now()),
            retention=lambda: self.config.retention,
        )
        self._reloading: Final = Reloading(
            paths,
            config,
            environ,
            clock,
            self._keeper,
            tell=self._tell,
            trouble=lambda: self._writer.trouble,
            taken=self._reloaded,
            watches=surroundings.watches,
        )

    # From outside

    @property
    def config(self) -> Config:
        """The configuration that holds."""
        return self._reloading.config

    @property
    def reloads(self) -> int:
        """How often the files were read anew."""
        return self._reloading.standing.reloads

    @property
    def replaced(self) -> bool:
        """True where another daemon keeps the store by now, and this one has stepped back."""
        return self._replaced.is_set()

    def held(self) -> tuple[Found, Changes]:
        """What was kept last, to go on with. What files hold by now is not said: they are to be read anew."""
        deployments = self._keeper.deployments()
        agreements = {one.agreement.title: one.agreement for one in deployments}
        return Found(agreements=agreements), Changes(added=deployments)

    def answer_with(self, answering: Answering) -> None:
        """Has other settings of HTTP taken up when the files are read anew."""
        self._reloading.answering = answering

    def stop(self) -> None:
        """End in order: what runs gets a moment, everything is stored."""
        self._stop.set()

    def reload(self) -> None:
        """Read the files anew; see ``Reloading.ask``."""
        self._reloading.ask()

    def ask(self, function: Callable[[], Answer]) -> Future[Answer]:
        """Called from any thread: what ``function`` finds in the thread of the daemon, as soon as that comes to it."""
        assert self._loop is not None
        return ask_in(self._loop, function)

    def push(self, title: str, source: str, sent: Sequence[Observed]) -> Future[Taken]:
        """Called from any thread: gives observations of a source that others send; see ``Inbox.take``."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(self._inbox.take(title, source, sent), self._loop)

    def beat(self, title: str, source: str, *, good: bool) -> Future[Beat]:
        """Called from any thread: a beat has come; see ``Inbox.beat``."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(self._inbox.beat(title, source, good=good), self._loop)

    def now(self) -> int:
        """The daemon's time, nanoseconds since the epoch."""
        return self._clock.now()

    @property
    def turn(self) -> Turn:
        """Whose turn it is to judge: this one's, until it steps back."""
        name = name_of_process()
        if self.replaced:
            return Turn(role="standby", me=name, judge=None)
        return Turn(role="judge", me=name, judge=name)

    def plans(self) -> dict[str, Plan]:
        """The plan of every agreement that is kept, by title."""
        now = self._clock.now()
        return {title: kept.deployment.lineage.shown(now) for title, kept in self._keeper.agreements.items()}

    def kept(self, title: str) -> Kept | None:
        """An agreement that is kept."""
        return self._keeper.agreements.get(title)

    def status(self) -> Status:
        """What is going on."""
        agreements = tuple(self._status_of(kept) for kept in self._keeper.agreements.values())
        sources = [source for agreement in agreements for source in agreement.sources]
        return Status(
            agreements=agreements,
            running_probes=self._keeper.slots.running,
            lateness=max((source.lateness for source in sources), default=0),
            waiting=self._writer.waiting,
            dropped=self._dropped,
            store_trouble=self._writer.trouble,
            in_hand=self._outbox.in_hand,
            delivered=self._outbox.delivered,
            failed_attempts=self._outbox.failed_attempts,
            dead=self._outbox.dead,
            reloads=self.reloads,
            refused_rows=sum(getattr(runner, "refused", 0) for runner in self._keeper.runners),
            looks=self._keeper.slots.lateness.counts(),
            broken=self._reloading.standing.broken,
            sound_at=self._reloading.standing.sound_at,
            turn=self.turn,
        )

    async def run(
        self, found: Found, changes: Changes, started: Callable[[Daemon], None] | None = None
    ) -> int:
        """Runs what ``changes`` add, out of the files ``found``, until it is stopped; returns the exit code.

        Raises StoreError before the start.
        """
        self._loop = asyncio.get_running_loop()
        sharing = self._store.sharing()
        until, recovered = await self._recovered(changes, sharing)
        ahead = self._clock.hold(max((one.latest for one in recovered.values()), default=0))
        if ahead > DAY:
            self._say(
                f"The store's latest observation lies {format_length(ahead // SECOND * SECOND)} ahead of this "
                "machine's clock. Set the clock, or use another store."
            )
            return 1
        await asyncio.to_thread(prepare_channels, changes)
        if sharing is not None:
            self._keeper.shares = self._shares = Shares(
                self._writer, self._clock, self._keeper, replaced=self._step_back
            )
            self._shares.prepare(sharing, changes.added, self._clock.now())
            self._letters = Letterbox(self._writer, self._inbox)
        self._writer.start()
        await self._keeper.begin_all(changes.added, recovered, until)
        self._outbox.start()
        self._housekeeping.start()
        if self._shares is not None and self._letters is not None:
            self._shares.start()
            self._letters.start()
        self._appointments.start()
        take_signals(self._loop, self.stop, self.reload)
        self._reloading.start(found)
        probes = len(self._keeper.runners)
        kept = f"keeping {count(len(self._keeper.agreements), 'agreement')}, looking at {count(probes, 'source')}"
        self._say(kept)
        if started is not None:
            started(self)
        self._supervisor.ready(kept)
        await self._until_it_is_over()
        if self.replaced:
            # What answers over HTTP goes on: the one who stands by uses it.
            self._reloading.answering = None
        else:
            self._supervisor.stopping()
        self._reloading.stop()
        self._housekeeping.stop()
        self._appointments.stop()
        await (self._drop_all() if self.replaced else self._end())
        if not self._watched_over_by_others:
            self._supervisor.close()
        return self._code

    def _complete(self, store: Store, deployment: Deployment) -> Deployment:
        return with_stored(store, deployment, self.config, self._environ, self._clock)

    async def _recovered(self, changes: Changes, sharing: Sharing | None) -> tuple[int, dict[str, Recovered]]:
        def recovered() -> tuple[int, dict[str, Recovered]]:
            if sharing is not None:
                gather(self._store, sharing)
            until = self._clock.now()
            changes.added[:], found = recover_all(self._store, changes.added, until, self._complete)
            return until, found

        # One that stood by is watched over and asked meanwhile.
        return recovered() if sharing is None else await asyncio.to_thread(recovered)

    # Ending

    async def _until_it_is_over(self) -> None:
        waits = [asyncio.ensure_future(one.wait()) for one in (self._stop, self._replaced)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _drop_all(self) -> None:
        """Ends everything, and stores nothing: the store would refuse it."""
        for kept in self._keeper.agreements.values():
            kept.judge.close()
        if self._shares is not None and self._letters is not None:
            await asyncio.gather(self._letters.stop(), self._shares.stop())
        await asyncio.gather(
            self._outbox.close(0),
            *(runner.stop(0) for runner in self._keeper.runners),
            return_exceptions=True,
        )
        await asyncio.to_thread(self._writer.close, 0)

    async def _end(self) -> None:
        _log.info("stopping")
        if self._shares is not None:
            self._shares.fixed = True
        if self._letters is not None:
            await self._letters.stop()
        await asyncio.gather(
            self._outbox.close(SENDS_END_WITHIN),
            *(runner.stop(PROBES_END_WITHIN) for runner in self._keeper.runners),
            return_exceptions=True,
        )
        if self._shares is not None:
            await self._shares.stop()
        self._keeper.close()
        left = await asyncio.to_thread(self._writer.close, WRITES_END_WITHIN)
        if left and not self.replaced:
            self._code = 1
            self._tell(
                f"{_many(left, 'observation or result', 'observations and results')} could not be stored. "
                f"{self._writer.trouble or ''}".strip()
            )

    # From the parts

    def _reloaded(self) -> None:
        self._keeper.settle()
        self._outbox.try_all_addresses()
        self._outbox.wake()

    def _committed(self, batch: Batch, result: WriteResult) -> None:
        if result.new_intents or result.outbox_over_limit:
            self._soon(self._outbox.wake)
        if result.outbox_over_limit != self._crowded:
            self._crowded = result.outbox_over_limit
            self._soon(self._tell, CROWDED if self._crowded else UNCROWDED)

    def _trouble(self, trouble: str | None) -> None:
        if trouble is not None:
            waiting = _many(self._writer.waiting, "result waits", "results wait")
            self._tell(f"{trouble} Looking goes on; {waiting} in memory.")
            return
        dropped = _many(self._dropped, "observation was", "observations were")
        lost = f"; {dropped} lost since the start" if self._dropped else ""
        self._tell(f"The store can be written again{lost}.")
        self._keeper.step()
        self._reloading.store_is_well()

    def _step_back(self, sentence: str) -> None:
        if not self.replaced:
            self._replaced.set()
            waiting = self._writer.waiting
            left = f"; {_many(waiting, 'result', 'results')} not stored by then left out" if waiting else ""
            self._tell(f"{sentence} This one steps back and stands by{left}.")

    def _fatal(self, sentence: str) -> None:
        if self._writer.replaced and self._shares is not None:
            self._step_back(sentence)
            return
        self._code = 1
        self._say(sentence, logging.ERROR)
        self.stop()

    def _drop(self) -> None:
        self._dropped += 1
        if self._dropped == 1:
            self._tell(
                f"{self.config.limits.buffer} results wait in memory, and no more find room: until the store can be "
                "written again, observations are lost, and that time is unknown."
            )

    def _status_of(self, kept: Kept) -> AgreementStatus:
        now, lineage, judge = self._clock.now(), kept.deployment.lineage, kept.judge
        agreement = lineage.at(now)
        return AgreementStatus(
            title=agreement.title,
            version=agreement.version,
            versions=tuple(plan.version for plan in lineage.saying(now)),
            file=agreement.source.name,
            sources=tuple(
                SourceStatus(name=name, last=runner.last, lateness=runner.lateness)
                for name, runner in judge.runners.items()
            ),
            standings=tuple(judge.standings.values()),
            accepted=judge.accepted,
            failed=judge.failed,
        )

    def _tell(self, sentence: str) -> None:
        self._say(sentence, logging.WARNING)

    def _soon(self, function: Callable[..., None], *values: object) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(function, *values)


def count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _many(count: int, one: str, several: str) -> str:
    """``1 result waits``, ``2 results wait``."""
    return f"{count} {one if count == 1 else several}"
