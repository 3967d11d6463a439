"""Backups, taken while a daemon writes, and stores made from them: whole or not at all, and never over another one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import quote

from attrs import frozen

from wsla.store import schema
from wsla.store.errors import StoreError, damaged, from_os, from_sqlite
from wsla.store.location import check_place, size
from wsla.store.lock import WriterLock
from wsla.store.restoring import Restored, mark_restored

_PAGES: Final = 2_000

Advance = Callable[[int, int], None]
"""Is told how many pages are copied, and how many there are."""


@frozen(kw_only=True)
class Copied:
    """A copy that was made: its bytes, and how many agreements are in it."""

    size: int
    agreements: int


def back_up(source: str, target: str, now: int, advance: Advance) -> Copied:
    """Copies the store at a path as of one moment to a file that is not there yet. Raises StoreError."""
    check_place(target)
    _refuse_existing(target, "Name a file that is not there yet")
    with _copied(source, target, advance) as copy:
        schema.check_version(copy, source, len(schema.MIGRATIONS))
        with _transaction(copy):
            copy.execute("INSERT INTO copies (kind, at) VALUES ('backup', ?)", (now,))
        (agreements,) = copy.execute("SELECT count(*) FROM agreements").fetchone()
    return Copied(size=size(target), agreements=agreements)


def restore(source: str, target: str, now: Callable[[], int], advance: Advance) -> Restored:
    """Makes a store at a path from a backup. Raises StoreError, StoreLocked where a daemon keeps a store there."""
    check_place(target)
    if size(source) == 0:
        raise StoreError(f"There is no backup to read: {source} is missing or empty.")
    lock = WriterLock.acquire(target, now)
    try:
        for path in (target, f"{target}-wal"):
            _refuse_existing(
                path, "Move what is there away first, -wal and -shm with it; nothing was changed"
            )
        with _copied(source, target, advance) as copy:
            version = schema.check_version(copy, source, len(schema.MIGRATIONS))
            if version == 0:
                raise StoreError(f"{source} holds no store.")
            schema.migrate(copy, version, schema.MIGRATIONS, lambda _: None)
            with _transaction(copy):
                restored = mark_restored(copy, now())
        lock.write_holder(store=True)
    finally:
        lock.release()
    return restored


def _refuse_existing(path: str, advice: str) -> None:
    if os.path.lexists(path):
        raise StoreError(f"There is already something at {path}. {advice}.")


@contextmanager
def _copied(source: str, target: str, advance: Advance) -> Iterator[sqlite3.Connection]:
    """A copy of a store to work on; in its place, checked and on the disk, when all of that has gone well."""
    part = f"{target}.part"
    made = False
    try:
        made = _make(part)
        reading = sqlite3.connect(f"file:{quote(source)}?mode=ro", uri=True, isolation_level=None)
        copy = sqlite3.connect(f"file:{quote(part)}?mode=rw", uri=True, isolation_level=None)
        try:
            _copy(reading, copy, source, advance)
            yield copy
            _check(copy, source)
        finally:
            copy.close()
            reading.close()
        _settle(part, target)
        made = False
    except sqlite3.Error as error:
        raise from_sqlite(error, source) from error
    except OSError as error:
        raise from_os(error, target, "create") from error
    finally:
        if made:
            for path in (part, f"{part}-journal", f"{part}-wal", f"{part}-shm"):
                with suppress(OSError):
                    os.remove(path)


def _make(part: str) -> bool:
    # What an earlier copy left behind when it was killed is nobody's.
    with suppress(FileNotFoundError):
        os.remove(part)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return True


def _copy(reading: sqlite3.Connection, copy: sqlite3.Connection, source: str, advance: Advance) -> None:
    (application,) = reading.execute("PRAGMA application_id").fetchone()
    if application != schema.APPLICATION_ID:
        raise StoreError(f"{source} is not a store of wsla.")
    # Within one transaction of the reader the copy is of one moment, and no writing makes it begin anew.
    reading.execute("BEGIN")
    reading.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    reading.backup(copy, pages=_PAGES, progress=lambda _, left, whole: advance(whole - left, whole))
    reading.execute("ROLLBACK")
    copy.execute("PRAGMA journal_mode = DELETE")
    copy.execute("PRAGMA synchronous = FULL")
    copy.execute("PRAGMA foreign_keys = ON")


def _check(copy: sqlite3.Connection, source: str) -> None:
    (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise damaged(source, found.splitlines()[-1].strip().rstrip("."))


def _settle(part: str, target: str) -> None:
    _flush(part)
    try:
        # Unlike a renaming, a link fails where somebody else has put a file there meanwhile.
        os.link(part, target)
        os.remove(part)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has links.
        os.rename(part, target)
    _flush(os.path.dirname(target))


def _flush(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
