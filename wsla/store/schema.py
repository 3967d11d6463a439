"""The tables, as a list of steps from each version of the schema to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from wsla.store.chain import begin_chains, chain_interventions
from wsla.store.errors import StoreError, StoreTooNew
from wsla.store.statements import Connection

APPLICATION_ID: Final = 0x77736C61  # "wsla" in ASCII
OLDEST_SQLITE: Final = (3, 37, 0)  # the first with STRICT tables

Migration = tuple[str | Callable[[Connection], None], ...]
"""What leads from one version to the next, statements for the most part; it runs in one transaction."""

_FIRST: Final[Migration] = (
    """
    CREATE TABLE agreements (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE
    ) STRICT
    """,
    """
    CREATE TABLE agreement_texts (
        id INTEGER PRIMARY KEY,
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        sha256 TEXT NOT NULL,
        title TEXT NOT NULL,
        version INTEGER NOT NULL,
        text TEXT NOT NULL,
        UNIQUE (agreement_id, sha256)
    ) STRICT
    """,
    """
    CREATE TABLE registrations (
        sequence INTEGER PRIMARY KEY,
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        text_id INTEGER NOT NULL REFERENCES agreement_texts (id),
        at INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX registrations_of_agreement ON registrations (agreement_id, sequence)",
    """
    CREATE TABLE streams (
        id INTEGER PRIMARY KEY,
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        source TEXT NOT NULL,
        stream TEXT NOT NULL,
        UNIQUE (agreement_id, source, stream)
    ) STRICT
    """,
    """
    CREATE TABLE observations (
        arrival INTEGER PRIMARY KEY,
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        stream_id INTEGER NOT NULL REFERENCES streams (id),
        row TEXT NOT NULL,
        at INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        fields TEXT NOT NULL,
        reason TEXT,
        failure TEXT,
        UNIQUE (stream_id, at, row)
    ) STRICT
    """,
    "CREATE INDEX observations_in_order ON observations (agreement_id, at, arrival)",
    """
    CREATE TABLE judgements (
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        goal TEXT NOT NULL,
        labels TEXT NOT NULL,
        window_start INTEGER NOT NULL,
        window_end INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        final INTEGER NOT NULL CHECK (final IN (0, 1)),
        content TEXT NOT NULL,
        recorded_at INTEGER NOT NULL,
        UNIQUE (agreement_id, goal, labels, window_start, window_end)
    ) STRICT
    """,
    "CREATE INDEX judgements_in_order ON judgements (agreement_id, window_end)",
    """
    CREATE TABLE intents (
        sequence INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        at INTEGER NOT NULL,
        content TEXT NOT NULL,
        recorded_at INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX intents_in_order ON intents (agreement_id, at, sequence)",
    """
    CREATE TABLE entries (
        sequence INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        at INTEGER NOT NULL,
        content TEXT NOT NULL,
        digest TEXT NOT NULL,
        recorded_at INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX entries_in_order ON entries (agreement_id, at, sequence)",
    """
    CREATE TABLE outbox (
        sequence INTEGER PRIMARY KEY,
        intent_id TEXT NOT NULL REFERENCES intents (id),
        target TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
        attempts INTEGER NOT NULL DEFAULT 0,
        next_attempt_at INTEGER,
        last_attempt_at INTEGER,
        last_error TEXT,
        delivered_at INTEGER,
        CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
        CHECK ((state = 'delivered') = (delivered_at IS NOT NULL)),
        UNIQUE (intent_id, target)
    ) STRICT
    """,
    "CREATE INDEX outbox_due ON outbox (next_attempt_at, sequence) WHERE state = 'pending'",
    "CREATE INDEX outbox_dead ON outbox (sequence) WHERE state = 'dead'",
    """
    CREATE TABLE snapshots (
        agreement_id INTEGER PRIMARY KEY REFERENCES agreements (id),
        version TEXT NOT NULL,
        at INTEGER NOT NULL,
        arrival INTEGER NOT NULL,
        content TEXT NOT NULL
    ) STRICT
    """,
)

_CLAIMS: Final[Migration] = (
    """
    CREATE TABLE claims (
        sequence INTEGER PRIMARY KEY,
        entry_id TEXT NOT NULL REFERENCES entries (id),
        step TEXT NOT NULL CHECK (step IN ('claimed', 'issued', 'refused')),
        at INTEGER NOT NULL,
        reason TEXT,
        digest TEXT NOT NULL,
        recorded_at INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE UNIQUE INDEX claimed_once ON claims (entry_id) WHERE step = 'claimed'",
    "CREATE UNIQUE INDEX settled_once ON claims (entry_id) WHERE step <> 'claimed'",
)

_CORRECTIONS: Final[Migration] = (
    # Observations that came when the verdicts that they concern were final.
    "ALTER TABLE observations ADD COLUMN late INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1))",
    "CREATE INDEX observations_too_late ON observations (agreement_id, arrival) WHERE late = 1",
    """
    CREATE TABLE corrections (
        sequence INTEGER PRIMARY KEY,
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        at INTEGER NOT NULL,
        window_start INTEGER NOT NULL,
        window_end INTEGER NOT NULL,
        content TEXT NOT NULL,
        recorded_at INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX corrections_in_order ON corrections (agreement_id, sequence)",
)

_SEGMENTS: Final[Migration] = (
    # Observations of a stream that are packed; none of them is a row any more.
    """
    CREATE TABLE segments (
        id INTEGER PRIMARY KEY AUTOINCREMENT, -- who reads in pieces knows a segment by its number: none comes again
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        stream_id INTEGER NOT NULL REFERENCES streams (id),
        first_at INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        count INTEGER NOT NULL,
        codec INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        content BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX segments_in_order ON segments (agreement_id, first_at, last_at)",
    "CREATE INDEX segments_of_stream ON segments (stream_id, last_at)",
    "CREATE INDEX segments_small ON segments (stream_id, first_at, id, last_at, count) WHERE count < 2048",
)

_RETENTION: Final[Migration] = (
    """
    CREATE TABLE rollups (
        stream_id INTEGER NOT NULL REFERENCES streams (id),
        start INTEGER NOT NULL,
        length INTEGER NOT NULL,
        count INTEGER NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (stream_id, start, length)
    ) STRICT, WITHOUT ROWID
    """,
    # Before which instant not everything of a stream is kept.
    """
    CREATE TABLE thinned (
        stream_id INTEGER PRIMARY KEY REFERENCES streams (id),
        until INTEGER NOT NULL
    ) STRICT
    """,
    # The last of what came too late that a correction has looked at.
    """
    CREATE TABLE reviews (
        agreement_id INTEGER PRIMARY KEY REFERENCES agreements (id),
        at INTEGER NOT NULL,
        arrival INTEGER NOT NULL
    ) STRICT
    """,
)

_EVIDENCE: Final[Migration] = (
    """
    CREATE TABLE chain (
        sequence INTEGER PRIMARY KEY,
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        number INTEGER NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        evidence TEXT,
        digest TEXT NOT NULL,
        recorded_at INTEGER NOT NULL,
        UNIQUE (agreement_id, number)
    ) STRICT
    """,
    # Of whole hours of a stream: they need not be read again for every window that holds them.
    """
    CREATE TABLE digests (
        stream_id INTEGER NOT NULL REFERENCES streams (id),
        hour INTEGER NOT NULL,
        count INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        PRIMARY KEY (stream_id, hour)
    ) STRICT, WITHOUT ROWID
    """,
    begin_chains,
)

_COPIES: Final[Migration] = (
    # When this file was copied from a store, and made a store again.
    """
    CREATE TABLE copies (
        sequence INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('backup', 'restored')),
        at INTEGER NOT NULL
    ) STRICT
    """,
    "ALTER TABLE outbox ADD COLUMN possible_repeat INTEGER NOT NULL DEFAULT 0 CHECK (possible_repeat IN (0, 1))",
)

_INTERVENTIONS: Final[Migration] = (
    # What people do about messages.
    """
    CREATE TABLE interventions (
        sequence INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('retry', 'drop', 'acknowledge', 'silence')),
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        subject TEXT NOT NULL,
        target TEXT,
        at INTEGER NOT NULL,
        until INTEGER,
        author TEXT NOT NULL,
        note TEXT,
        recorded_at INTEGER NOT NULL
    ) STRICT
    """,
    # Deliveries that ended without being dead letters: nobody has to look after them.
    """
    CREATE TABLE withheld (
        intent_id TEXT NOT NULL REFERENCES intents (id),
        target TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('dropped', 'acknowledged', 'silenced')),
        PRIMARY KEY (intent_id, target)
    ) STRICT, WITHOUT ROWID
    """,
)

_PLACES: Final[Migration] = (
    # Up to where a source that is read on from where it was left has been read.
    """
    CREATE TABLE places (
        agreement_id INTEGER NOT NULL REFERENCES agreements (id),
        source TEXT NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (agreement_id, source)
    ) STRICT, WITHOUT ROWID
    """,
)

# What people do about messages is a part of the chain, as are the links of what they did before.
_CHAINED_INTERVENTIONS: Final[Migration] = (chain_interventions,)

MIGRATIONS: Final[tuple[Migration, ...]] = (
    _FIRST,
    _CLAIMS,
    _CORRECTIONS,
    _SEGMENTS,
    _RETENTION,
    _EVIDENCE,
    _COPIES,
    _INTERVENTIONS,
    _PLACES,
    _CHAINED_INTERVENTIONS,
)
"""Step ``n`` leads from schema version ``n`` to ``n + 1``; an empty file has version 0. Steps are only ever added."""


def check_library(path: str) -> None:
    """Raises StoreError where the SQLite that Python was built with is too old."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise StoreError(
            f"The store {path} needs SQLite {needed} or later; this Python has {sqlite3.sqlite_version}."
        )


def check_version(connection: sqlite3.Connection, path: str, newest: int) -> int:
    """The schema's version in an open file; 0 where the file is empty.

    Raises StoreTooNew for a later version than ``newest``, and StoreError for a file of another program.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (tables or version or application):
        raise StoreError(f"{path} is a database of another program, not a store of wsla.")
    found: int = version
    if found > newest:
        raise StoreTooNew(
            f"The store {path} was written by a later wsla (its schema is {found}, this wsla knows {newest}). "
            "Use that version, or give this one a store of its own."
        )
    return found


def migrate(
    connection: sqlite3.Connection,
    version: int,
    migrations: tuple[Migration, ...],
    fault: Callable[[str], None],
) -> None:
    """Bring the schema from ``version`` to the last one, one transaction a step. Raises sqlite3.Error."""
    for number in range(version, len(migrations)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for step in migrations[number]:
                if isinstance(step, str):
                    connection.execute(step)
                else:
                    step(connection)
                fault("in-migration")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number + 1}")
            fault("before-migration-commit")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        fault("after-migration-commit")
