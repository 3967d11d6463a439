"""A store on a disk that fails: every call and every point of writing is a place where something may happen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from random import Random
from typing import Any, Final, cast

from attrs import define, field

from wsla.store.errors import StoreBroken, StoreBusy
from wsla.store.sqlite import Store
from wsla.testing.simulation.machine import Machine
from wsla.values.instants import SECOND

_BUSY_FOR: Final = 5 * SECOND
_WRITES: Final = frozenset({"write", "pack", "merge", "thin", "delivery_succeeded", "delivery_failed"})
_LEFT_ALONE: Final = frozenset({"close", "path", "kept_from"})


def _sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("simulated")
    error.sqlite_errorcode = code
    return error


@define
class Trouble:
    """What the disk does for a while: ``full``, ``locked``, ``failing`` (an error before a commit), ``uncertain`` (an
    error after a commit), ``unreadable``, ``slow``; from and until are nanoseconds of the timeline."""

    kind: str
    start: int
    end: int


@define
class Disk:
    """Where the store's file lies. It outlives processes; ``machine`` is the one that runs.

    ``crash_in`` is how many points lie before the next crash, None for none.
    """

    troubles: list[Trouble] = field(factory=list)
    chance: Random = field(factory=Random)
    machine: Machine | None = None
    crash_in: int | None = None
    crash_at: str | None = None
    points: int = 0
    _reader: Store | None = None

    def has(self, kind: str) -> bool:
        """True while something of a kind goes on."""
        assert self.machine is not None
        now = self.machine.timeline.now
        return any(one.kind == kind and one.start <= now < one.end for one in self.troubles)

    def point(self, name: str) -> None:
        """A point of writing, by the store's own names."""
        machine = self._passed(name)
        if not self.troubles:
            return
        if name == "before-commit":
            if self.has("full"):
                raise _sqlite_error(sqlite3.SQLITE_FULL)
            if self.has("failing") and self.chance.random() < 0.7:
                raise _sqlite_error(sqlite3.SQLITE_IOERR)
            if self.has("slow"):
                machine.wait(None, self.chance.uniform(0.05, 3))
        if name == "after-commit" and self.has("uncertain") and self.chance.random() < 0.5:
            raise StoreBroken("The store cannot be read or written: simulated.")

    def before(self, method: str) -> None:
        """A call of the store begins."""
        machine = self._passed(f"before {method}")
        if not self.troubles:
            return
        if method in _WRITES and self.has("locked"):
            until = machine.timeline.now + _BUSY_FOR
            while self.has("locked") and machine.timeline.now < until:
                machine.wait(None, 0.5)
            if self.has("locked"):
                raise StoreBusy("Another process holds the store locked (simulated).")
        if method not in _WRITES and self.has("unreadable") and self.chance.random() < 0.5:
            raise StoreBroken("The store cannot be read or written: simulated.")

    def after(self, method: str) -> None:
        """A call of the store has ended."""
        self._passed(f"after {method}")

    def open(self, path: str, *, now: Callable[[], int], writer: bool) -> Store:
        """The store of a path, with this disk under it. Raises StoreError."""
        self._passed("before open")
        raw = Store.open(path, writer=writer, now=now, busy_timeout=0.0, fault=self.point)
        return cast(Store, FaultyStore(raw, self))

    def reader(self, path: str, now: Callable[[], int]) -> Store:
        """The same store once more, for reading: one for all who ask, since opening is dear. Raises StoreError."""
        self._passed("before reading")
        if self._reader is None:
            self._reader = Store.open(path, writer=False, now=now, busy_timeout=0.0)
        return cast(Store, FaultyStore(self._reader, self, kept=True))

    def close(self) -> None:
        """Nobody reads any more."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _passed(self, name: str) -> Machine:
        machine = self.machine
        assert machine is not None
        machine.check()
        self.points += 1
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0:
                self.crash_in = None
                self.crash_at = name
                machine.crash(f"at {name}")
        return machine


class FaultyStore:
    """A store of which every call may fail, or be the last thing that the process does."""

    def __init__(self, store: Store, disk: Disk, *, kept: bool = False) -> None:
        self.raw: Final = store
        self._kept: Final = kept
        self._disk: Final = disk

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.raw, name)
        if name in _LEFT_ALONE or not callable(found):
            return found
        disk = self._disk

        def call(*values: Any, **named: Any) -> Any:
            disk.before(name)
            answer = found(*values, **named)
            disk.after(name)
            return answer

        self.__dict__[name] = call
        return call

    def __enter__(self) -> FaultyStore:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._kept:
            self.raw.close()
