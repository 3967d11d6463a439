"""Opens a store with one more step of the schema, to be killed at a point of it: ``migrating.py STORE POINT NTH``."""

from __future__ import annotations

import os
import signal
import sys

from wsla.store import schema
from wsla.store.sqlite import Store

NEXT: schema.Migration = (
    "ALTER TABLE agreements ADD COLUMN archived_at INTEGER",
    "CREATE TABLE disputes (entry_id TEXT NOT NULL REFERENCES entries (id)) STRICT",
    "INSERT INTO disputes SELECT id FROM entries",
)


def main(path: str, point: str, nth: int) -> None:
    """Open the store as its next version would."""
    schema.MIGRATIONS = (*schema.MIGRATIONS, NEXT)  # type: ignore[misc]
    calls = 0

    def fault(name: str) -> None:
        nonlocal calls
        calls += name == point
        if name == point and calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    Store.open(path, writer=True, fault=fault).close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
