"""The whole: what `wsla run` starts, from the first look at the files to the last flush."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from wsla.channels.trust import trusted_context
from wsla.daemon.agreements import find_agreements
from wsla.daemon.clock import SystemClock
from wsla.daemon.config import Config, ConfigError, load_config
from wsla.daemon.housekeeping import Housekeeping
from wsla.daemon.keeper import Keeper, Kept
from wsla.daemon.logs import set_up_logging, take_down_logging
from wsla.daemon.outbox import Outbox
from wsla.daemon.pushing import Beat, Inbox, Taken
from wsla.daemon.recovery import recover
from wsla.daemon.reload import Changes, compare, remarks
from wsla.daemon.status import AgreementStatus, SourceStatus, Status
from wsla.daemon.surroundings import USUAL, Surroundings
from wsla.daemon.writer import Writer
from wsla.plan.model import Plan
from wsla.sources.witness import Witness
from wsla.store.errors import StoreError
from wsla.store.records import Batch, Observed, WriteResult
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, SECOND, format_length

_log = logging.getLogger(__name__)

PROBES_END_WITHIN: Final = 2.0
SENDS_END_WITHIN: Final = 5.0
WRITES_END_WITHIN: Final = 10.0
CROWDED: Final = (
    "The outbox is full: more messages wait than its limit. Nothing is lost, all of them are kept and sent in their "
    "order; look for a receiver that is down."
)
UNCROWDED: Final = "The outbox is below its limit again."
_MOST_FILES: Final = 65_536

Say = Callable[[str], None]
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
) -> int:
    """Keeps agreements until it is told to stop (SIGTERM, SIGINT); reads everything anew on SIGHUP.

    ``store_url`` and ``log_format`` go before the configuration; ``say`` takes lines for whoever started it;
    ``started`` is called once everything runs. Returns the exit code: 0 after an orderly end, 1 where something is
    wrong.
    """
    handler = set_up_logging(log_format or config.log_format)
    try:
        return _run(paths, config, store_url, say, os.environ if environ is None else environ, started)
    finally:
        take_down_logging(handler)


def _run(
    paths: Sequence[str | Path],
    config: Config,
    store_url: str | None,
    say: Say,
    environ: Mapping[str, str],
    started: Callable[[Daemon], None] | None,
) -> int:
    clock = SystemClock()
    found = find_agreements(paths)
    changes = compare({}, found, config, environ, clock)
    if changes.messages:
        for message in changes.messages:
            say(message)
        return 1
    if not changes.added:
        say("There is no agreement in these files.")
        return 1
    remarked = len(remarks(found))
    if remarked:
        say(f"{_count(remarked, 'remark')} on the agreements; `wsla check` shows them")
    for warning in changes.warnings:
        say(f"warning: {warning}")
    try:
        store = Store.open(store_url or config.store, writer=True)
    except StoreError as error:
        say(str(error))
        return 1
    _raise_limit_on_files()
    try:
        daemon = Daemon(paths, config, store, say=say, environ=environ, clock=clock)
        return asyncio.run(daemon.run(changes, started))
    except StoreError as error:
        say(str(error))
        return 1
    finally:
        store.close()


class Daemon:
    """Everything that runs: sources, judges, the writer, the outbox. Used in one event loop."""

    def __init__(
        self,
        paths: Sequence[str | Path],
        config: Config,
        store: Store,
        *,
        say: Say,
        environ: Mapping[str, str],
        clock: SystemClock,
        surroundings: Surroundings = USUAL,
    ) -> None:
        self.config = config
        self._paths: Final = tuple(paths)
        self._store: Final = store
        self._say: Final = say
        self._environ: Final = environ
        self._clock: Final = clock
        self._stop: Final = asyncio.Event()
        self._reload: Final = asyncio.Event()
        self._code = 0
        self._dropped = 0
        self._crowded = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: Final = Writer(
            store,
            limit=config.limits.buffer,
            on_commit=self._committed,
            on_trouble=lambda trouble: self._soon(self._trouble, trouble),
            on_fatal=lambda sentence: self._soon(self._fatal, sentence),
            threads=surroundings.threads,
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
        )
        self._outbox: Final = Outbox(
            self._writer,
            clock,
            config.limits,
            self._keeper.route,
            fraction=surroundings.fraction,
            tell=self._tell,
            build=surroundings.channel,
            beside=surroundings.beside,
        )
        self._housekeeping: Final = Housekeeping(
            self._writer,
            clock,
            plans=lambda: [kept.judge.agreement.plan for kept in self._keeper.agreements.values()],
            retention=lambda: self.config.retention,
        )
        self._inbox: Final = Inbox(
            self._writer,
            clock,
            limit=config.limits.buffer,
            kept=self.kept,
            store=store.path,
            reader=surroundings.reader,
        )
        self.reloads = 0
        self.broken: tuple[str, ...] = ()

    # From outside

    def stop(self) -> None:
        """End in order: what runs gets a moment, everything is stored."""
        self._stop.set()

    def reload(self) -> None:
        """Read the files anew. Asked for again while it reads, it reads once more afterwards."""
        self._reload.set()

    def ask(self, function: Callable[[], Answer]) -> Future[Answer]:
        """Called from any thread: what ``function`` finds in the thread of the daemon, as soon as that comes to it."""
        future: Future[Answer] = Future()

        def answer() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except Exception as error:
                    future.set_exception(error)

        self._soon(answer)
        return future

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

    def plans(self) -> dict[str, Plan]:
        """The plan of every agreement that is kept, by title."""
        return {title: kept.deployment.agreement.plan for title, kept in self._keeper.agreements.items()}

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
            broken=self.broken,
        )

    async def run(self, changes: Changes, started: Callable[[Daemon], None] | None = None) -> int:
        """Runs what ``changes`` add until it is stopped; returns the exit code. Raises StoreError before the start."""
        self._loop = asyncio.get_running_loop()
        until = self._clock.now()
        recovered = {one.agreement.title: recover(self._store, one.agreement, until) for one in changes.added}
        ahead = self._clock.hold(max((one.latest for one in recovered.values()), default=0))
        if ahead > DAY:
            self._say(
                f"The store's latest observation lies {format_length(ahead // SECOND * SECOND)} ahead of this "
                "machine's clock. Set the clock, or use another store."
            )
            return 1
        await asyncio.to_thread(_prepare_channels, changes)
        self._writer.start()
        for deployment in changes.added:
            self._keeper.begin(deployment, recovered[deployment.agreement.title], until)
        self._outbox.start()
        self._housekeeping.start()
        self._take_signals()
        reloading = self._loop.create_task(self._reload_when_asked(), name="reload")
        probes = len(self._keeper.runners)
        self._say(
            f"keeping {_count(len(self._keeper.agreements), 'agreement')}, looking at {_count(probes, 'source')}"
        )
        if started is not None:
            started(self)
        await self._stop.wait()
        reloading.cancel()
        self._housekeeping.stop()
        await self._end()
        return self._code

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            try:
                await self._reload_once()
            except Exception:
                _log.exception(
                    "the reload failed; everything stays as it was where it had not been changed yet"
                )
                self._say("The reload failed; see the log.")
            self.reloads += 1

    async def _reload_once(self) -> None:
        config = self.config
        broken: list[str] = []
        try:
            config = load_config(self.config.path, self._environ)
        except ConfigError as error:
            broken.extend(error.problems)
            for problem in error.problems:
                self._tell(problem)
            self._tell("The configuration stays as it was.")
        found = await asyncio.to_thread(find_agreements, self._paths)
        running = {title: kept.deployment for title, kept in self._keeper.agreements.items()}
        changes = await asyncio.to_thread(compare, running, found, config, self._environ, self._clock)
        if config.http != self.config.http:
            self._tell("[http] is read at the start only; what changed there takes a new start.")
        self.config = config
        self.broken = (*broken, *changes.messages)
        for message in changes.messages:
            self._tell(message)
        for warning in changes.warnings:
            self._tell(f"warning: {warning}")
        await self._keeper.apply(changes)
        self._outbox.try_all_addresses()
        self._outbox.wake()
        done = [
            _count(len(which), "agreement") + f" {what}"
            for what, which in (
                ("added", changes.added),
                ("changed", [*changes.changed, *changes.adjusted]),
                ("removed", changes.removed),
            )
            if which
        ]
        kept = "; what is wrong stays as it was" if changes.messages else ""
        self._tell(f"read again: {', '.join(done) or 'nothing changed'}{kept}")

    # Ending

    async def _end(self) -> None:
        _log.info("stopping")
        await asyncio.gather(
            self._outbox.close(SENDS_END_WITHIN),
            *(runner.stop(PROBES_END_WITHIN) for runner in self._keeper.runners),
            return_exceptions=True,
        )
        self._keeper.close()
        left = await asyncio.to_thread(self._writer.close, WRITES_END_WITHIN)
        if left:
            self._code = 1
            self._tell(
                f"{_many(left, 'observation or result', 'observations and results')} could not be stored. "
                f"{self._writer.trouble or ''}".strip()
            )

    # From the parts

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

    def _fatal(self, sentence: str) -> None:
        self._code = 1
        self._tell(sentence)
        self.stop()

    def _drop(self) -> None:
        self._dropped += 1
        if self._dropped == 1:
            self._tell(
                f"{self.config.limits.buffer} results wait in memory, and no more find room: until the store can be "
                "written again, observations are lost, and that time is unknown."
            )

    def _status_of(self, kept: Kept) -> AgreementStatus:
        agreement, judge = kept.deployment.agreement, kept.judge
        return AgreementStatus(
            title=agreement.title,
            version=agreement.version,
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
        _log.warning("%s", sentence)
        self._say(sentence)

    def _soon(self, function: Callable[..., None], *values: object) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(function, *values)

    def _take_signals(self) -> None:
        assert self._loop is not None
        wanted = [("SIGTERM", self.stop), ("SIGINT", self.stop), ("SIGHUP", self.reload)]
        for name, reaction in wanted:
            number = getattr(signal, name, None)
            if number is not None:
                # Only the main thread of a process can take signals, and not on every system.
                with suppress(RuntimeError, ValueError, NotImplementedError):
                    self._loop.add_signal_handler(number, reaction)


def _prepare_channels(changes: Changes) -> None:
    """Loads what webhooks need, which takes a few hundred milliseconds that no probe should have to wait."""
    plans = [plan for one in changes.added for plan in one.channels.values()]
    if any(not isinstance(plan, str) and plan.kind in ("webhook", "alertmanager") for plan in plans):
        trusted_context()


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _raise_limit_on_files() -> None:
    """Every probe that runs needs a file descriptor, and many systems give a process only 1,024 to begin with."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _many(count: int, one: str, several: str) -> str:
    """``1 result waits``, ``2 results wait``."""
    return f"{count} {one if count == 1 else several}"
