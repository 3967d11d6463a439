"""A connection to a store in a database of PostgreSQL that survives trouble, as ``session`` does it for a file.

One writer at a time: it holds a lock of the server for as long as it is connected, and a number, which the next writer
raises. Every transaction looks at the number first, so that who was thought dead writes nothing more.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from wsla.store import lease, schema
from wsla.store.errors import StoreBroken, StoreBusy, StoreEmpty, StoreError, StoreLocked, StoreReplaced
from wsla.store.lease import ENDED, GIVE_BACK, TAKE, LeaseKeeper
from wsla.store.lock import holder_in_words
from wsla.store.postgres_errors import from_postgres, is_lost
from wsla.store.postgres_place import place_of
from wsla.store.postgres_sql import SCHEMA, in_postgres
from wsla.store.postgres_tables import check_server, check_version, migrate
from wsla.store.postgres_whereabouts import is_elsewhere, whereabouts
from wsla.store.restoring import mark_restored
from wsla.store.statements import Cursor

if TYPE_CHECKING:
    import psycopg

_log = logging.getLogger(__name__)

_STOPPED_FOR: Final = "60s"
"""For how long a transaction may do nothing before the server ends it: nobody else writes meanwhile."""
_SETTLE: Final = (0.0, 0.1, 0.3, 0.6)
"""Seconds before each attempt to learn what became of a transaction whose end was not told."""
_LOOK_AGAIN: Final = 0.05
_FREED_WITHIN: Final = 5.0
_LEFT_WITHIN: Final = 0.5
"""Seconds within which the server notices that a process was killed."""
_GONE: Final = frozenset({"42P01", "3F000"})

_SETTINGS: Final = """
    SELECT set_config('search_path', ?, false), set_config('lock_timeout', ?, false),
        set_config('idle_in_transaction_session_timeout', ?, false),
        set_config('default_transaction_read_only', ?, false),
        set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
        set_config('tcp_keepalives_count', '3', false),
        set_config('synchronous_commit', CASE current_setting('synchronous_commit')
            WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)
"""
_HOLDING: Final = """
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = ? AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# Both take the row of the store: who writes waits for who writes already.
_ENTER: Final = "SELECT identity, epoch, pg_current_xact_id()::text FROM store FOR UPDATE"
_ENTER_BESIDE: Final = (
    "UPDATE store SET beside = beside + 1 RETURNING identity, epoch, pg_current_xact_id()::text"
)
_ENTER_MEMBER: Final = "SELECT identity, epoch, pg_current_xact_id()::text FROM store"


