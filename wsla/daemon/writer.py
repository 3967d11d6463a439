"""The one thread that writes the store: what comes within a moment is one transaction, in order, whatever happens."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from attrs import define, field, frozen

from wsla.daemon.threads import SYSTEM, Queue, Steps, Thread, Threads
from wsla.store.errors import StoreBusy, StoreCorrupt, StoreError, StoreLocked
from wsla.store.records import (
    AgreementVersion,
    Batch,
    Decided,
    DeliveryOutcome,
    Judged,
    Observed,
    Place,
    Snapshot,
    WriteResult,
)
from wsla.store.sqlite import Store

_log = logging.getLogger(__name__)

GROUP_FOR: Final = 0.1
"""Seconds for which a transaction waits for company."""
LARGEST_GROUP: Final = 500
_RETRY_AFTER: Final = 0.25
_LONGEST_RETRY: Final = 5.0
_REMIND_AFTER: Final = 60.0


@frozen(kw_only=True)
class Item:
    """What is stored together. Items are stored in the order in which they were given.

    A snapshot's state includes the item's own observations, and nothing that is given later.
    """

    agreements: tuple[AgreementVersion, ...] = ()
    observations: tuple[Observed, ...] = ()
    judgements: tuple[Judged, ...] = ()
    decisions: tuple[Decided, ...] = ()
    outcomes: tuple[DeliveryOutcome, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    places: tuple[Place, ...] = ()

    @property
    def weight(self) -> int:
        """How much memory it is counted as."""
        given = len(self.observations) + len(self.judgements) + len(self.decisions) + len(self.outcomes)
        return 1 + given + len(self.snapshots) + len(self.places)


@frozen
class _Call:
    """A question to the store, answered between two transactions, after everything that was given before it."""

    function: Callable[[Store], Any]
    future: Future[Any]


_Entry = tuple[Item, Future[None] | None] | _Call
_END: Final = _Call(lambda store: None, Future())
"""Stands for the end of all that was given."""


@define
class _Group:
    """Items that become one transaction."""

    items: list[tuple[Item, Future[None] | None]] = field(factory=list)
    weight: int = 0
    kept: set[str] = field(factory=set)

    def takes(self, item: Item) -> bool:
        """False where the item has to wait for the next transaction."""
        # A snapshot claims to know every observation of its transaction.
        if self.weight >= LARGEST_GROUP:
            return False
        return not self.kept or not any(one.agreement in self.kept for one in item.observations)

    def add(self, item: Item, future: Future[None] | None) -> None:
        """Puts an item in."""
        self.items.append((item, future))
        self.weight += item.weight
        self.kept.update(snapshot.agreement for snapshot in item.snapshots)

    def batch(self) -> Batch:
        """The transaction."""
        items = [item for item, _ in self.items]
        return Batch(
            agreements=tuple(one for item in items for one in item.agreements),
            observations=tuple(one for item in items for one in item.observations),
            judgements=tuple(one for item in items for one in item.judgements),
            decisions=tuple(one for item in items for one in item.decisions),
            outcomes=tuple(one for item in items for one in item.outcomes),
            snapshots=tuple(one for item in items for one in item.snapshots),
            places=tuple(one for item in items for one in item.places),
        )


class Writer:
    """Owns an open store. ``limit`` is the number of observations and other things that wait in memory at most.

    ``on_commit`` is called in the writing thread after each transaction, ``on_trouble`` with a sentence when writing
    begins to fail and with None when it works again, ``on_fatal`` when there is no use in going on; where that is
    because another writer is in force, ``replaced`` is true by then.
    """

    def __init__(
        self,
        store: Store,
        *,
        limit: int,
        on_commit: Callable[[Batch, WriteResult], None],
        on_trouble: Callable[[str | None], None],
        on_fatal: Callable[[str], None],
        threads: Threads = SYSTEM,
    ) -> None:
        self._store: Final = store
        self._limit: Final = limit
        self._on_commit: Final = on_commit
        self._on_trouble: Final = on_trouble
        self._on_fatal: Final = on_fatal
        self._threads: Final = threads
        self._queue: Final[Queue[_Entry | None]] = threads.queue()
        self._hurry: Final = threads.event()
        self._lock: Final = threading.Lock()
        self._waiting = 0
        self._stop_at: float | None = None
        self._stopping: Final = threads.event()
        self._thread: Thread | None = None
        self.trouble: str | None = None
        self.dead: str | None = None
        self.replaced = False
        self._ended = False

    def start(self) -> None:
        """Begin to write."""
        self._thread = self._threads.start(self._run(), "wsla-writer")

    @property
    def store_url(self) -> str:
        """The address of the store, for who reads beside."""
        return self._store.url

    @property
    def waiting(self) -> int:
        """How much is not stored yet."""
        return self._waiting

    @property
    def full(self) -> bool:
        """True where nothing more should be given: what is kept in memory has reached its limit."""
        return self._waiting >= self._limit

    def submit(self, item: Item) -> Future[None]:
        """Takes an item. The future is done once it is on the disk; it fails where the writer ends before that."""
        future: Future[None] = Future()
        # Who waits may be cancelled; what was given is stored all the same.
        future.set_running_or_notify_cancel()
        self._put(item, future)
        return future

    def give(self, item: Item) -> None:
        """As ``submit``, where nobody waits for it: a future costs more than the rest."""
        self._put(item, None)

    def _put(self, item: Item, future: Future[None] | None) -> None:
        with self._lock:
            self._waiting += item.weight
        self._queue.put((item, future))
        if self._waiting >= LARGEST_GROUP:
            self._hurry.set()
        if self._ended:
            self._refuse_rest()

    def call(self, function: Callable[[Store], Any]) -> Future[Any]:
        """Asks the store something, after everything that was given before. The future may hold a StoreError."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self._queue.put(_Call(function, future))
        self._hurry.set()
        if self._ended:
            self._refuse_rest()
        return future

    def close(self, patience: float) -> int:
        """Stores what is left, for at most ``patience`` seconds; returns how much could not be stored. Blocks."""
        self._stop_at = self._threads.monotonic() + patience
        self._stopping.set()
        self._queue.put(None)
        self._hurry.set()
        if self._thread is not None:
            self._thread.join(patience + 10)
        return self._waiting

    # The thread

    def _run(self) -> Steps[None]:
        try:
            yield from self._work()
        except BaseException as error:
            self.dead = (
                str(error) if isinstance(error, StoreError) else f"the store's writer failed: {error!r}"
            )
            self.replaced = isinstance(error, StoreLocked)
            if not self.replaced:
                _log.critical("%s", self.dead, exc_info=not isinstance(error, StoreError))
            self._on_fatal(self.dead)
        finally:
            self._ended = True
            self._refuse_rest()

    def _work(self) -> Steps[None]:
        following: _Entry | None = None
        while True:
            first = following if following is not None else (yield self._queue.getting())
            following = None
            if first is None:
                return
            if isinstance(first, _Call):
                self._answer(first)
                continue
            group = _Group()
            group.add(*first)
            following = self._fill(group)
            if following is None and group.weight < LARGEST_GROUP:
                # One sleep, and not one for each item: to wake this thread costs more than an item does.
                yield self._hurry.waiting(GROUP_FOR)
                self._hurry.clear()
                following = self._fill(group)
            rest = () if following in (None, _END) else (following,)
            try:
                stored = yield from self._store_group(group)
            except Exception:
                self._refuse(*group.items, *rest)
                raise
            if not stored:
                self._refuse(*group.items, *rest)
                return
            if following is _END:
                following = None
                self._queue.put(None)

    def _fill(self, group: _Group) -> _Entry | None:
        """Puts in what waits; returns what has to wait for the next transaction, None where nothing does."""
        while group.weight < LARGEST_GROUP:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is None:
                return _END
            if isinstance(entry, _Call) or not group.takes(entry[0]):
                return entry
            group.add(*entry)
        return None

    def _store_group(self, group: _Group) -> Steps[bool]:
        """Writes until it is written; False where time to stop has run out."""
        batch = group.batch()
        delay = _RETRY_AFTER
        reminded = 0.0
        while True:
            try:
                result = self._store.write(batch)
            except (StoreCorrupt, StoreLocked):
                raise
            except StoreError as error:
                if self._stop_at is not None and self._threads.monotonic() >= self._stop_at:
                    return False
                if self.trouble is None or self._threads.monotonic() - reminded >= _REMIND_AFTER:
                    reminded = self._threads.monotonic()
                    self.trouble = str(error)
                    self._on_trouble(self.trouble)
                yield self._stopping.waiting(_RETRY_AFTER if isinstance(error, StoreBusy) else delay)
                if self._stop_at is not None:
                    yield self._threads.sleeping(_RETRY_AFTER)
                delay = min(2 * delay, _LONGEST_RETRY)
                continue
            self._committed(group, batch, result)
            return True

    def _committed(self, group: _Group, batch: Batch, result: WriteResult) -> None:
        with self._lock:
            self._waiting -= group.weight
        if self.trouble is not None:
            self.trouble = None
            self._on_trouble(None)
        if result.contradictions:
            _log.warning(
                "what is stored stands, and is not what was computed now: %s (%d in all)",
                result.contradictions[0],
                len(result.contradictions),
            )
        for refused, reason in result.refused:
            _log.error("an observation of %s cannot be stored: %s", refused.observation.source, reason)
        for _, future in group.items:
            if future is not None:
                future.set_result(None)
        self._on_commit(batch, result)

    def _answer(self, call: _Call) -> None:
        try:
            call.future.set_result(call.function(self._store))
        except Exception as error:
            call.future.set_exception(error)

    def _refuse_rest(self) -> None:
        while True:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                return
            if entry is not None:
                self._refuse(entry)

    def _refuse(self, *entries: _Entry) -> None:
        """Nobody is left waiting for what is not stored any more."""
        for entry in entries:
            future = entry.future if isinstance(entry, _Call) else entry[1]
            if future is not None and not future.done():
                future.set_exception(StoreError("The store is closed."))
