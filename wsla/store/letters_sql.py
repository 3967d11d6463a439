"""The table and the statements of letters: see ``letters``."""

from __future__ import annotations

from typing import Final

from wsla.store.postgres_sql import SCHEMA

TABLE: Final = f"""
    CREATE TABLE {SCHEMA}.letters (
        sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id TEXT COLLATE "C" NOT NULL UNIQUE,
        agreement TEXT COLLATE "C" NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        beat BOOLEAN,
        content TEXT NOT NULL,
        sent_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
        noted TEXT,
        answer TEXT,
        answered_at TIMESTAMPTZ
    )
"""
"""``beat`` says whether a beat was good, and is NULL where ``content`` holds observations; ``noted`` is what the beat
was taken for."""

# A beat counts when it is taken: one that has waited for long is none any more, and its sender was told so.
WAITING: Final = """
    SELECT id, agreement, source, beat, content, noted FROM letters
    WHERE answer IS NULL AND id <> ALL(?::text[])
        AND (beat IS NULL OR noted IS NOT NULL OR sent_at > clock_timestamp() - make_interval(secs => 30))
    ORDER BY sequence LIMIT ?
"""
ANSWER: Final = """
    UPDATE letters SET answer = ?, answered_at = clock_timestamp() WHERE id = ? AND answer IS NULL
"""
FORGET: Final = """
    DELETE FROM letters WHERE answered_at < clock_timestamp() - make_interval(secs => 60)
        OR beat IS NOT NULL AND noted IS NULL AND sent_at < clock_timestamp() - make_interval(secs => 60)
"""
SEND: Final = """
    INSERT INTO letters (id, agreement, source, beat, content) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