class Statements:
    """A connection of psycopg that takes the store's statements."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection: Final = connection

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Cursor:
        """Runs a statement."""
        return self._connection.execute(in_postgres(statement), values or None)

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Cursor:
        """Runs a statement once with each of the rows."""
        cursor = self._connection.cursor()
        cursor.executemany(in_postgres(statement), rows)
        return cursor


class PostgresSession:
    """See ``wsla.store.session.Session``: this one does the same in a database."""

    def __init__(
        self,
        url: str,
        *,
        writer: bool,
        beside: bool = False,
        member: bool = False,
        busy_timeout: float,
        now: Callable[[], int],
        fault: Callable[[str], None],
    ) -> None:
        """Opens a store, making it where a writer finds none. A ``member`` writes nothing but what daemons tell each
        other, and waits for nobody. Raises StoreError."""
        place = place_of(url)
        import psycopg

        self.path: Final = place.shown
        self.url: Final = url
        self.writer: Final = writer
        self._errors: Final = psycopg.Error
        self._place: Final = place
        self._beside: Final = beside and not writer
        self._member: Final = member
        self._busy_timeout: Final = busy_timeout
        self._now: Final = now
        self._fault: Final = fault
        self._connection: psycopg.Connection[Any] | None = None
        self._identity: str | None = None
        self._epoch: int | None = None
        self._held_by = 0
        self._lease: LeaseKeeper | None = None
        self._doubt: str | None = None
        self._closed = False
        try:
            self._open_first()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Statements]:
        """All of what is done inside is committed at the end, or nothing where anything fails."""
        if self._doubt is not None:
            self.settle()
        connection, number = self._begun()
        try:
            yield Statements(connection)
            self._fault("before-commit")
        except BaseException as error:
            self._roll_back(connection)
            if isinstance(error, self._errors):
                raise self._translated(error) from error
            raise
        self._commit(connection, number)
        self._fault("after-commit")

    def settle(self) -> bool:
        """True where the latest transaction, whose end was not told, was committed after all."""
        number = self._doubt
        if number is None:
            return False
        connection = self._usable()
        until = time.monotonic() + self._busy_timeout
        while True:
            try:
                (status,) = connection.execute("SELECT pg_xact_status($1::xid8)", (number,)).fetchone() or (
                    None,
                )
            except self._errors as error:
                raise self._translated(error) from error
            if status != "in progress":
                self._doubt = None
                return bool(status == "committed")
            if time.monotonic() >= until:
                raise StoreBusy(f"The server of the store {self.path} has not ended a transaction yet.")
            time.sleep(_LOOK_AGAIN)

    def read(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows of a query."""
        connection = self._usable()
        try:
            return connection.execute(in_postgres(statement), values or None).fetchall()
        except self._errors as error:
            raise self._translated(error) from error

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is read inside is read as of one moment, whatever others write meanwhile."""
        connection = self._usable()
        try:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
        except self._errors as error:
            raise self._translated(error) from error
        finally:
            self._roll_back(connection)

    def changes_beside(self) -> int:
        """A number that is another one as soon as somebody else has written."""
        return int(self.read("SELECT beside FROM store")[0][0])

    def check_identity(self) -> None:
        """Raises StoreReplaced where the database holds another store by now, StoreLocked where another writer is in
        force."""
        ((identity, epoch),) = self.read("SELECT identity, epoch FROM store") or [(None, None)]
        self._check(Statements(self._usable()), identity, epoch)

    def close(self) -> None:
        """Close the connection, which frees the lock. May be called twice."""
        self._closed = True
        keeper, self._lease = self._lease, None
        if keeper is not None:
            keeper.end()
            if self._connection is not None:
                with suppress(self._errors):
                    Statements(self._connection).execute(GIVE_BACK, (self._epoch,))
        self._drop()

    # Opening

    def _open_first(self) -> None:
        connection = self._connection = self._connect()
        statements = Statements(connection)
        newest = len(schema.MIGRATIONS)
        try:
            check_server(connection, self.path)
            version = check_version(statements, self.path, newest)
            if self.writer:
                self._lock(statements, version > 0)
                version = check_version(statements, self.path, newest)
                migrate(connection, statements, version, schema.MIGRATIONS, self._fault)
                self._begin_epoch(connection, statements)
                statements.execute(TAKE, (self._epoch, lease.LENGTH))
                assert self._epoch is not None
                self._lease = LeaseKeeper(self._connect, self._epoch)
            elif version < newest:
                what = (
                    "is empty" if version == 0 else f"has schema {version}, older than this wsla's {newest}"
                )
                kind = StoreEmpty if version == 0 else StoreError
                raise kind(f"The store {self.path} {what}; `wsla run` on it makes it ready for reading.")
            (self._identity,) = statements.execute("SELECT identity FROM store").fetchone()
        except self._errors as error:
            raise from_postgres(error, self.path, self._place.secrets) from error

    def _connect(self) -> psycopg.Connection[Any]:
        import psycopg
        from psycopg.types.numeric import Int8Dumper

        application = f"wsla {os.getpid()} on {platform.node()}"
        read_only = "off" if self.writer or self._beside or self._member else "on"
        waiting = f"{max(int(self._busy_timeout * 1000), 1)}ms"
        try:
            connection = psycopg.connect(
                self._place.conninfo,
                autocommit=True,
                cursor_factory=psycopg.RawCursor,
                application_name=application[:63],
                client_encoding="UTF8",
            )
            # All whole numbers are of one type, so that one statement stays one prepared statement.
            connection.adapters.register_dumper(int, Int8Dumper)
            Statements(connection).execute(_SETTINGS, (SCHEMA, waiting, _STOPPED_FOR, read_only))
        except psycopg.Error as error:
            raise from_postgres(error, self.path, self._place.secrets) from error
        return connection

    def _lock(self, statements: Statements, there: bool) -> None:
        """Takes the writers' lock, once what was left behind by somebody killed, or by a lost connection of its own, is
        gone. Raises StoreLocked."""
        until = time.monotonic() + (_LEFT_WITHIN if self._epoch is None else _FREED_WITHIN)
        while not statements.execute("SELECT pg_try_advisory_lock(?)", (schema.APPLICATION_ID,)).fetchone()[
            0
        ]:
            holder, epoch = "{}", None
            if there:
                holder, epoch = statements.execute("SELECT holder, epoch FROM store").fetchone()
            if (self._epoch is not None and epoch != self._epoch) or time.monotonic() >= until:
                raise self._locked(holder)
            ended = there and self._epoch is None and statements.execute(ENDED).fetchone()[0] > 0
            for (pid,) in statements.execute(_HOLDING, (schema.APPLICATION_ID,)).fetchall():
                if ended or (self._epoch is not None and pid == self._held_by):
                    statements.execute("SELECT pg_terminate_backend(?::int)", (pid,))
            time.sleep(_LOOK_AGAIN)
        (self._held_by,) = statements.execute("SELECT pg_backend_pid()").fetchone()

    def _begin_epoch(self, connection: psycopg.Connection[Any], statements: Statements) -> None:
        """This writer is in force from now on. Where the one before it wrote elsewhere, this is a copy of that."""
        here = whereabouts(connection)
        holder = {"pid": os.getpid(), "host": platform.node(), "since": self._now(), "whereabouts": here}
        restored = None
        connection.execute("BEGIN")
        try:
            (before,) = statements.execute("SELECT holder FROM store FOR UPDATE").fetchone()
            if is_elsewhere(json.loads(before).get("whereabouts"), here):
                restored = mark_restored(statements, self._now())
            (self._epoch,) = statements.execute(
                "UPDATE store SET epoch = epoch + 1, holder = ? RETURNING epoch", (json.dumps(holder),)
            ).fetchone()
            self._fault("before-epoch-commit")
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back(connection)
            raise
        if restored is not None:
            number = restored.repeats
            _log.warning(
                "The store %s was restored from a copy, or its server from an earlier state: what was stored after it "
                "is not there. %d message%s waited then and may have been delivered since: marked “possible repeat”.",
                self.path,
                number,
                "" if number == 1 else "s",
            )

    def _locked(self, holder: str) -> StoreLocked:
        name = holder_in_words(json.loads(holder))
        return StoreLocked(f"The store {self.path} is kept by another wsla: {name}.", name)

    # While it is open

    def _usable(self) -> psycopg.Connection[Any]:
        if self._closed:
            raise StoreError(f"The store {self.path} is closed.")
        if self._connection is not None and self._connection.closed:
            self._drop()
        if self._connection is None:
            self._reopen()
        assert self._connection is not None
        return self._connection

    def _reopen(self) -> None:
        connection = self._connect()
        try:
            statements = Statements(connection)
            if self.writer:
                self._lock(statements, True)
            found = statements.execute("SELECT identity, epoch FROM store").fetchone() or (None, None)
            self._check(statements, *found)
        except self._errors as error:
            connection.close()
            raise self._gone(error) or from_postgres(error, self.path, self._place.secrets) from error
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _begun(self) -> tuple[psycopg.Connection[Any], str]:
        """A transaction that writes, and its number. A connection that was lost since the one before is made anew."""
        first = True
        while True:
            connection = self._usable()
            try:
                connection.execute("BEGIN")
                return connection, self._enter(Statements(connection))
            except BaseException as error:
                self._roll_back(connection)
                if not isinstance(error, self._errors):
                    raise
                translated = self._translated(error)
                if not first or self._connection is not None:
                    raise translated from error
                first = False

    def _enter(self, statements: Statements) -> str:
        """Begins to write: the number of the transaction."""
        enter = _ENTER_MEMBER if self._member else _ENTER_BESIDE if self._beside else _ENTER
        found = statements.execute(enter).fetchone()
        identity, epoch, number = found or (None, None, "")
        self._check(statements, identity, epoch)
        return str(number)

    def _check(self, statements: Statements, identity: str | None, epoch: int | None) -> None:
        if identity != self._identity:
            raise StoreReplaced(
                f"The store {self.path} was replaced by another one while it was in use. Nothing more is written. "
                "Put it back, or stop wsla, decide which is the right one, and start it again."
            )
        if self.writer and epoch != self._epoch:
            (holder,) = statements.execute("SELECT holder FROM store").fetchone()
            raise self._locked(holder)

    def _commit(self, connection: psycopg.Connection[Any], number: str) -> None:
        try:
            connection.execute("COMMIT")
        except self._errors as error:
            if not (connection.closed or is_lost(error)):
                self._roll_back(connection)
                raise self._translated(error) from error
            self._doubt = number
            self._drop()
            if not self._settled_soon():
                raise from_postgres(error, self.path, self._place.secrets) from error

    def _settled_soon(self) -> bool:
        """True where a transaction was committed whose end was not told; otherwise it was not, or that is not known."""
        for delay in _SETTLE:
            time.sleep(delay)
            with suppress(StoreBroken, StoreBusy):
                return self.settle()
        return False

    def _translated(self, error: psycopg.Error) -> StoreError:
        connection = self._connection
        if connection is not None and (connection.closed or is_lost(error)):
            self._drop()
        return self._gone(error) or from_postgres(error, self.path, self._place.secrets)

    def _gone(self, error: psycopg.Error) -> StoreError | None:
        if error.sqlstate not in _GONE:
            return None
        return StoreReplaced(
            f"The tables of the store {self.path} were removed while it was in use. Nothing more is written. "
            "Go on from a backup of the database."
        )

    def _roll_back(self, connection: psycopg.Connection[Any]) -> None:
        from psycopg.pq import TransactionStatus

        try:
            if connection.closed:
                self._drop()
            elif connection.info.transaction_status != TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
        except self._errors:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self._errors):
                connection.close()
