"""A server of PostgreSQL for tests, with nothing in it before: started once, and a database for whoever asks."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from .ports import free_port


def binaries() -> Path | None:
    """The folder of the server's programs; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


class Server:
    """On a free port of 127.0.0.1, without waiting for any disk."""

    def __init__(self, programs: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wsla-postgres-"))
        self._programs = programs
        self._become = _unprivileged(self.folder)
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        make = [
            "-D",
            str(self.folder / "data"),
            "-A",
            "trust",
            "-U",
            "wsla",
            "-E",
            "UTF8",
            "-N",
            "--no-instructions",
        ]
        subprocess.run(
            [*self._become, str(programs / "initdb"), *make], check=True, capture_output=True, cwd=self.folder
        )
        self.start()

    def start(self) -> None:
        """Begin, and wait until it answers."""
        import psycopg

        options = [
            "-D",
            str(self.folder / "data"),
            "-p",
            str(self.port),
            "-k",
            str(self.folder),
            "-h",
            "127.0.0.1",
        ]
        quick = [
            "-F",
            "-c",
            "full_page_writes=off",
            "-c",
            "synchronous_commit=off",
            "-c",
            "shared_buffers=16MB",
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._become,
                    str(self._programs / "postgres"),
                    *options,
                    *quick,
                    "-c",
                    "max_connections=60",
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        for _ in range(1200):
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        """End at once, connections with it."""
        if self._process is not None:
            # A shell of runuser stands between us and it.
            number = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
            os.kill(number, signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def close(self) -> None:
        """End for ever."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://wsla@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Runs a statement, gives its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def empty(self, url: str) -> None:
        """Takes everything out of a store, which then is another one. That is a hundred times quicker than a new
        database: it makes no files."""
        name = url.rpartition("/")[2]
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
        self.execute(_EMPTY, name)

    def database(self) -> str:
        """The URL of a new database."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Removes a database, whoever uses it."""
        self.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")


_EMPTY = """
    SET session_replication_role = replica;
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'wsla' AND tablename <> 'store' LOOP
            EXECUTE format('DELETE FROM wsla.%I', name);
        END LOOP;
        FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'wsla' LOOP
            PERFORM setval(format('wsla.%I', name), 1, false);
        END LOOP;
    END $$;
    UPDATE wsla.store SET identity = gen_random_uuid()::text, epoch = 0, holder = '{}', beside = 0;
"""


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = next(name for name in ("postgres", "nobody") if name in known)
    os.chown(folder, known[user].pw_uid, known[user].pw_gid)
    return ["runuser", "-u", user, "--"]
