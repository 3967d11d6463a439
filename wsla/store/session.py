"""A connection to the store's file that survives trouble: one transaction at a time, reopened after a failed write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import quote

from wsla.store import schema
from wsla.store.errors import StoreBroken, StoreBusy, StoreError, StoreReplaced, damaged, from_sqlite
from wsla.store.location import identity, size
from wsla.store.lock import WriterLock

_LOG_KEPT: Final = 64 * 1024 * 1024
"""Bytes to which the write-ahead log is cut after a burst."""


class Session:
    """What the store reads and writes through.

    Every method raises the store's own errors; after one, the transaction is rolled back and the session can be used
    again as soon as the cause is gone. Used by one thread at a time.
    """

    def __init__(
        self,
        path: str,
        *,
        writer: bool,
        beside: bool = False,
        busy_timeout: float,
        now: Callable[[], int],
        fault: Callable[[str], None],
    ) -> None:
        """Opens a file, making it where a writer finds none. With ``beside``, who is no writer may still write
        what the writer does not keep in memory. ``busy_timeout`` is in seconds. Raises StoreError."""
        self.path: Final = path
        self.writer: Final = writer
        self._beside: Final = beside and not writer
        self._busy_timeout: Final = busy_timeout
        self._fault: Final = fault
        self._lock = WriterLock.acquire(path, now) if writer else None
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self.url: Final = path
        try:
            self._open_first()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is done inside is committed at the end, or nothing where anything fails."""
        connection = self._usable()
        self.check_identity()
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            self._fault("before-commit")
            connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back(connection)
            if isinstance(error, sqlite3.Error):
                raise self._translated(error) from error
            raise
        self._fault("after-commit")

    def read(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows of a query."""
        connection = self._usable()
        try:
            return connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._translated(error) from error

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is read inside is read as of one moment, whatever others write meanwhile."""
        connection = self._usable()
        try:
            connection.execute("BEGIN")
            yield
        except sqlite3.Error as error:
            raise self._translated(error) from error
        finally:
            self._roll_back(connection)

    def settle(self) -> bool:
        """False: what SQLite did not tell as committed is not, or is found so when it is written again."""
        return False

    def changes_beside(self) -> int:
        """A number that is another one as soon as somebody else has written."""
        return int(self.read("PRAGMA data_version")[0][0])

    def check_identity(self) -> None:
        """Raises StoreReplaced where the file is no longer the one that was opened; a writer whose lock's file is
        gone takes the lock anew, and raises StoreLocked where somebody else has it."""
        found = identity(self.path)
        if found != self._identity:
            what = "was removed or moved away" if found is None else "was replaced by another file"
            raise StoreReplaced(
                f"The store {self.path} {what} while it was in use. Nothing more is written. "
                "Put the file back, or stop wsla, decide which file is the right one, and start it again."
            )
        if self._log is not None and self._connection is not None and identity(self._log_path) != self._log:
            raise StoreReplaced(
                f"{self._log_path}, which holds the latest of what was stored, was removed or replaced while the "
                "store was in use. Nothing more is written. Stop wsla in the ordinary way, which saves it, and "
                "start it again."
            )
        if self._lock is not None:
            self._lock.keep(self.path)

    def close(self) -> None:
        """Close the file and free the lock. May be called twice."""
        self._closed = True
        self._drop()
        if self._lock is not None:
            self._lock.release()

    @property
    def _log_path(self) -> str:
        return f"{self.path}-wal"

    def _open_first(self) -> None:
        self._identity: tuple[int, int] | None = None
        self._log: tuple[int, int] | None = None
        self._refuse_lost_store()
        try:
            if self.writer or self._beside:
                connection = self._connect("rwc" if self.writer else "rw")
            else:
                connection = self._connect_reader()
            self._connection = connection
            newest = len(schema.MIGRATIONS)
            version = schema.check_version(connection, self.path, newest)
            if self.writer:
                self._check_pages(connection)
                self._prepare_writing(connection)
                schema.migrate(connection, version, schema.MIGRATIONS, self._fault)
            elif version < newest:
                what = (
                    "is empty" if version == 0 else f"has schema {version}, older than this wsla's {newest}"
                )
                raise StoreError(
                    f"The store {self.path} {what}; `wsla run` on it makes it ready for reading."
                )
            elif self._beside:
                self._prepare_writing(connection)
        except sqlite3.Error as error:
            raise from_sqlite(error, self.path) from error
        self._identity = identity(self.path)
        self._remember_log(connection)
        if self._lock is not None:
            self._lock.write_holder(store=True)

    def _refuse_lost_store(self) -> None:
        if size(self.path) > 0:
            return
        what = "is empty" if os.path.lexists(self.path) else "is missing"
        if not self.writer:
            raise StoreError(f"There is no store to read: {self.path} {what}.")
        if size(self._log_path) > 0:
            raise damaged(self.path, f"the file {what}, while {self._log_path} still holds a part of it")
        if self._lock is not None and self._lock.had_store:
            raise StoreBroken(
                f"The store {self.path} {what}, but {self._lock.path} says that one was kept there. Put it back "
                f"from a backup; to begin with an empty store, remove {self.path} and {self._lock.path} first."
            )

    def _connect(self, mode: str, options: str = "") -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(self.path)}?mode={mode}{options}",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _connect_reader(self) -> sqlite3.Connection:
        connection = self._connect("ro")
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if os.access(os.path.dirname(self.path), os.W_OK):
                raise
            if size(self._log_path) > 0:
                raise StoreError(
                    f"The store {self.path} was not closed in the ordinary way, and this user may not bring it in "
                    f"order: read it as a user who may write {os.path.dirname(self.path)}."
                ) from None
            # A reader that may not make the log's index can still read a store that nobody has open.
            connection = self._connect("ro", "&immutable=1")
        return connection

    def _prepare_writing(self, connection: sqlite3.Connection) -> None:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreError(
                f"The store {self.path} lies on a file system without shared memory (a network share, perhaps). "
                "Put it on a local disk."
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_KEPT}")
        # SQLite opens a file that it may not write for reading only, and says so at the first change alone.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute("ROLLBACK")

    def _check_pages(self, connection: sqlite3.Connection) -> None:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise damaged(self.path, found.splitlines()[-1].strip().rstrip("."))

    def _remember_log(self, connection: sqlite3.Connection) -> None:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        self._log = identity(self._log_path) if self.writer else None

    def _usable(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"The store {self.path} is closed.")
        if self._connection is None:
            self._reopen()
        assert self._connection is not None
        return self._connection

    def _reopen(self) -> None:
        self.check_identity()
        try:
            connection = self._connect("rw" if self.writer or self._beside else "ro")
            try:
                if self.writer or self._beside:
                    self._prepare_writing(connection)
                if self.writer:
                    self._save_log(connection)
                self._remember_log(connection)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise from_sqlite(error, self.path) from error
        self._connection = connection

    def _save_log(self, connection: sqlite3.Connection) -> None:
        """After a failed write the log cannot be trusted to be on the disk, although it reads well from memory: what
        it holds is written once more, into the file itself."""
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreBusy(f"Another process is reading the store {self.path}; it is tried again.")

    def _translated(self, error: sqlite3.Error) -> StoreError:
        translated = from_sqlite(error, self.path)
        if isinstance(translated, StoreBroken):
            self._drop()
        return translated

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
