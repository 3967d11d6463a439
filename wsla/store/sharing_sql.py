"""Tables and statements of what daemons on one database tell each other: see ``sharing``."""

from __future__ import annotations

from typing import Final

from wsla.store.postgres_sql import SCHEMA

TABLES: Final = (
    f"""
    CREATE TABLE {SCHEMA}.members (
        id TEXT COLLATE "C" PRIMARY KEY,
        keeps TEXT NOT NULL,
        until TIMESTAMPTZ NOT NULL
    )
    """,
    f"""
    CREATE TABLE {SCHEMA}.shares (
        agreement TEXT COLLATE "C" NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        member TEXT COLLATE "C" NOT NULL,
        number BIGINT GENERATED ALWAYS AS IDENTITY,
        pending BIGINT NOT NULL,
        PRIMARY KEY (agreement, source)
    )
    """,
    f"CREATE INDEX shares_of_member ON {SCHEMA}.shares (member)",
    f"""
    CREATE TABLE {SCHEMA}.incoming (
        sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        agreement TEXT COLLATE "C" NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        stream TEXT NOT NULL,
        at BIGINT NOT NULL,
        received_at BIGINT NOT NULL,
        fields TEXT NOT NULL,
        reason TEXT,
        failure TEXT
    )
    """,
)

ENTER: Final = """
    INSERT INTO members (id, keeps, until) VALUES (?, ?, clock_timestamp() + make_interval(secs => ?::float8))
    ON CONFLICT (id) DO UPDATE SET keeps = excluded.keeps, until = excluded.until
    RETURNING (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000
"""
WRITER: Final = """
    SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = ?
            AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
        (SELECT count(*) FROM lease WHERE until < clock_timestamp()),
        (SELECT count(*) FROM lease WHERE until = '-infinity'),
        (SELECT holder FROM store)
"""
# Numbers are given out before they are to be seen, so that a lower one may come after a higher one.
INCOMING: Final = """
    SELECT sequence, agreement, source, stream, at, received_at, fields, reason, failure FROM incoming
    WHERE sequence <> ALL(?::bigint[]) ORDER BY sequence LIMIT ?
"""
ADD: Final = """
    INSERT INTO incoming (agreement, source, stream, at, received_at, fields, reason, failure)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
GRANT: Final = """
    INSERT INTO shares (agreement, source, member, pending) VALUES (?, ?, ?, ?)
    ON CONFLICT (agreement, source) DO NOTHING
"""
