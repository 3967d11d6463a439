"""Stores that are started for the tests, on this machine and with nothing in them before."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pytest

pytest.importorskip("numpy", reason="numpy is not installed")

from wsla.sources.stores.connections import DuckDBStore, PostgreSQLStore
from wsla.sources.stores.push import SqlStore


class Database(Protocol):
    """A store that can be filled. ``types`` are its words for those that wsla knows."""

    store: SqlStore
    types: Mapping[str, str]

    def execute(self, sql: str) -> None:
        """Does something."""

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Makes a table with these columns in place of the one there is."""


class Filled:
    """What SQL databases have in common."""

    store: Any
    types: Mapping[str, str]

    def execute(self, sql: str) -> None:
        raise NotImplementedError

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        quoted = self.store.dialect.quoted
        said = ", ".join(f"{quoted(column)} {self.types[kind]}" for column, kind in columns.items())
        self.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
        self.execute(f"CREATE TABLE {quoted(name)} ({said}){self.after_table}")
        if rows:
            written = ", ".join("(" + ", ".join(map(self.literal, row)) + ")" for row in rows)
            self.execute(f"INSERT INTO {quoted(name)} VALUES {written}")

    after_table = ""

    def literal(self, value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return str(value).upper()
        return self.store.dialect.text(value) if isinstance(value, str) else str(value)


class DuckDBDatabase(Filled):
    """In memory."""

    types: ClassVar = {
        "truth": "BOOLEAN",
        "whole": "BIGINT",
        "text": "VARCHAR",
        "decimal": "DECIMAL(18, 3)",
        "float": "DOUBLE",
        "instant": "TIMESTAMPTZ",
        "local": "TIMESTAMP",
    }

    def __init__(self) -> None:
        self.store = DuckDBStore(":memory:")

    def execute(self, sql: str) -> None:
        self.store._connection.execute(sql)


class PostgreSQLDatabase(Filled):
    """A server of our own."""

    types: ClassVar = {
        "truth": "boolean",
        "whole": "bigint",
        "text": "text",
        "decimal": "numeric(18, 3)",
        "float": "double precision",
        "instant": "timestamptz",
        "local": "timestamp",
    }

    def __init__(self, address: str) -> None:
        import psycopg

        self.address = address
        self._writing = psycopg.connect(address, autocommit=True)
        self.store = PostgreSQLStore(address, "the test's database")

    def execute(self, sql: str) -> None:
        # What only reads must not see a table twice in one transaction.
        self.store._connection.rollback()
        self._writing.execute(sql)


@pytest.fixture(scope="session")
def duckdb_database() -> Iterator[DuckDBDatabase]:
    pytest.importorskip("duckdb", reason="DuckDB is not installed")
    database = DuckDBDatabase()
    yield database
    database.store.close()


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[PostgreSQLDatabase]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not binaries:
        pytest.skip("PostgreSQL's server is not installed")
    folder = Path(tempfile.mkdtemp(prefix="wsla-postgres-"))
    port = free_port()
    server = None
    try:
        become = _unprivileged(folder)
        data = folder / "data"
        bin_ = binaries[-1].parent
        subprocess.run(
            [*become, str(bin_ / "initdb"), "-D", str(data), "-A", "trust", "-U", "wsla", "-E", "UTF8", "-N"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        server = subprocess.Popen(
            [
                *become,
                str(bin_ / "postgres"),
                *("-D", str(data), "-p", str(port), "-k", str(folder), "-F", "-h", "127.0.0.1"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        wait_for_port(port, server)
        database = _connected(f"postgresql://wsla@127.0.0.1:{port}/postgres")
        yield database
        database.store.close()
        database._writing.close()
    finally:
        if server is not None:
            server.terminate()
            server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _connected(address: str) -> PostgreSQLDatabase:
    import time

    import psycopg

    for _ in range(100):
        try:
            return PostgreSQLDatabase(address)
        except psycopg.OperationalError:
            time.sleep(0.1)
    return PostgreSQLDatabase(address)


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    user = next(name for name in ("postgres", "nobody") if _exists(name))
    os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    return ["runuser", "-u", user, "--"]


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until somebody listens."""
    import time

    for _ in range(300):
        if server.poll() is not None:
            pytest.fail("the server ended by itself")
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the server does not listen")


@pytest.fixture(scope="session", params=["duckdb", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each store that speaks SQL."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found
