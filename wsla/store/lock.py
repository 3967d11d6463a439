"""One daemon a store: a lock of the kernel on a file beside it, freed by the kernel however its holder ends."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from typing import Final, Self

from wsla.store.errors import StoreError, StoreLocked, from_os
from wsla.store.location import identity
from wsla.values.instants import SECOND, format_instant

_MOST_TEXT: Final = 4096


class WriterLock:
    """Held from ``acquire`` to ``release``. The file stays: who removed it would let a second daemon in."""

    def __init__(self, path: str, descriptor: int, now: Callable[[], int], *, had_store: bool) -> None:
        self.path: Final = path
        self.had_store: Final = had_store
        self._descriptor = descriptor
        self._now = now

    @classmethod
    def acquire(cls, store: str, now: Callable[[], int]) -> Self:
        """The lock of a store's path. Never waits.

        ``had_store`` of the lock tells whether a store was once kept there. Raises StoreLocked, which names
        the holder, and StoreError where the file beside the store cannot be made.
        """
        path = f"{store}.lock"
        try:
            descriptor = _lock(path)
        except OSError as error:
            raise from_os(error, path, "open") from None
        if descriptor is None:
            holder = _read_holder(path)
            raise StoreLocked(f"The store {store} is kept by another wsla: {holder}.", holder)
        lock = cls(path, descriptor, now, had_store=_read(path).get("store") is True)
        lock.write_holder(store=lock.had_store)
        return lock

    def write_holder(self, *, store: bool) -> None:
        """Write who holds the lock, for those who are refused, and whether a store is kept here."""
        holder = {"pid": os.getpid(), "host": platform.node(), "since": self._now(), "store": store}
        text = json.dumps(holder).encode()
        try:
            # Padded and cut afterwards, so that a crash or a full disk never leaves an empty file.
            os.pwrite(self._descriptor, text.ljust(os.fstat(self._descriptor).st_size), 0)
            os.ftruncate(self._descriptor, len(text))
        except OSError:
            # The kernel's lock is what counts; on a full disk the note about its holder may be missing.
            return

    def keep(self, store: str) -> None:
        """Take the lock anew where its file was removed or replaced. Raises as ``acquire``."""
        status = os.fstat(self._descriptor)
        if identity(self.path) == (status.st_dev, status.st_ino):
            return
        other = type(self).acquire(store, self._now)
        os.close(self._descriptor)
        self._descriptor = other._descriptor
        self.write_holder(store=True)

    def release(self) -> None:
        """Let others in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _lock(path: str) -> int | None:
    try:
        import fcntl
    except ImportError:
        raise StoreError("This system has no file locks of the kind that keeps two daemons apart.") from None
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        status = os.fstat(descriptor)
        if identity(path) == (status.st_dev, status.st_ino):
            return descriptor
        # The file was removed between opening and locking: this lock would keep nobody out.
        os.close(descriptor)


def _read(path: str) -> dict[str, object]:
    try:
        with open(path, "rb") as file:
            holder = json.loads(file.read(_MOST_TEXT))
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _read_holder(path: str) -> str:
    return holder_in_words(_read(path))


def holder_in_words(holder: object) -> str:
    """Who holds a store, by the note that it left."""
    match holder:
        case {"pid": int(pid), "host": str(host), "since": int(since)}:
            return f"process {pid} on {host} since {format_instant(since // SECOND * SECOND)}"
        case _:
            return "a process that did not leave its name"
