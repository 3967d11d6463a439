"""Where a store lies in PostgreSQL, by what no dump takes along: whoever finds it elsewhere goes on from a copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from wsla.store.postgres_sql import SCHEMA

if TYPE_CHECKING:
    import psycopg

_ASKED: Final = {
    # Of the server's files, since they were made.
    "server": "SELECT system_identifier::text FROM pg_control_system()",
    "database": "SELECT oid::text FROM pg_database WHERE datname = current_database()",
    # A dump holds how a table is made, and not the table.
    "table": f"SELECT to_regclass('{SCHEMA}.store')::oid::text",
    # A server that was brought to an earlier moment, or that took another's place, goes on in another one.
    "timeline": "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)",
}

Whereabouts = Mapping[str, str]
"""What is known of the place, by a name for it."""


def whereabouts(connection: psycopg.Connection[Any]) -> Whereabouts:
    """Where the store lies, as far as its user may know. Outside any transaction. Raises psycopg.Error."""
    from psycopg.errors import FeatureNotSupported, InsufficientPrivilege, UndefinedFunction

    found: dict[str, str] = {}
    for name, question in _ASKED.items():
        try:
            row = connection.execute(question.encode()).fetchone()
        except (FeatureNotSupported, InsufficientPrivilege, UndefinedFunction):
            continue
        if row is not None and row[0] is not None:
            found[name] = row[0]
    return found


def is_elsewhere(noted: object, found: Whereabouts) -> bool:
    """True where a store lies somewhere else than was noted in it; what only one of them tells says nothing."""
    return isinstance(noted, dict) and any(noted.get(name, value) != value for name, value in found.items())
