"""The store's tables in a database of PostgreSQL: whether they are there, of which version, and brought forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from wsla.store import lease, letters_sql, sharing_sql
from wsla.store.errors import StoreError, StoreTooNew
from wsla.store.postgres_sql import SCHEMA, STORE, in_postgres, table_in_postgres
from wsla.store.schema import Migration

if TYPE_CHECKING:
    import psycopg

    from wsla.store.statements import Connection

_OLDEST_SERVER: Final = 130_000
_FOUND: Final = """
    SELECT to_regclass(?) IS NOT NULL,
        (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(?)), current_setting('server_encoding')
"""


def check_server(connection: psycopg.Connection[Any], shown: str) -> None:
    """Raises StoreError where a server or database cannot hold a store."""
    if connection.info.server_version < _OLDEST_SERVER:
        raise StoreError(f"The store {shown} needs PostgreSQL 13 or later.")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreError(
            f"The database of the store {shown} is written in {encoding}: make one with ENCODING 'UTF8'."
        )


def check_version(connection: Connection, shown: str, newest: int) -> int:
    """The schema's version in a database; 0 where there is no store yet.

    Raises StoreTooNew for a later version than ``newest``, and StoreError for tables of another program.
    """
    there, others, _ = connection.execute(_FOUND, (f"{SCHEMA}.store", SCHEMA)).fetchone()
    if not there:
        if others:
            raise StoreError(f"{shown} has a schema {SCHEMA} of another program, not a store of wsla.")
        return 0
    found: int
    (found,) = connection.execute("SELECT version FROM store").fetchone()
    if found > newest:
        raise StoreTooNew(
            f"The store {shown} was written by a later wsla (its schema is {found}, this wsla knows {newest}). "
            "Use that version, or give this one a store of its own."
        )
    return found


def migrate(
    raw: psycopg.Connection[Any],
    connection: Connection,
    version: int,
    migrations: tuple[Migration, ...],
    fault: Callable[[str], None],
) -> None:
    """Bring the tables from ``version`` to the last one, one transaction a step. Raises psycopg.Error."""
    for number in range(version, len(migrations)):
        raw.execute("BEGIN")
        try:
            if number == 0:
                raw.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
                raw.execute(STORE.encode())
                raw.execute("INSERT INTO store DEFAULT VALUES")
                for table in (lease.TABLE, *sharing_sql.TABLES):
                    raw.execute(table.encode())
            for step in migrations[number]:
                if isinstance(step, str):
                    raw.execute(table_in_postgres(step))
                else:
                    step(connection)
                fault("in-migration")
            raw.execute(in_postgres("UPDATE store SET version = ?"), (number + 1,))
            fault("before-migration-commit")
            raw.execute("COMMIT")
        except BaseException:
            if not raw.closed:
                raw.execute("ROLLBACK")
            raise
        fault("after-migration-commit")
    # Beside the versions of the tables that both databases have: one who finds it missing makes it.
    if not connection.execute("SELECT to_regclass(?) IS NOT NULL", (f"{SCHEMA}.letters",)).fetchone()[0]:
        raw.execute(letters_sql.TABLE.encode())
