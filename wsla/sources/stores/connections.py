"""Connections to stores that speak SQL, by the beginning of their address. They only read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self

from wsla.evaluation.encoding import DataError, quoted
from wsla.sources.stores.dialects import Column, ColumnKind, Dialect, DuckDB, PostgreSQL, Spark
from wsla.sources.stores.push import unreadable

_ROWS_AT_ONCE: Final = 10_000

_DUCKDB_KINDS: Final = {
    "BOOLEAN": ColumnKind.TRUTH,
    **dict.fromkeys(
        (
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "HUGEINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
        ),
        ColumnKind.WHOLE,
    ),
    "FLOAT": ColumnKind.FLOAT,
    "DOUBLE": ColumnKind.FLOAT,
    "VARCHAR": ColumnKind.TEXT,
    "TIMESTAMP WITH TIME ZONE": ColumnKind.INSTANT,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"), ColumnKind.LOCAL),
}
# The numbers of PostgreSQL's types never change.
_POSTGRES_KINDS: Final = {
    16: ColumnKind.TRUTH,
    **dict.fromkeys((20, 21, 23), ColumnKind.WHOLE),
    1700: ColumnKind.DECIMAL,
    **dict.fromkeys((700, 701), ColumnKind.FLOAT),
    **dict.fromkeys((25, 1042, 1043), ColumnKind.TEXT),
    1184: ColumnKind.INSTANT,
    1114: ColumnKind.LOCAL,
}


class DuckDBStore:
    """A DuckDB file."""

    dialect: Dialect = DuckDB()

    def __init__(self, path: str) -> None:
        try:
            import duckdb
        except ImportError:
            raise _not_installed("DuckDB", "duckdb") from None
        self._path: Final = path
        self._errors: Final = duckdb.Error
        try:
            self._connection: Final = duckdb.connect(path, read_only=path != ":memory:")
        except duckdb.Error as problem:
            raise unreadable(path, problem) from None

    def columns(self, relation: str) -> Mapping[str, Column]:
        """The columns of what may stand behind FROM."""
        return {row[0]: _duckdb_column(row[1]) for row in self.rows(f"DESCRIBE SELECT * FROM {relation}")}

    def rows(self, sql: str) -> Iterator[Sequence[Any]]:
        """What a statement gives."""
        try:
            cursor = self._connection.execute(sql)
            while found := cursor.fetchmany(_ROWS_AT_ONCE):
                yield from found
        except self._errors as problem:
            raise unreadable(self._path, problem) from None

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _duckdb_column(kind: str) -> Column:
    if kind.startswith("DECIMAL("):
        return Column(kind=ColumnKind.DECIMAL, places=int(kind.removesuffix(")").partition(",")[2]))
    return Column(kind=_DUCKDB_KINDS.get(kind, ColumnKind.OTHER))


class PostgreSQLStore:
    """A PostgreSQL database. ``shown`` is its address as messages have it, without a password."""

    dialect: Dialect = PostgreSQL()

    def __init__(self, address: str, shown: str) -> None:
        try:
            import psycopg
        except ImportError:
            raise _not_installed("PostgreSQL", "postgres") from None
        self._shown: Final = shown
        self._errors: Final = psycopg.Error
        try:
            self._connection: Final = psycopg.connect(address, connect_timeout=10)
            self._connection.read_only = True
        except psycopg.Error as problem:
            raise unreadable(shown, problem) from None

    def columns(self, relation: str) -> Mapping[str, Column]:
        """The columns of what may stand behind FROM."""
        try:
            with self._connection.cursor() as cursor:
                found = cursor.execute(f"SELECT * FROM {relation} LIMIT 0").description
        except self._errors as problem:
            raise unreadable(self._shown, problem) from None
        return {
            one.name: Column(kind=_POSTGRES_KINDS.get(one.type_code, ColumnKind.OTHER), places=one.scale)
            for one in found or ()
        }

    def rows(self, sql: str) -> Iterator[Sequence[Any]]:
        """What a statement gives."""
        try:
            # A cursor of the server's, so that a large table is not held here twice.
            with self._connection.cursor(name="wsla") as cursor:
                cursor.itersize = _ROWS_AT_ONCE
                yield from cursor.execute(sql)
        except self._errors as problem:
            raise unreadable(self._shown, problem) from None

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SparkStore:
    """A Spark session, in this process or behind a master."""

    dialect: Dialect = Spark()

    def __init__(self, session: Any) -> None:
        self._session: Final = session
        # Times without an offset are those of UTC, and nothing wraps round in silence.
        session.conf.set("spark.sql.session.timeZone", "UTC")
        session.conf.set("spark.sql.ansi.enabled", "true")

    def columns(self, relation: str) -> Mapping[str, Column]:
        """The columns of what may stand behind FROM."""
        try:
            found = self._session.sql(f"SELECT * FROM {relation} LIMIT 0").schema
        except Exception as problem:
            raise unreadable("Spark", problem) from None
        return {one.name: _spark_column(one.dataType.simpleString()) for one in found}

    def rows(self, sql: str) -> Iterator[Sequence[Any]]:
        """What a statement gives."""
        try:
            yield from self._session.sql(sql).toLocalIterator()
        except Exception as problem:
            raise unreadable("Spark", problem) from None


_SPARK_KINDS: Final = {
    "boolean": ColumnKind.TRUTH,
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), ColumnKind.WHOLE),
    **dict.fromkeys(("float", "double"), ColumnKind.FLOAT),
    "string": ColumnKind.TEXT,
    "timestamp": ColumnKind.INSTANT,
    "timestamp_ntz": ColumnKind.LOCAL,
}


def _spark_column(kind: str) -> Column:
    if kind.startswith("decimal("):
        return Column(kind=ColumnKind.DECIMAL, places=int(kind.removesuffix(")").partition(",")[2]))
    return Column(kind=_SPARK_KINDS.get(kind, ColumnKind.OTHER))


def _not_installed(what: str, extra: str) -> DataError:
    return DataError(f"what reads {quoted(what)} is not installed: pip install 'wsla[{extra}]'")


@contextmanager
def spark_session(master: str) -> Iterator[SparkStore]:
    """A session of our own at a Spark master. Raises DataError where it cannot be had."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise DataError("what speaks to Spark is not installed: pip install pyspark") from None
    try:
        session = SparkSession.builder.master(master).appName("wsla").getOrCreate()
    except Exception as problem:
        raise unreadable(master, problem) from None
    try:
        yield SparkStore(session)
    finally:
        session.stop()
