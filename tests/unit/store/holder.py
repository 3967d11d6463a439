"""Holds a store until its input ends: ``holder.py STORE daemon|exclusive``."""

from __future__ import annotations

import sqlite3
import sys

from wsla.store.sqlite import Store


def main(path: str, how: str) -> None:
    """Hold the store as a daemon does, or lock the file as a foreign tool might."""
    if how == "daemon":
        with Store.open(path, writer=True):
            wait()
    else:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        wait()
        connection.execute("ROLLBACK")
        connection.close()


def wait() -> None:
    """Say that the store is held, and hold it."""
    print("held", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
