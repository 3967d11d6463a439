"""What can be seen: the daemon as it is at the moment, and what its store holds; asked from other threads."""

from __future__ import annotations

import concurrent.futures
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol, TypeVar

from attrs import frozen

from wsla.daemon.agreements import sha256_of
from wsla.daemon.daemon import Daemon
from wsla.daemon.pushing import Beat, Taken
from wsla.daemon.status import Status, Turn
from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Plan
from wsla.store.records import Observed
from wsla.store.sqlite import Store

PATIENCE: Final = 5.0
"""Seconds after which a daemon that does not answer is not well."""
_FRESH_FOR: Final = 2.0

Answer = TypeVar("Answer")


class NotAnswering(Exception):
    """The daemon's own thread did not answer in time."""


@frozen(kw_only=True)
class Seen:
    """An agreement that is kept, with its open windows as they stood at the instant ``asked_at`` (nanoseconds)."""

    title: str
    plan: Plan
    version: int
    text: str
    sha256: str
    failed: str | None
    accepted: int
    asked_at: int
    open_windows: tuple[Judgement, ...]


class Asked(Protocol):
    """A daemon, as far as all of them are asked the same."""

    @property
    def turn(self) -> Turn:
        """Whose turn it is to judge."""
        ...

    def now(self) -> int:
        """Its time, nanoseconds since the epoch."""
        ...

    def status(self) -> Status:
        """What is going on; asked in its own thread."""
        ...

    def ask(self, function: Callable[[], Answer]) -> concurrent.futures.Future[Answer]:
        """What a function finds in the daemon's own thread."""
        ...


class Sight(ABC):
    """A daemon and its store: what can be seen of them."""

    def __init__(self, daemon: Asked, store_url: str) -> None:
        self._asked: Final = daemon
        self._store_url: Final = store_url

    @property
    def turn(self) -> Turn:
        """Whose turn it is to judge."""
        return self._asked.turn

    def now(self) -> int:
        """The daemon's time, nanoseconds since the epoch."""
        return self._asked.now()

    def status(self) -> Status:
        """What is going on. Raises NotAnswering."""
        return self._ask(self._asked.status)

    @abstractmethod
    def titles(self) -> dict[str, Plan]:
        """The agreements that are kept, by title. Raises NotAnswering and StoreError."""

    @abstractmethod
    def agreement(self, title: str) -> Seen | None:
        """An agreement, never older than a moment; None where none of that title is kept. Raises NotAnswering and
        StoreError."""

    @abstractmethod
    def push(self, title: str, source: str, sent: Sequence[Observed]) -> concurrent.futures.Future[Taken]:
        """Gives observations that were sent to the daemon that judges; see ``Inbox.take``."""

    @abstractmethod
    def beat(self, title: str, source: str, *, good: bool) -> concurrent.futures.Future[Beat]:
        """Gives a beat to the daemon that judges; see ``Inbox.beat``."""

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store, for reading. Raises StoreError."""
        with Store.open(self._store_url, writer=False) as store:
            yield store

    @contextmanager
    def noting(self) -> Iterator[Store]:
        """The store, for noting what people do about messages beside the daemon. Raises StoreError."""
        with Store.open(self._store_url, writer=False, beside=True) as store:
            yield store

    def _ask(self, function: Callable[[], Answer]) -> Answer:
        try:
            return self._asked.ask(function).result(PATIENCE)
        except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            raise NotAnswering("The daemon does not answer.") from None


class View(Sight):
    """A daemon that judges, and its store."""

    def __init__(self, daemon: Daemon, store_url: str) -> None:
        super().__init__(daemon, store_url)
        self._daemon: Final = daemon
        self._seen: Final[dict[str, tuple[float, Seen]]] = {}

    def titles(self) -> dict[str, Plan]:
        """The agreements that are kept, by title. Raises NotAnswering."""
        return self._ask(self._daemon.plans)

    def agreement(self, title: str) -> Seen | None:
        """An agreement, never older than a moment; None where none of that title is kept. Raises NotAnswering."""
        # Asking an engine costs something for each goal, and would hold up probes if every page did it anew.
        known = self._seen.get(title)
        if known is not None and time.monotonic() - known[0] < _FRESH_FOR:
            return known[1]
        found = self._ask(lambda: self._look(title))
        if found is None:
            self._seen.pop(title, None)
        else:
            self._seen[title] = (time.monotonic(), found)
        return found

    def push(self, title: str, source: str, sent: Sequence[Observed]) -> concurrent.futures.Future[Taken]:
        """Gives the daemon observations that were sent; see ``Inbox.take``."""
        return self._daemon.push(title, source, sent)

    def beat(self, title: str, source: str, *, good: bool) -> concurrent.futures.Future[Beat]:
        """Gives the daemon a beat; see ``Inbox.beat``."""
        return self._daemon.beat(title, source, good=good)

    def _look(self, title: str) -> Seen | None:
        kept = self._daemon.kept(title)
        if kept is None:
            return None
        now, judge = self._daemon.now(), kept.judge
        agreement = kept.deployment.lineage.at(now)
        asked_at = max(judge.time, 0)
        return Seen(
            title=agreement.title,
            plan=kept.deployment.lineage.shown(now),
            version=agreement.version,
            text=agreement.text,
            sha256=sha256_of(agreement),
            failed=judge.failed,
            accepted=judge.accepted,
            asked_at=asked_at,
            open_windows=() if judge.failed is not None else tuple(judge.engine.judgements(asked_at)),
        )
