"""That a writer lives, said again and again: one that says nothing for a while may be replaced.

A process that was stopped keeps its connections, and with them its lock. Its lease ends all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from wsla.store.postgres_sql import SCHEMA, in_postgres

if TYPE_CHECKING:
    import psycopg

LENGTH = 10.0
"""Seconds for which a lease holds."""
_SHARE: Final = 5

TABLE: Final = f"""
    CREATE TABLE {SCHEMA}.lease (
        one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
        epoch BIGINT NOT NULL,
        until TIMESTAMPTZ NOT NULL
    )
"""
TAKE: Final = """
    INSERT INTO lease (epoch, until) VALUES (?, clock_timestamp() + make_interval(secs => ?::float8))
    ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, until = excluded.until
"""
_KEEP: Final = """
    UPDATE lease SET until = clock_timestamp() + make_interval(secs => ?::float8) WHERE epoch = ?
"""
GIVE_BACK: Final = "UPDATE lease SET until = '-infinity' WHERE epoch = ?"
ENDED: Final = "SELECT count(*) FROM lease WHERE until < clock_timestamp()"


class LeaseKeeper:
    """A thread with a connection of its own: what keeps the writer busy for long does not end its lease."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], epoch: int) -> None:
        self._connect: Final = connect
        self._epoch: Final = epoch
        self._ended: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="wsla-lease", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Say nothing more."""
        self._ended.set()
        self._thread.join(LENGTH)

    def _run(self) -> None:
        connection: psycopg.Connection[Any] | None = None
        while not self._ended.wait(LENGTH / _SHARE):
            try:
                if connection is None or connection.closed:
                    connection = self._connect()
                connection.execute(in_postgres(_KEEP), (LENGTH, self._epoch))
            except Exception:
                # Whatever it is, the lease is not kept, and the next attempt may go well.
                if connection is not None:
                    with suppress(Exception):
                        connection.close()
                connection = None
        if connection is not None:
            connection.close()
